"""Cleaning of texts in packages for pip, as by the graph."""

import json
import random

import pytest
import tensorflow as tf

from tests.helpers.nasty_texts import NASTY
from textgraft.export.cleaning_steps import cleaning_steps
from textgraft.text.cleaning import Cleaning

pytest.importorskip("onnxruntime")

from textgraft.export.wheel_runtime.cleaning import TextCleaner


@pytest.mark.parametrize(
    "cleaning",
    [
        Cleaning(),
        Cleaning(strip_html=True),
        pytest.param(Cleaning(lowercase=True), marks=pytest.mark.slow),
        Cleaning(strip_html=True, lowercase=True, strip_punctuation=True),
    ],
)
def test_texts_are_cleaned_as_by_the_graph(cleaning):
    generator = random.Random(0)
    pieces = ["<", ">", "<!--", "-->", "--", "!", "/", "a", "b ", "&lt;", "&amp;", "#39;", "Σ", "\n", "\x00", "…"]
    texts = ["".join(generator.choices(pieces, k=generator.randrange(30))) for _ in range(3000)]
    texts += [*NASTY, "<!--" * 25_000, "<!--" * 25_000 + "-->" + "<!--" * 25_000]
    clean = TextCleaner(json.loads(json.dumps(cleaning_steps(cleaning))))
    expected = [text.decode() for text in cleaning(tf.constant(texts)).numpy()]
    assert [text for text, result in zip(texts, expected, strict=True) if clean(text) != result] == []
