"""The text graph, strings -> clean -> tokenize -> pack, shared by training, prediction and serving."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import tensorflow as tf

from textgraft.errors import ConfigError
from textgraft.text.packing import Packed, pack, pack_windows, pad
from textgraft.text.truncation import WINDOWS


@dataclass(frozen=True)
class TextGraph:
    """All graph ops between a string and the inputs of a network.

    Attributes:
        cleaning: string (n,) -> string (n,).
        tokenize: string (n,) -> int32 ragged (n, None).
        start: id before the first segment, or None.
        end: id after each segment, or None.
        pad_id: id that fills the rows of a batch.
        sequence_length: maximum tokens per row, special tokens included; None for no limit.
        truncation: one of `truncation.TRUNCATIONS`.
        separators: number of `end` ids between the texts of a pair.
    """

    cleaning: Callable[[tf.Tensor], tf.Tensor]
    tokenize: Callable[[tf.Tensor], tf.RaggedTensor]
    start: int | None
    end: int | None
    pad_id: int
    sequence_length: int | None
    truncation: str = "head"
    separators: int = 1

    def pack(self, *segments: tf.Tensor) -> Packed:
        """Convert texts, or pairs of texts, to rows; with truncation "windows" see `pack_windows`.

        Args:
            segments: one or two string tensors (n,).

        Raises:
            ConfigError: for windows of pairs.
        """
        tokens = [self.tokenize(self.cleaning(segment)) for segment in segments]
        if self.truncation == WINDOWS and self.sequence_length is not None:
            if len(tokens) > 1:
                raise ConfigError("truncation 'windows' does not support text pairs; choose head or head+tail")
            return pack_windows(tokens[0], self.start, self.end, self.sequence_length)
        return pack(tokens, self.start, self.end, self.sequence_length, self.truncation, self.separators)

    @cached_property
    def compiled(self) -> Callable[[tf.Tensor], Packed]:
        """`pack` for single texts (n,), traced once."""
        graph: Callable[[tf.Tensor], Packed] = tf.function(
            self.pack, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
        )
        return graph

    @cached_property
    def compiled_pairs(self) -> Callable[[tf.Tensor], Packed]:
        """`pack` for pairs (n, 2), traced once."""
        graph: Callable[[tf.Tensor], Packed] = tf.function(
            lambda pairs: self.pack(*tf.unstack(pairs, axis=1)),
            input_signature=[tf.TensorSpec([None, 2], tf.string)],
            autograph=False,
        )
        return graph

    def pad(self, token_ids: tf.RaggedTensor, segment_ids: tf.RaggedTensor | None = None) -> dict[str, tf.Tensor]:
        """Convert rows to the network's inputs; see `packing.pad`."""
        return pad(token_ids, segment_ids, self.pad_id)
