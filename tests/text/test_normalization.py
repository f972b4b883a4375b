"""Normalization by TensorFlow's own operations is that of TensorFlow Text."""

import random
import unicodedata

import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from tests.helpers.nasty_texts import NASTY
from textgraft.text.normalization import core_normalizer

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
# One that decomposes, replaces and composes, in every run.
QUICK_FORMS = [pytest.param(form, marks=[] if form == "NFKC" else pytest.mark.slow) for form in FORMS]
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
# Letters, marks of many classes, Hangul jamo and syllables, and what Indic vowels and musical notes are composed of.
SPANS = (
    (0x20, 0x30), (0x41, 0x7F), (0xC0, 0x250), (0x300, 0x370), (0x385, 0x3CF), (0x5B0, 0x5C8), (0x64B, 0x660),
    (0x93C, 0x94E), (0x9BC, 0x9D8), (0xB3E, 0xB58), (0xD3E, 0xD58), (0xFB2, 0xFBD), (0x1100, 0x1200), (0x1AB0, 0x1ACF),
    (0x1DC0, 0x1E00), (0x1E00, 0x2000), (0x20D0, 0x20F1), (0x302A, 0x3030), (0x3099, 0x309F), (0xAC00, 0xAC40),
    (0xFB1D, 0xFB4F), (0x1D157, 0x1D173), (0x11131, 0x11135), (0x114B0, 0x114C4),
)  # fmt: skip


def differing(texts, form):
    got, expected = core_normalizer(form)(tf.constant(texts)), tf_text.normalize_utf8(texts, form)
    return [ascii(text) for text, other in zip(texts, (got != expected).numpy(), strict=True) if other]


def between_marks(codes):
    return [f"{chr(code)}e\u0301{chr(code)}\u0323\u0308{chr(code)}" for code in codes]


@pytest.mark.parametrize("form", QUICK_FORMS)
def test_code_points_between_marks_are_normalized(form):
    """Those that Python's tables change or reorder, and few syllables and others."""
    codes = [
        code
        for code in CODES
        if code % 1024 == 0 or unicodedata.combining(chr(code)) or unicodedata.decomposition(chr(code))
    ]
    assert len(codes) > 7_000
    assert differing(between_marks(codes), form) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_code_point_between_marks_is_normalized(form):
    assert differing(between_marks(CODES), form) == []


@pytest.mark.parametrize("form", FORMS)
def test_random_sequences_are_normalized(form):
    draw, texts = random.Random(0), []
    for _ in range(2_000):
        spans = draw.choices(SPANS, k=draw.randint(1, 3))
        texts.append("".join(chr(draw.randrange(*draw.choice(spans))) for _ in range(draw.randint(1, 12))))
    assert differing(texts, form) == []


@pytest.mark.parametrize("form", FORMS)
def test_nasty_texts_are_normalized(form):
    texts = [text for text in NASTY if len(text) < 20_000]
    assert differing([*texts, "\u0301" * 60, "\u1161" * 60, "\u0344\u0345\u0334" * 20], form) == []
    assert core_normalizer(form)(tf.constant([], tf.string)).shape == (0,)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_long_texts_are_normalized(form):
    assert differing([text for text in NASTY if len(text) >= 20_000], form) == []


def test_graph_has_tensorflows_operations_only():
    function = tf.function(core_normalizer("NFKC"), input_signature=[tf.TensorSpec([None], tf.string)])
    graph = function.get_concrete_function().graph.as_graph_def()
    names = {node.op for node in graph.node} | {node.op for f in graph.library.function for node in f.node_def}
    functions = {f.signature.name for f in graph.library.function}
    assert [name for name in names - functions if not hasattr(tf.raw_ops, name)] == []
