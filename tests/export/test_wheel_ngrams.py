"""N-grams in packages for pip: counted and weighed by Python as by the graph."""

import json
import random
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.exports import TEXTS
from tests.helpers.nasty_texts import NASTY
from textgraft.ngrams.graph import count_ngrams, counting_settings

pytest.importorskip("onnxruntime")

from textgraft.export.ngram_files import ngram_files
from textgraft.export.wheel_runtime.fingerprint import fingerprint64
from textgraft.export.wheel_runtime.ngrams import NgramCounter, NgramLogits


@pytest.fixture(scope="module")
def settings():
    return json.loads(json.dumps(counting_settings()))


def assert_counts_are_those_of_the_graph(texts, settings):
    counter = NgramCounter(settings)
    expected = [{} for _ in texts]
    for row, bucket, count in zip(*(part.numpy().tolist() for part in count_ngrams(tf.constant(texts))), strict=True):
        expected[row][bucket] = int(count)
    different = [text for text, counts in zip(texts, expected, strict=True) if counter.counts(text) != counts]
    assert different == []


def test_fingerprints_are_those_of_tensorflow():
    generator = random.Random(0)
    strings = [generator.randbytes(size) for size in (*range(300), *range(60, 70), 1000, 4096, 65537)]
    hashed = tf.strings.to_hash_bucket_fast(tf.constant(strings, tf.string), 2**62).numpy().tolist()
    assert [fingerprint64(string) % 2**62 for string in strings] == hashed


def test_unusual_texts_have_the_counts_of_the_graph(settings):
    assert_counts_are_those_of_the_graph(
        [*TEXTS, *NASTY, "İI\u0307ΑΣ Σ'’Σ", "a\x00b", "愛\u3099している ก็ดี ၁"], settings
    )


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_each_code_point_has_the_counts_of_the_graph(settings, step):
    codes = [code for code in range(0, sys.maxunicode + 1, step) if not 0xD800 <= code < 0xE000]
    characters = [f"A{chr(code)}b 漢{chr(code)}漢{chr(code)}\u0301 {chr(code)}" for code in codes]
    texts = ["\n".join(characters[start : start + 64]) for start in range(0, len(characters), 64)]
    assert_counts_are_those_of_the_graph(texts, settings)


def test_logits_are_those_of_the_model(with_ngrams, settings, tmp_path):
    for name, content in ngram_files(with_ngrams).items():
        (tmp_path / name).write_bytes(b"".join(content))
    logits = NgramLogits(tmp_path, settings, 2).of([*TEXTS, *NASTY])
    expected = with_ngrams.ngrams.model.logits(np.array([text.encode() for text in [*TEXTS, *NASTY]], object))
    np.testing.assert_allclose(logits[:, 1:], expected / with_ngrams.objective.temperature, atol=1e-5)
    assert not logits[:, 0].any()
    assert NgramLogits(tmp_path, settings, 2).of([]).shape == (0, 2)


@pytest.mark.parametrize(
    "table",
    [
        np.zeros((3, 5), np.float32),
        np.zeros((1, 4), np.float32),
        np.zeros((3, 4)),
        np.array([[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], np.float32),
        np.array([[1, np.nan, 0, 0], [2, 1, 0, 0], [0, 0, 0, 0]], np.float32),
        np.array([[None]], object),
    ],
)
def test_damaged_weights_are_named(settings, tmp_path, table):
    np.save(tmp_path / "ngrams.npy", table)
    with pytest.raises(ValueError, match=r"ngrams.npy is damaged: "):
        NgramLogits(tmp_path, settings, 2)
