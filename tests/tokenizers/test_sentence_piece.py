"""SentencePiece against the `tokenizers` library, with vocabularies trained here."""

import io
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2

from tests.golden.texts import SHORT
from tests.helpers.nasty_texts import NASTY
from textgraft.backbones.families.xlm_roberta import XlmRoberta
from textgraft.errors import PresetError
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.sentence_piece import LowercasingSentencePieceTokenizer, SentencePieceTokenizer
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

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


@cache
def graph_of(tokenizer):
    return tf.function(tokenizer, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def ids(tokenizer, texts):
    return graph_of(tokenizer)(tf.constant([text.encode() for text in texts], tf.string)).to_list()


def reference(model: bytes) -> Tokenizer:
    """What transformers makes of XLM-RoBERTa's model file: fairseq's tokens, then the pieces."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    special = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces = [(piece.piece, piece.score) for piece in proto.pieces[3:]]
    tokenizer = Tokenizer(models.Unigram([*special, *pieces, ("<mask>", 0.0)], unk_id=3))
    tokenizer.add_special_tokens([AddedToken(name) for name in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")])
    table = proto.normalizer_spec.precompiled_charsmap
    steps = [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(table), *steps])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


def differing(tokenizer, reference, texts):
    """Those of the texts whose ids differ."""
    expected = [row.ids for row in reference.encode_batch(texts)]
    return [text for text, one, other in zip(texts, ids(tokenizer, texts), expected, strict=True) if one != other]


@pytest.fixture(scope="module")
def small():
    return train(SHORT, 400)


@pytest.fixture(scope="module")
def reviews(real_data):
    return pq.read_table(real_data / "imdb" / "train.parquet", columns=["text"])["text"].to_pylist()[:7000]


@pytest.fixture(scope="module")
def trained(reviews):
    return train(reviews[:2000], 8000)


def test_nasty_strings(small, tmp_path):
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", small), SPECIAL)
    assert differing(tokenizer, reference(small), NASTY) == []


@pytest.mark.slow
def test_every_code_point(small, tmp_path):
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", small), SPECIAL)
    texts = [f"a{chr(code)}\u0301 b" for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assert differing(tokenizer, reference(small), texts) == []


def test_reviews(trained, reviews, tmp_path):
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", trained), SPECIAL)
    assert differing(tokenizer, reference(trained), reviews[2000:]) == []


@pytest.fixture(scope="module")
def from_json(trained, tmp_path_factory):
    """The reference, read from its own file as ours is: its numbers are rounded twice."""
    folder = tmp_path_factory.mktemp("json")
    reference(trained).save(str(folder / "tokenizer.json"))
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder, SPECIAL)
    return tokenizer, Tokenizer.from_file(str(folder / "tokenizer.json"))


def test_reviews_with_a_tokenizer_json(from_json, reviews):
    assert differing(*from_json, reviews[2000:]) == []


def test_dots_whose_order_the_last_bit_of_a_score_decides(from_json):
    assert differing(*from_json, [f"good{'.' * count}bad" for count in range(1, 200)]) == []


LETTERS = (
    "ab eo. \u2581\u00e9\u0301\u0302\u0344\r\n\x00\u200d\u2122\u2764\u0600\u0958\u094d\u0915\uac00\u1161\u11a8\ufb01<s>"
)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(st.sampled_from(LETTERS), max_size=30) | st.text(max_size=10), min_size=1, max_size=20))
def test_random_strings(texts, from_json):
    tokenizer, rust = from_json
    assert differing(tokenizer, rust, texts) == []


def test_rebuilt_from_its_assets_it_is_the_same(from_json, tmp_path):
    tokenizer, rust = from_json
    for name, content in tokenizer.assets().items():
        (tmp_path / name).write_bytes(content)
    rebuilt = SentencePieceTokenizer.from_assets(tmp_path, tokenizer.settings())
    assert rebuilt.assets() == tokenizer.assets()
    assert differing(rebuilt, rust, [f"good{'.' * count}bad" for count in range(1, 200)]) == []


def test_it_is_exported_without_python(from_json, tmp_path):
    tokenizer, rust = from_json
    module = tf.Module()
    module.ids = tf.function(
        lambda texts: tokenizer(texts).to_tensor(-1), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, tmp_path / "saved")
    row = tf.saved_model.load(tmp_path / "saved").ids(tf.constant(["A good film, cliche\u0301..."])).numpy()[0].tolist()
    assert row == rust.encode("A good film, cliche\u0301...").ids


def test_a_word_of_many_letters(from_json):
    assert differing(*from_json, ["supercalifragilistic" * 500, "a"]) == []


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
    tokenizer = LowercasingSentencePieceTokenizer.from_hugging_face(folder, special)
    assert ids(tokenizer, ["``Clich\u00e9''"]) == ids(tokenizer, ['"cliche"'])
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "keep_accents": true}')
    kept = LowercasingSentencePieceTokenizer.from_hugging_face(folder, special)
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
        assert (
            LowercasingSentencePieceTokenizer.from_keras_hub(tmp_path / str(lowered), special).settings()["steps"]
            == steps
        )
    with pytest.raises(PresetError, match=r"vocabulary.spm is missing"):
        LowercasingSentencePieceTokenizer.from_keras_hub(tmp_path, special)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\x7f"])
def test_what_is_no_model(content, tmp_path):
    with pytest.raises((ValueError, PresetError)):
        SentencePieceTokenizer.from_hugging_face(folder_of(tmp_path / "model", content), SPECIAL)


def test_a_model_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match="not a unigram model"):
        SentencePieceTokenizer.from_hugging_face(
            folder_of(tmp_path / "model", train(SHORT, 400, model_type="bpe")), SPECIAL
        )
