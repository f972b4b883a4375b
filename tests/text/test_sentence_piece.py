"""SentencePiece against its own library and against `tokenizers`, with vocabularies trained here."""

import io
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sentencepiece
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2
from tokenizers.implementations import SentencePieceUnigramTokenizer

from tests.golden.texts import SHORT
from tests.nasty import NASTY
from textgraft.backbones.albert import AlbertPieces
from textgraft.backbones.tokenizers.base import SpecialNames
from textgraft.backbones.tokenizers.sentence_piece import SentencePieceTokenizer
from textgraft.backbones.xlm_roberta import XlmRoberta
from textgraft.errors import PresetError

SPECIAL = XlmRoberta.special


def train(texts, size, **settings) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=size, hard_vocab_limit=False, minloglevel=2,
        **settings,
    )  # fmt: skip
    return model.getvalue()


def folder_of(path: Path, model: bytes, name: str = "sentencepiece.bpe.model") -> Path:
    path.mkdir()
    (path / name).write_bytes(model)
    return path


def ids(tokenizer, texts):
    graph = tf.function(tokenizer, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    return graph(tf.constant([text.encode() for text in texts], tf.string)).to_list()


def library(model: bytes):
    """The library's ids where fairseq puts them: one further on, the unknown one after three others."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return lambda texts: [[token + 1 if token else 3 for token in row] for row in processor.encode(texts)]


@pytest.fixture(scope="module")
def small():
    return train(SHORT, 400)


@pytest.fixture(scope="module")
def reviews(real_data):
    return pq.read_table(real_data / "imdb" / "train.parquet", columns=["text"])["text"].to_pylist()[:7000]


@pytest.fixture(scope="module")
def trained(reviews):
    return train(reviews[:2000], 8000)


def score(model, vocabulary, row):
    """How probable a model finds a way to split a text: the logarithm."""
    scores = {piece.piece: piece.score for piece in sentencepiece_model_pb2.ModelProto.FromString(model).pieces}
    return sum(scores.get(vocabulary[token], 0) for token in row)


def differing(model, vocabulary, found, expected):
    """How many rows differ; where they do, both ways to split must be equally probable, but for float32's rounding."""
    rows = [(one, other) for one, other in zip(found, expected, strict=True) if one != other]
    for one, other in rows:
        assert abs(score(model, vocabulary, one) - score(model, vocabulary, other)) < 1e-3
    return len(rows)


def test_nasty_strings_as_the_library_splits_them(small, tmp_path):
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", small), SPECIAL)
    texts = [text for text in NASTY if "\0" not in text]  # where the library's own Python interface ends a text
    assert differing(small, tokenizer.vocabulary, ids(tokenizer, texts), library(small)(texts)) <= 5


def test_reviews_as_the_library_and_tokenizers_split_them(trained, reviews, tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "model", trained)
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder, SPECIAL)
    texts = reviews[2000:]
    found, vocabulary = ids(tokenizer, texts), tokenizer.vocabulary
    assert differing(trained, vocabulary, found, library(trained)(texts)) <= 100
    monkeypatch.setitem(sys.modules, "sentencepiece_model_pb2", sentencepiece_model_pb2)
    rust = SentencePieceUnigramTokenizer.from_spm(str(folder / "sentencepiece.bpe.model"))
    other = [[token + 1 if token else 3 for token in row.ids] for row in rust.encode_batch(texts)]
    assert differing(trained, vocabulary, found, other) <= 100


def test_special_tokens_are_found_whole(small, tmp_path):
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", small), SPECIAL)
    (row,) = ids(tokenizer, ["a<s>b</s> <mask><unk>"])
    mask = len(tokenizer.vocabulary) - 1
    assert tokenizer.vocabulary[mask] == "<mask>"
    assert [token for token in row if token in (0, 1, 2, 3, mask)] == [0, 2, mask, 3]


def test_alberts_steps(tmp_path):
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="<pad>", unknown="<unk>", mask="[MASK]")
    model = train(
        [text.lower() for text in SHORT], 400, pad_id=0, unk_id=1, bos_id=2, eos_id=3, bos_piece="[CLS]",
        eos_piece="[SEP]", user_defined_symbols="[MASK]",
    )  # fmt: skip
    folder = folder_of(tmp_path / "model", model, "spiece.model")
    tokenizer = AlbertPieces.from_hugging_face(folder, special)
    assert ids(tokenizer, ["``Clich\u00e9''"]) == ids(tokenizer, ['"cliche"'])
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "keep_accents": true}')
    kept = AlbertPieces.from_hugging_face(folder, special)
    assert ids(kept, ["Clich\u00e9"]) != ids(kept, ["cliche"])
    assert kept.settings()["steps"] == ["quotes"]


def test_a_keras_hub_preset_is_uncased_when_no_piece_has_a_capital(small, tmp_path):
    pieces = {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "bos_piece": "[CLS]", "eos_piece": "[SEP]"}
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="<pad>", unknown="<unk>")
    for lowered, steps in ((True, ["quotes", "nfkd", "strip_accents", "lowercase"]), (False, ["quotes"])):
        assets = tmp_path / str(lowered) / "assets" / "tokenizer"
        assets.mkdir(parents=True)
        texts = [text.lower() if lowered else text for text in SHORT]
        (assets / "vocabulary.spm").write_bytes(train(texts, 400, **pieces))
        assert AlbertPieces.from_keras_hub(tmp_path / str(lowered), special).settings()["steps"] == steps
    with pytest.raises(PresetError, match=r"vocabulary.spm is missing"):
        AlbertPieces.from_keras_hub(tmp_path, special)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\x7f"])
def test_what_is_no_model(content, tmp_path):
    with pytest.raises((ValueError, PresetError)):
        SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", content), SPECIAL)


def test_a_model_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match="no unigram model"):
        SentencePieceTokenizer.from_hugging_face(
            folder_of(tmp_path / "model", train(SHORT, 400, model_type="bpe")), SPECIAL
        )
