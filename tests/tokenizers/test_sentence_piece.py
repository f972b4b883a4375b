"""SentencePiece against the `tokenizers` library, with vocabularies trained here."""

import io
import json

import pyarrow.parquet as pq
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2

from tests.golden.texts import SHORT
from tests.helpers.nasty_texts import NASTY
from tests.helpers.paths import GOLDEN
from tests.helpers.tokenizer_comparison import CHARACTERS, CLASS_BORDERS, compiled, differing, random_texts
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError
from textgraft.text.core_operations import core_operations
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import NORMALIZATION_STEPS
from textgraft.tokenizers.sentence_piece import LowercasingSentencePieceTokenizer, SentencePieceTokenizer
from textgraft.tokenizers.sentence_piece_ops import CHARACTER_RULES, NORMALIZERS
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

XLM_ROBERTA = SpecialNames(start="<s>", end="</s>", pad="<pad>", unknown="<unk>", mask="<mask>", separators=2)
ALBERT = SpecialNames(start="[CLS]", end="[SEP]", pad="<pad>", unknown="<unk>", mask="[MASK]")
ALBERT_PIECES = {
    "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "bos_piece": "[CLS]", "eos_piece": "[SEP]",
    "user_defined_symbols": "[MASK]",
}  # fmt: skip


# Characters of texts that take seconds: a graph reads one after another.
LONG = 20_000


def train(texts, size, **options) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=size, hard_vocab_limit=False, minloglevel=2,
        **options,
    )  # fmt: skip
    return model.getvalue()


def convert(model: bytes) -> Tokenizer:
    """XLM-RoBERTa's model file as transformers converts it: fairseq's tokens, then the pieces."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    special = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces = [(piece.piece, piece.score) for piece in proto.pieces[3:]]
    tokenizer = Tokenizer(models.Unigram([*special, *pieces, ("<mask>", 0.0)], unk_id=3))
    tokenizer.add_special_tokens([AddedToken(name) for name in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")])
    charsmap = proto.normalizer_spec.precompiled_charsmap
    steps = [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), *steps])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


class Pair:
    """A tokenizer, its traced graph, and the reference."""

    def __init__(self, tokenizer, rust):
        self.tokenizer, self.ids = tokenizer, compiled(tokenizer)
        self.expected_ids = lambda texts: [row.ids for row in rust.encode_batch(texts)]

    def differing(self, texts):
        return differing(texts, self.ids, self.expected_ids)


def from_model_file(folder, model):
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    return Pair(SentencePieceTokenizer.from_hugging_face(folder, XLM_ROBERTA), convert(model))


def from_json_file(folder, model):
    """Both read the file, since the reference rounds its numbers twice."""
    convert(model).save(str(folder / "tokenizer.json"))
    tokenizer = SentencePieceTokenizer.from_hugging_face(folder, XLM_ROBERTA)
    return Pair(tokenizer, Tokenizer.from_file(str(folder / "tokenizer.json")))


@pytest.fixture(scope="module")
def small_model():
    return train(SHORT, 400)


@pytest.fixture(scope="module", params=[from_model_file, from_json_file], ids=["model", "json"])
def small(request, small_model, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("small"), small_model)


# For what the two files have in common.
from_either_file = pytest.mark.parametrize("small", [from_model_file], indirect=True, ids=["model"])


@pytest.fixture(scope="module")
def reviews(real_data):
    return pq.read_table(real_data / "imdb" / "train.parquet", columns=["text"])["text"].to_pylist()[:7000]


@pytest.fixture(scope="module")
def reviews_model(reviews):
    return train(reviews[:500], 4000)


@pytest.fixture(scope="module")
def trained(reviews_model, tmp_path_factory):
    return from_json_file(tmp_path_factory.mktemp("json"), reviews_model)


def test_ids_equal_the_reference(small):
    assert small.differing([text for text in NASTY if len(text) < LONG]) == []


@from_either_file
def test_ids_of_long_texts_equal_the_reference(small):
    assert small.differing([text for text in NASTY if len(text) >= LONG]) == []


@pytest.mark.parametrize(
    "characters", [CLASS_BORDERS, pytest.param(CHARACTERS, marks=pytest.mark.slow)], ids=["class borders", "all"]
)
def test_every_character_is_normalized_as_in_the_reference(small, characters):
    assert small.differing([f"a{char}\u0301 b" for char in characters]) == []


@pytest.mark.parametrize("count", [500, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_reviews_have_the_ids_of_the_reference(trained, reviews_model, reviews, count, tmp_path):
    texts = reviews[2000 : 2000 + count]
    assert trained.differing(texts) == []
    assert from_model_file(tmp_path, reviews_model).differing(texts) == []


def test_runs_of_dots_depend_on_the_last_bit_of_scores(trained):
    assert trained.differing([f"good{'.' * count}bad" for count in range(1, 200)]) == []


LETTERS = (
    "ab eo. \u2581\u00e9\u0301\u0302\u0344\r\n\x00\u200d\u2122\u2764\u0600\u0958\u094d\u0915\uac00\u1161\u11a8\ufb01<s>"
)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.sampled_from(LETTERS), max_size=30) | st.text(max_size=10), min_size=1, max_size=20))
def test_any_texts_have_the_ids_of_the_reference(texts, small):
    assert small.differing(texts) == []


@from_either_file
@pytest.mark.slow
def test_a_tokenizer_is_rebuilt_from_its_assets(small, tmp_path):
    for name, content in small.tokenizer.assets().items():
        (tmp_path / name).write_bytes(content)
    rebuilt = SentencePieceTokenizer.from_assets(tmp_path, small.tokenizer.settings())
    assert rebuilt.assets() == small.tokenizer.assets()
    assert differing(NASTY, compiled(rebuilt), small.expected_ids) == []


@pytest.mark.slow
@from_either_file
def test_a_saved_model_needs_no_python(small, tmp_path):
    text = "A good film, cliche\u0301..."
    module = tf.Module()
    module.ids = tf.function(
        lambda texts: small.tokenizer(texts).to_tensor(-1), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, tmp_path / "saved")
    (row,) = tf.saved_model.load(tmp_path / "saved").ids(tf.constant([text])).numpy().tolist()
    assert [row] == small.expected_ids([text])


@from_either_file
def test_a_word_of_ten_thousand_letters_is_split_as_in_the_reference(small):
    assert small.differing(["supercalifragilistic" * 500, "a"]) == []


@from_either_file
def test_special_tokens_are_not_split(small):
    vocabulary = small.tokenizer.vocabulary
    (row,) = small.ids(["a<s>b</s> <mask><unk>"])
    tokens = [vocabulary[token_id] for token_id in row]
    assert [token for token in tokens if token.startswith("<")] == ["<s>", "</s>", "<mask>", "<unk>"]


def test_model_folders_accept_exactly_the_steps_that_are_computed():
    assert {*NORMALIZERS, CHARACTER_RULES} == set(NORMALIZATION_STEPS)


def test_albert_unifies_quotes_strips_accents_and_lower_cases(tmp_path):
    (tmp_path / "spiece.model").write_bytes(train([text.lower() for text in SHORT], 400, **ALBERT_PIECES))
    uncased = compiled(LowercasingSentencePieceTokenizer.from_hugging_face(tmp_path, ALBERT))
    assert uncased(["``Clich\u00e9''"]) == uncased(['"cliche"'])
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "keep_accents": true}')
    tokenizer = LowercasingSentencePieceTokenizer.from_hugging_face(tmp_path, ALBERT)
    assert tokenizer.settings()["steps"] == ["quotes"]
    cased = compiled(tokenizer)
    assert cased(["Clich\u00e9"]) != cased(["cliche"])


@pytest.mark.parametrize(
    ("uncased", "steps"), [(True, ["quotes", "nfkd", "strip_accents", "lowercase"]), (False, ["quotes"])]
)
def test_the_case_of_a_keras_hub_preset_is_inferred_from_its_pieces(uncased, steps, tmp_path):
    with pytest.raises(PresetError, match=r"vocabulary.spm is missing"):
        LowercasingSentencePieceTokenizer.from_keras_hub(tmp_path, ALBERT)
    assets = tmp_path / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    texts = [text.lower() if uncased else text for text in SHORT]
    (assets / "vocabulary.spm").write_bytes(train(texts, 400, **ALBERT_PIECES))
    tokenizer = LowercasingSentencePieceTokenizer.from_keras_hub(tmp_path, ALBERT)
    assert tokenizer.settings()["steps"] == steps


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\x7f"])
def test_a_damaged_model_is_reported(content, tmp_path):
    with pytest.raises((ValueError, PresetError)):
        from_model_file(tmp_path, content)


def test_a_bpe_model_is_refused(tmp_path):
    (tmp_path / "sentencepiece.bpe.model").write_bytes(train(SHORT, 400, model_type="bpe"))
    with pytest.raises(ValueError, match="not a unigram model"):
        SentencePieceTokenizer.from_hugging_face(tmp_path, XLM_ROBERTA)


def test_a_replacement_without_a_pattern_is_damage(tmp_path):
    content = json.loads((GOLDEN / "deberta_v3" / "tokenizer.json").read_text())
    content["normalizer"]["normalizers"].append({"type": "Replace", "pattern": {}, "content": ""})
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="not enough values"):
        SentencePieceTokenizer.from_hugging_face(tmp_path, XLM_ROBERTA)


@pytest.mark.parametrize(
    "family", ["xlm_roberta", *(pytest.param(name, marks=pytest.mark.slow) for name in ("albert", "deberta_v3"))]
)
def test_core_ops_give_the_same_ids(family):
    tokenizer = load_backbone(GOLDEN / family)._tokenizer
    texts = [*(f"a{character}b {character}" for character in CLASS_BORDERS), *NASTY[:30], *random_texts(500, " ")]
    graph = compiled(tokenizer)
    with core_operations():
        graph(["traced here"])
    assert differing(texts, graph, compiled(tokenizer)) == []


@pytest.mark.parametrize("length", [512, 513])
def test_a_piece_of_more_than_512_characters_is_refused(length, small_model, tmp_path):
    proto = sentencepiece_model_pb2.ModelProto.FromString(small_model)
    proto.pieces.add(piece="ж" * length, score=-1.0)
    if length > 512:
        with pytest.raises(ValueError, match="a piece has 513 characters; the maximum is 512"):
            from_model_file(tmp_path, proto.SerializeToString())
    else:
        assert not from_model_file(tmp_path, proto.SerializeToString()).differing(["ж" * 512, "ж" * 700, "a"])
