"""Byte-level BPE against the `tokenizers` library, with the vocabularies of GPT-2 and RoBERTa if available."""

import json
import random

import pyarrow.parquet as pq
import pytest

from tests.golden.texts import SHORT
from tests.helpers.nasty_texts import NASTY
from tests.helpers.tokenizer_comparison import CHARACTERS, CLASS_BORDERS, compiled, differing, random_texts
from textgraft.tokenizers.byte_pair_ops import BYTE_SYMBOLS, BytePair
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

# Contractions, spaces and special tokens side by side.
BORDER_CASES = [
    "it's 'save we'll 're  's x''s\n\ny \t z  ",
    "'S 'T I'VE don''t o'er '' ' 's",
    "a<s>b <s> </s><s>  <mask>x\n<mask> <pad",
    "<s></s>",
    "  leading and trailing  ",
    "tabs\tand\u00a0spaces \u2028 here",
]


def reference(vocabulary, merges, special=(), add_prefix_space=False):
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.add_special_tokens([AddedToken(token, lstrip=token == "<mask>", special=True) for token in special])
    return lambda texts: [row.ids for row in tokenizer.encode_batch(texts, add_special_tokens=False)]


def graph(vocabulary, merges, special=(), add_prefix_space=False):
    stripping = [token for token in special if token == "<mask>"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    return compiled(BytePair(tokens, merges, special, add_prefix_space=add_prefix_space, stripping=stripping))


@pytest.fixture(scope="module")
def trained():
    """Vocabulary, merges and special tokens trained on the golden texts."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, initial_alphabet=list(BYTE_SYMBOLS), show_progress=False
    )
    tokenizer.train_from_iterator(SHORT, trainer)
    content = json.loads(tokenizer.to_str())["model"]
    return content["vocab"], [tuple(merge) for merge in content["merges"]], special


@pytest.fixture(scope="module")
def gpt2(real_data):
    vocabulary = json.loads((real_data / "vocabs" / "gpt2-vocab.json").read_text())
    lines = (real_data / "vocabs" / "gpt2-merges.txt").read_text().split("\n")[1:]
    return vocabulary, [tuple(line.split(" ")) for line in lines if line], ["<|endoftext|>"]


@pytest.fixture(scope="module")
def roberta(real_data, gpt2):
    """Its merges are GPT-2's; the file of its vocabulary lacks three tokens that no merge makes."""
    vocabulary = json.loads((real_data / "vocabs" / "roberta-base-vocab.json").read_text())
    missing = sorted(set(range(max(vocabulary.values()) + 1)) - set(vocabulary.values()))
    vocabulary |= {f"madeupword{index}": token_id for index, token_id in enumerate(missing)}
    return vocabulary, gpt2[1], ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_ids_equal_the_reference_in_any_batch(trained, add_prefix_space):
    texts = NASTY + BORDER_CASES
    tokenize, expected = graph(*trained, add_prefix_space), reference(*trained, add_prefix_space)
    assert differing(texts, tokenize, expected) == []
    assert [tokenize([text])[0] for text in texts] == expected(texts)


@pytest.mark.parametrize(
    "characters", [CLASS_BORDERS, pytest.param(CHARACTERS, marks=pytest.mark.slow)], ids=["class borders", "all"]
)
def test_every_character_is_split_as_in_the_reference(trained, characters):
    vocabulary, merges, _ = trained
    groups = [characters[start : start + 64] for start in range(0, len(characters), 64)]
    texts = [*NASTY, *BORDER_CASES, *("|".join(f"a{char}1 {char}'s" for char in group) for group in groups)]
    assert differing(texts, graph(vocabulary, merges), reference(vocabulary, merges), 1024) == []


def test_overlapping_pairs_are_merged_from_the_left():
    vocabulary = {symbol: token_id for token_id, symbol in enumerate(BYTE_SYMBOLS)}
    merges = [("a", "a"), ("aa", "aa"), ("a", "b"), ("aa", "ab"), ("b", "a")]
    vocabulary |= {left + right: len(vocabulary) + rank for rank, (left, right) in enumerate(merges)}
    draw = random.Random(0)
    texts = ["".join(draw.choice("aaab") for _ in range(draw.randrange(1, 40))) for _ in range(3000)]
    assert differing(texts, graph(vocabulary, merges), reference(vocabulary, merges)) == []


@pytest.mark.parametrize("count", [500, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", ["gpt2", "roberta"])
@pytest.mark.slow
def test_published_vocabularies_give_the_ids_of_the_reference(family, count, request, real_data):
    vocabulary = request.getfixturevalue(family)
    reviews = pq.read_table(real_data / "imdb" / "test.parquet", columns=["text"])["text"].to_pylist()[:count]
    texts = [*NASTY, *BORDER_CASES, *random_texts(count, " '\n"), *reviews]
    assert differing(texts, graph(*vocabulary), reference(*vocabulary), 1024) == []
