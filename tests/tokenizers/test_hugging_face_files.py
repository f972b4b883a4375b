"""tokenizer.json that is written from a tokenizer, read by the `tokenizers` library: equal ids."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tests.golden.texts import SHORT
from tests.helpers.nasty_texts import NASTY
from tests.helpers.paths import GOLDEN
from tests.helpers.tokenizer_comparison import CLASS_BORDERS, compiled, differing, random_texts
from tests.tokenizers.test_sentence_piece import ALBERT, ALBERT_PIECES, LONG, XLM_ROBERTA, train
from textgraft.backbones.presets import load_backbone
from textgraft.text.packing import TextGraph
from textgraft.tokenizers.hugging_face_files import tokenizer_files
from textgraft.tokenizers.sentence_piece import LowercasingSentencePieceTokenizer, SentencePieceTokenizer
from textgraft.tokenizers.tokenizer_json import parsed_as_reference, written_for_reference
from tokenizers import Tokenizer

FAST = ["bert", "roberta", "xlm_roberta"]
SLOW = ["albert", "bert_cased", "bert_sentence_piece", "deberta_v3", "distil_bert", "electra", "gpt2", "opt"]
FAMILIES = [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
WORD_PIECE = ["bert", "bert_cased", "distil_bert", "electra"]
HOSTILE = [
    "<s>a</s> <mask>x [MASK]y <pad> <|endoftext|> a[CLS] ",
    "\uff1cs\uff1e \uff3bCLS\uff3d \uff1cmask\uff1e",
    "  leading and trailing  \n\n",
    "``quoted'' it's 'save we'll",
    "e\u0301\u0327 \u1e09 \u0344 \ufb01 \u2121",
    "\u2581a \u2581\u2581b",
]


def reference(files):
    tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda texts: [row.ids for row in tokenizer.encode_batch(texts, add_special_tokens=False)]


def files_of(tokenizer, special):
    return tokenizer_files(tokenizer, special, special.segments, 16, "PreTrainedTokenizerFast")


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_equal_ids_by_the_library(family):
    backbone = load_backbone(GOLDEN / family)
    nasty = [text for text in NASTY if len(text) < LONG]
    texts = [*nasty, *HOSTILE, *(f"a{char}b {char}" for char in CLASS_BORDERS[::4]), *random_texts(500, " '\n")]
    # Punctuation in the reference's Unicode 8 and an accent to RE2; see test_word_piece.py.
    exceptions = {"a\U000111c9b \U000111c9"} if family in WORD_PIECE else set()
    expected = reference(backbone.hugging_face_tokenizer(None))
    assert set(differing(texts, compiled(backbone.tokenize), expected)) <= exceptions


@pytest.mark.parametrize("family", [*FAST, "gpt2", "opt"])
@pytest.mark.parametrize("length", [9, 10])
def test_rows_and_pairs_are_packed_truncated_and_padded_as_in_training(family, length):
    backbone = load_backbone(GOLDEN / family)
    special = backbone.special_tokens
    graph = TextGraph(
        lambda texts: texts, backbone.tokenize, special.start, special.end, special.pad, length, "head",
        special.separators, special.segments,
    )  # fmt: skip
    library = Tokenizer.from_str(backbone.hugging_face_tokenizer(length)["tokenizer.json"].decode())
    firsts = ["a good film", "", "one two three four five six seven eight", "one two three four five", "a b c d"]
    seconds = ["no", "", "one two three four five six seven eight nine", "x", "one two three four five six"]
    has_segments = "segment_ids" in backbone.network.input
    for columns in ([firsts], [firsts, seconds]):
        packed = graph.pack(*(tf.constant(column) for column in columns))
        rows = library.encode_batch(list(zip(*columns, strict=True)) if len(columns) > 1 else firsts)
        assert [row.ids for row in rows] == packed.token_ids.to_tensor(special.pad).numpy().tolist()
        lengths = packed.token_ids.row_lengths().numpy()
        assert [sum(row.attention_mask) for row in rows] == lengths.tolist()
        first_lengths = packed.first_lengths.numpy() if has_segments else lengths
        assert [sum(row.type_ids) for row in rows] == np.maximum(lengths - first_lengths, 0).tolist()


@pytest.mark.parametrize(
    "family", ["bert", "roberta", *(pytest.param(name, marks=pytest.mark.slow) for name in ("xlm_roberta", *SLOW))]
)
def test_what_is_written_is_read_as_the_same_tokenizer(family, tmp_path):
    backbone = load_backbone(GOLDEN / family)
    for name, content in backbone.hugging_face_tokenizer(24).items():
        (tmp_path / name).write_bytes(content)
    tokenizer = backbone._tokenizer
    copy = type(tokenizer).from_hugging_face(tmp_path, backbone._family.special)
    assert copy.vocabulary == tokenizer.vocabulary
    assert {**copy.settings(), "steps": []} == {**tokenizer.settings(), "steps": []}
    assert differing(SHORT, compiled(copy), compiled(tokenizer)) == []


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.slow) for kind in ("fairseq", "albert")])
def test_a_sentence_piece_model_without_tokenizer_json_has_equal_ids(kind, tmp_path):
    if kind == "fairseq":
        (tmp_path / "sentencepiece.bpe.model").write_bytes(train(SHORT, 400))
        tokenizer, special = SentencePieceTokenizer.from_hugging_face(tmp_path, XLM_ROBERTA), XLM_ROBERTA
    else:
        model = train([text.lower() for text in SHORT], 400, **ALBERT_PIECES)
        (tmp_path / "spiece.model").write_bytes(model)
        tokenizer, special = LowercasingSentencePieceTokenizer.from_hugging_face(tmp_path, ALBERT), ALBERT
    texts = [*NASTY, HOSTILE[0], *HOSTILE[2:], *random_texts(500, " '\n"), *(f"good{'.' * n}bad" for n in range(1, 99))]
    assert differing(texts, compiled(tokenizer), reference(files_of(tokenizer, special))) == []


def test_scores_are_written_so_that_the_library_reads_them_to_the_last_bit():
    draw = np.random.default_rng(0)
    scores = np.float32(-np.exp(draw.normal(2, 1, 20_000))).astype(float).tolist() + draw.normal(size=20_000).tolist()
    tokens = [(str(index), score) for index, score in enumerate(scores)]
    content = ",".join(f'["{token}", {written_for_reference(score)}]' for token, score in tokens)
    library = Tokenizer.from_str(f'{{"model": {{"type": "Unigram", "unk_id": 0, "vocab": [{content}]}}}}')
    read = json.loads(library.to_str())["model"]["vocab"]
    differing_scores = [(a, b) for (_, a), b in zip(read, scores, strict=True) if a != b]
    assert len(differing_scores) < 0.003 * len(scores)  # no decimals have these values
    assert all(abs(a - b) <= np.spacing(abs(b)) for a, b in differing_scores)
    parsed = [parsed_as_reference(score) for score in scores]
    assert [parsed_as_reference(float(written_for_reference(score))) for score in parsed] == parsed


def test_special_tokens_and_settings_are_in_the_other_files():
    files = load_backbone(GOLDEN / "roberta").hugging_face_tokenizer(24)
    config = json.loads(files["tokenizer_config.json"])
    assert config["tokenizer_class"] == "RobertaTokenizer"
    assert config["model_max_length"] == 24
    assert config["add_prefix_space"] is False
    assert [record["content"] for record in config["added_tokens_decoder"].values()][:2] == ["<s>", "<pad>"]
    assert json.loads(files["special_tokens_map.json"]) == {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
        "cls_token": "<s>", "mask_token": "<mask>",
    }  # fmt: skip
    uncased = json.loads(load_backbone(GOLDEN / "bert").hugging_face_tokenizer(24)["tokenizer_config.json"])
    assert (uncased["do_lower_case"], uncased["strip_accents"]) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["minilm", "sentence_piece"])
def test_reviews_have_equal_ids(kind, real_data, tmp_path):
    reviews = pq.read_table(real_data / "imdb" / "test.parquet", columns=["text"])["text"].to_pylist()
    if kind == "minilm":
        backbone = load_backbone("minilm")
        assert differing(reviews, compiled(backbone.tokenize), reference(backbone.hugging_face_tokenizer(None))) == []
        return
    (tmp_path / "sentencepiece.bpe.model").write_bytes(train(reviews[:500], 4000))
    tokenizer = SentencePieceTokenizer.from_hugging_face(tmp_path, XLM_ROBERTA)
    assert differing(reviews[:5000], compiled(tokenizer), reference(files_of(tokenizer, XLM_ROBERTA))) == []
