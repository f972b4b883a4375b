"""Files of word vectors: word2vec's binary form, and how many words are read."""

import gzip
import struct

import numpy as np
import pytest

from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError, PresetError

WORDS = ["the", "film", "東京", "a_phrase", "the"]
VECTORS = np.random.default_rng(0).normal(size=(5, 3)).astype("<f4")


def binary(words=WORDS, vectors=VECTORS, break_before_word=b"\n"):
    rows = (word.encode() + b" " + vector.tobytes() for word, vector in zip(words, vectors, strict=True))
    return f"{len(words)} {vectors.shape[1]}\n".encode() + break_before_word.join(rows) + break_before_word


@pytest.mark.parametrize("break_before_word", [b"\n", b""])
@pytest.mark.parametrize("suffix", [".bin", ".bin.gz"])
def test_binary_file_is_read(tmp_path, break_before_word, suffix):
    path = tmp_path / f"vectors{suffix}"
    content = binary(break_before_word=break_before_word)
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    backbone = load_backbone(path)
    assert [backbone.token(number) for number in range(4)] == WORDS[:4]
    np.testing.assert_array_equal(backbone.network.get_weights()[0], [*VECTORS[:4], [0, 0, 0]])


@pytest.mark.parametrize("name", ["vectors.bin", "vectors.txt"])
def test_vocabulary_limit_reads_the_first_words(tmp_path, name):
    path = tmp_path / name
    lines = (f"{word} {' '.join(map(str, vector))}\n" for word, vector in zip(WORDS, VECTORS, strict=True))
    path.write_bytes(binary() if name.endswith("bin") else "".join(lines).encode())
    backbone = load_backbone(path, vocabulary_limit=2)
    assert backbone.network.get_weights()[0].shape == (3, 3)
    assert load_backbone(path, vocabulary_limit=100).network.get_weights()[0].shape == (5, 3)
    with pytest.raises(ConfigError, match="at least 1"):
        load_backbone(path, vocabulary_limit=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its first line must be the number of words"),
        (b"the 0.1 0.2\n", "its first line must be the number of words"),
        (binary()[:-8], "ends in word 5 of 5"),
        (b"2 3\nthe " + struct.pack("<3f", 1, float("nan"), 2), "word 1: expected 3 finite numbers"),
        (b"1 3\n" + b"x" * 10_000, "ends in word 1"),
        (b"0 3\n", "has no word vectors"),
        (b"1 1000000000000\nthe ", "1,000,000,000,000 dimensions; the maximum"),
    ],
    ids=range(7),
)
def test_damaged_file_is_reported(tmp_path, content, message):
    (tmp_path / "vectors.bin").write_bytes(content)
    with pytest.raises(PresetError, match=message) as error:
        load_backbone(tmp_path / "vectors.bin")
    assert "\n" not in str(error.value)
