"""WordPiece against the `tokenizers` library, with MiniLM's vocabulary."""

from contextlib import nullcontext

import pyarrow.parquet as pq
import pytest

from tests.helpers.nasty_texts import NASTY
from tests.helpers.tokenizer_comparison import CHARACTERS, CLASS_BORDERS, compiled, differing, random_texts
from textgraft.backbones.preset_sources import Wheel
from textgraft.text.core_operations import core_operations
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.word_piece import WordPieceTokenizer
from tokenizers import Tokenizer

SPECIAL = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
FOLDER = Wheel().resolve("minilm", download=False).path


@pytest.fixture(scope="module", params=["tensorflow_text", "core_ops"])
def tokenize(request):
    """The graph of training, and that of exported models."""
    tokenizer = WordPieceTokenizer.from_hugging_face(FOLDER, SPECIAL)
    tokenize = compiled(tokenizer)
    with core_operations() if request.param == "core_ops" else nullcontext():
        tokenize(["traced here"])
    return tokenize


@pytest.fixture(scope="module")
def reference():
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [row.ids for row in tokenizer.encode_batch(texts, add_special_tokens=False)]


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:24]))
def test_ids_equal_the_reference(text, tokenize, reference):
    assert tokenize([text]) == reference([text])


@pytest.mark.parametrize(
    "characters", [CLASS_BORDERS, pytest.param(CHARACTERS, marks=pytest.mark.slow)], ids=["class borders", "all"]
)
def test_every_character_is_split_as_in_the_reference(characters, tokenize, reference):
    # Punctuation in the reference's Unicode 8 and an accent to RE2: it is stripped before words are split.
    exceptions = {"\U000111c9"} & set(characters)
    texts = {f"a{char}b {char} x{char}": char for char in characters}
    assert {texts[text] for text in differing(list(texts), tokenize, reference)} == exceptions


def test_random_texts_of_many_scripts_have_the_ids_of_the_reference(tokenize, reference):
    assert differing(random_texts(5000, " "), tokenize, reference) == []


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "test"])
def test_all_reviews_have_the_ids_of_the_reference(split, real_data, tokenize, reference):
    texts = pq.read_table(real_data / "imdb" / f"{split}.parquet", columns=["text"])["text"].to_pylist()
    assert len(texts) == 25_000
    assert differing(texts, tokenize, reference) == []


def test_words_that_cannot_be_split_are_unknown_in_both_graphs():
    vocabulary = ["[UNK]", "a", "ab", "##b", "##bc", "##", "x"]
    tokenizer = WordPieceTokenizer(vocabulary, ["[UNK]"], lowercase=True, strip_accents=True)
    texts = ["abc ab abbc b a# x xa abbb ax" + "b" * 99, "a" + "b" * 99, "a" + "b" * 100, "", "##"]
    with core_operations():
        ids = compiled(tokenizer)(texts)
    assert ids == compiled(tokenizer)(texts)
    assert ids[0][:6] == [0, 2, 2, 4, 0, 1]


def test_empty_token_is_reported():
    with pytest.raises(ValueError, match="token 1 of the vocabulary is empty"):
        WordPieceTokenizer(["[UNK]", "", "a"], ["[UNK]"], lowercase=True, strip_accents=True)


def test_duplicate_in_a_long_vocabulary_is_reported_at_once():
    vocabulary = ["[UNK]", *map(str, range(100_000)), "99999"]
    with pytest.raises(ValueError, match="the vocabulary has '99999' twice"):
        WordPieceTokenizer(vocabulary, ["[UNK]"], lowercase=True, strip_accents=True)
