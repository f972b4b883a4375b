"""Token ids and hidden states of a backbone."""

import tensorflow as tf

from textgraft.text.packing import add_special, pad_rows


def packed(backbone, texts):
    special = backbone.special_tokens
    tokens = backbone.tokenize(tf.constant([text.encode() for text in texts], tf.string))
    return add_special([tokens], special.start, special.end)[0]


def hidden(backbone, rows):
    """Hidden states of rows, each without its padding."""
    inputs = pad_rows(tf.ragged.constant(rows, tf.int32, ragged_rank=1), backbone.special_tokens.pad)
    states = backbone.network({name: inputs[name] for name in backbone.network.input}).numpy()
    return [state[: len(row)] for state, row in zip(states, rows, strict=True)]
