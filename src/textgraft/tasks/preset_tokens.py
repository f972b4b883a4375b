"""The tokenizer of a preset for the checks of data."""

import numpy as np
import tensorflow as tf

from textgraft.data_checks.preset_tokens import PresetTokens, TokenCounts
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.loading import architecture_of


def preset_tokens(preset: str) -> PresetTokens:
    """The tokenizer of a preset, with its default sequence length; a PresetError reports one that cannot be loaded."""
    embedder = TextEmbedder(preset, "float32", **architecture_of(preset))
    graph, backbone = embedder.text_graph, embedder.backbone

    def count(texts: np.ndarray) -> TokenCounts:
        packed = (graph.compiled if texts.ndim == 1 else graph.compiled_pairs)(tf.constant(texts, tf.string))
        is_unknown = packed.token_ids.with_flat_values(
            tf.cast(backbone.is_unknown(packed.token_ids.flat_values.numpy()), tf.int64)
        )
        axes = list(range(1, packed.token_ids.shape.rank))
        tokens = tf.reduce_sum(tf.ones_like(is_unknown), axes) + tf.cast(packed.dropped, tf.int64)
        return TokenCounts(tokens.numpy(), tf.reduce_sum(is_unknown, axes).numpy())

    return PresetTokens(backbone.origin.preset, graph.sequence_length, count)
