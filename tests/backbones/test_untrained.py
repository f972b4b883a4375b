"""Vocabularies made of texts, compared with the reference library; networks with random weights."""

import numpy as np
import pytest
import tensorflow as tf
from tokenizers.implementations import BertWordPieceTokenizer, ByteLevelBPETokenizer

from tests.golden.texts import TEXTS as NASTY
from textgraft.backbones.sizes import Sizes
from textgraft.backbones.untrained import make_vocabulary, untrained
from textgraft.errors import ConfigError
from textgraft.storage.folders import write_folder

WORDS = [
    *("the", "old", "man", "sat", "by", "his", "sea", "and", "it", "was", "a", "naïve", "café,", "Ärger!", "漢字"),
    *("don't", "—", "“no”", "they've", "1850s"),
]
SIZES = Sizes(layers=2, width=16, heads=2, sequence_length=12)


def corpus():
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, 12)) for _ in range(200)]


def texts(lines=None):
    """Documents of two pieces each."""
    return ([line[:20].encode(), line[20:].encode()] for line in lines or corpus())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The vocabulary's folder by family."""
    folders = {}

    def make(family, size=340, cased=False):
        if (family, size, cased) not in folders:
            folder = tmp_path_factory.mktemp("vocabularies") / family
            files = make_vocabulary(family, texts(), size, cased)
            write_folder(folder, {name: [content] for name, content in files.items()})
            folders[family, size, cased] = folder
        return folders[family, size, cased]

    return make


def ids_of(backbone, lines):
    return backbone.tokenize(tf.constant([line.encode() for line in lines], tf.string)).to_list()


def test_byte_pairs_equal_the_reference(made):
    backbone = untrained("gpt2", SIZES, made("gpt2"), "float32", 0)
    reference = ByteLevelBPETokenizer()
    pieces = [piece.decode() for text in texts() for piece in text]
    reference.train_from_iterator(pieces, 340, show_progress=False, special_tokens=["<|endoftext|>"])
    vocabulary = reference.get_vocab()
    assert [backbone.token(number) for number in range(340)] == sorted(vocabulary, key=vocabulary.__getitem__)
    lines = [*corpus(), *(text for text in NASTY if "<|endoftext|>" not in text)]
    assert ids_of(backbone, lines) == [one.ids for one in reference.encode_batch(lines)]


def test_byte_pairs_encode_every_text(made):
    backbone = untrained("gpt2", SIZES, made("gpt2"), "float32", 0)
    lines = [*corpus(), "Ζεύς \U0001f600 \x00\x85"]
    token_bytes = backbone.language_model.token_bytes
    assert [b"".join(map(token_bytes, row)).decode() for row in ids_of(backbone, lines)] == lines


@pytest.mark.parametrize("cased", [False, True])
def test_word_pieces_cover_all_words_with_the_ids_of_the_reference(made, cased):
    backbone = untrained("bert", SIZES, made("bert", 200, cased), "float32", 0)
    vocabulary = {backbone.token(number): number for number in range(backbone.vocabulary_size)}
    assert list(vocabulary)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    reference = BertWordPieceTokenizer(vocabulary, lowercase=not cased, strip_accents=not cased)
    found = ids_of(backbone, corpus())
    assert found == [one.ids for one in reference.encode_batch(corpus(), add_special_tokens=False)]
    assert backbone.special_tokens.unknown not in set(np.concatenate(found))
    assert ("Ärger" in vocabulary, "arger" in vocabulary) == (cased, not cased)


def test_special_tokens_in_texts_are_not_added_again():
    files = make_vocabulary("bert", texts(["[SEP] one [MASK] two \ufdd0 \ufffe three"] * 9), 100, False)
    lines = files["vocab.txt"].decode().splitlines()
    assert lines.count("[SEP]") == 1
    assert not {letter for line in lines for letter in line} & {"\ufdd0", "\ufdd3", "\ufffe"}


@pytest.mark.parametrize(
    "family",
    [
        "bert",
        "gpt2",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("roberta", "opt", "distil_bert", "electra")),
    ],
)
def test_weights_depend_on_the_seed(made, family):
    first, again, other = (untrained(family, SIZES, made(family), "float32", seed) for seed in (0, 0, 1))
    assert not first.pretrained
    assert first.max_sequence_length == 12
    for one, two, three in zip(*(each.network.weights for each in (first, again, other)), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=one.path)
        if one.path.endswith(("kernel", "embeddings")):
            assert one.numpy().std() == pytest.approx(0.02, rel=0.3), one.path
            assert np.any(one != three.numpy()), one.path
    vectors, _ = first.vectors(first.tokenize(tf.constant(["the old man", ""])))
    assert vectors.shape[-1] == 16
    assert np.isfinite(vectors).all()


def test_invalid_sizes_and_families_are_reported(made):
    for wrong in ({"layers": 0}, {"width": 10, "heads": 3}, {"sequence_length": 2}, {"dropout": 1.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Sizes(**wrong)
    for family in ("albert", "xlm_roberta", "deberta_v3"):
        with pytest.raises(ConfigError, match="SentencePiece vocabulary is not supported; choose"):
            make_vocabulary(family, texts(), 400, False)
    with pytest.raises(ConfigError, match="word_vectors has no network to train"):
        make_vocabulary("word_vectors", texts(), 400, False)
    with pytest.raises(ConfigError, match="unknown family 'mystery'"):
        make_vocabulary("mystery", texts(), 400, False)
    for family in ("gpt2", "bert"):
        with pytest.raises(ConfigError, match="vocabulary_size 20"):
            make_vocabulary(family, texts(), 20, False)


def test_more_blocks_than_a_model_folder_may_have_are_refused():
    with pytest.raises(ConfigError, match="layers must be between 1 and 64, not 65"):
        Sizes(layers=65)
