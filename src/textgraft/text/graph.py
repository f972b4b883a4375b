"""The text graph: strings -> clean -> tokenize -> pack. Training, prediction and serving all run this one."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from textgraft.text.cleaning import Cleaning
from textgraft.text.packing import Packed, pack, pad


@dataclass(frozen=True)
class TextGraph:
    """Everything between a string and the input of a network, as graph ops.

    Attributes:
        cleaning: what is done to the text first.
        tokenize: string tensor (n,) -> int32 ragged (n, None).
        start: id put before the first segment, or None.
        end: id put after each segment, or None.
        pad_id: id that fills the rows of a batch.
        sequence_length: the longest row, special tokens included; None for no limit.
    """

    cleaning: Cleaning
    tokenize: Callable[[tf.Tensor], tf.RaggedTensor]
    start: int | None
    end: int | None
    pad_id: int
    sequence_length: int | None

    def pack(self, *segments: tf.Tensor) -> Packed:
        """Texts, and second texts for pairs, to packed rows.

        Args:
            segments: one or two string tensors (n,).
        """
        tokens = [self.tokenize(self.cleaning(segment)) for segment in segments]
        return pack(tokens, self.start, self.end, self.sequence_length)

    def pad(self, token_ids: tf.RaggedTensor, segment_ids: tf.RaggedTensor | None = None) -> dict[str, tf.Tensor]:
        """Packed rows to the network's inputs; see `packing.pad`."""
        return pad(token_ids, segment_ids, self.pad_id)
