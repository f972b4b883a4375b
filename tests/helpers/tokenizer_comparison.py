"""Comparison of tokenizer graphs with the `tokenizers` library."""

import random

import tensorflow as tf

from textgraft.text.ops import UNICODE_CLASSES

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]

_BORDERS = {int(code, 16) + offset for spans in UNICODE_CLASSES.values() for code in spans.replace("-", " ").split()
            for offset in (-1, 0, 1)}  # fmt: skip

# Characters at both sides of every border between Unicode classes, and one in 512 of the others.
CLASS_BORDERS = [char for index, char in enumerate(CHARACTERS) if ord(char) in _BORDERS or index % 512 == 0]

_BLOCKS = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE00),
           (0x1100, 0x1200), (0x2000, 0x2070), (0x3040, 0x3100), (0x4E00, 0x4E80), (0xAC00, 0xAD00),
           (0x1F300, 0x1F650), (0xFE00, 0xFE10)]  # fmt: skip


def compiled(tokenize):
    """A tokenizer as a function from strings to lists of ids, traced once."""
    graph = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    return lambda texts: graph(tf.constant([text.encode() for text in texts], tf.string)).to_list()


def differing(texts, tokenize, reference, batch_size=4096):
    """The texts with different ids."""
    batches = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
    return [
        text
        for batch in batches
        for text, ids, expected in zip(batch, tokenize(batch), reference(batch), strict=True)
        if ids != expected
    ]


def random_texts(count, others):
    """Texts of many scripts; a fifth of their characters is one of `others`."""
    draw = random.Random(0)

    def character():
        return chr(draw.randrange(*draw.choice(_BLOCKS))) if draw.random() < 0.8 else draw.choice(others)

    return ["".join(character() for _ in range(draw.randrange(1, 60))) for _ in range(count)]
