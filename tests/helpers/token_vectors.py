"""Token ids and hidden states of a backbone."""

import tensorflow as tf

from textgraft.text.packing import pack, pad


def packed(backbone, texts):
    special = backbone.special_tokens
    tokens = backbone.tokenize(tf.constant([text.encode() for text in texts], tf.string))
    return pack([tokens], special.start, special.end, None).token_ids


def hidden(backbone, rows):
    """Hidden states of rows, each without its padding."""
    inputs = pad(tf.ragged.constant(rows, tf.int32, ragged_rank=1), None, backbone.special_tokens.pad)
    states = backbone.network({name: inputs[name] for name in backbone.network.input}).numpy()
    return [state[: len(row)] for state, row in zip(states, rows, strict=True)]
