"""Byte-level BPE against the `tokenizers` library, with the vocabularies of GPT-2 and RoBERTa where they are there."""

import json
import random

import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tests.golden.texts import SHORT
from tests.helpers.nasty_texts import NASTY
from textgraft.tokenizers.byte_pair_ops import BYTE_SYMBOLS, BytePair
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

# Where contractions, spaces and special tokens meet.
MEETINGS = [
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
    tokenize = BytePair(tokens, merges, special, add_prefix_space=add_prefix_space, stripping=stripping)
    compiled = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    return lambda texts: compiled(tf.constant([text.encode() for text in texts], tf.string)).to_list()


def differing(texts, one, other, window=1024):
    for start in range(0, len(texts), window):
        part = texts[start : start + window]
        yield from (text for text, a, b in zip(part, one(part), other(part), strict=True) if a != b)


@pytest.fixture(scope="module")
def trained():
    """A vocabulary and merges trained on the golden texts."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
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
    """Its merges are GPT-2's; the vocabulary that is here lacks three tokens that no merge makes."""
    vocabulary = json.loads((real_data / "vocabs" / "roberta-base-vocab.json").read_text())
    missing = sorted(set(range(max(vocabulary.values()) + 1)) - set(vocabulary.values()))
    vocabulary |= {f"madeupword{number}": token_id for number, token_id in enumerate(missing)}
    return vocabulary, gpt2[1], ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_nasty_strings(trained, add_prefix_space):
    texts = NASTY + MEETINGS
    one, other = graph(*trained, add_prefix_space), reference(*trained, add_prefix_space)
    assert list(differing(texts, one, other)) == []
    assert [one([text])[0] for text in texts] == other(texts)


def test_without_special_tokens(trained):
    vocabulary, merges, _ = trained
    assert list(differing(NASTY + MEETINGS, graph(vocabulary, merges), reference(vocabulary, merges))) == []


def test_every_code_point(trained):
    vocabulary, merges, _ = trained
    code_points = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    characters = [chr(code) for code in code_points]
    texts = [
        "|".join(f"a{c}1 {c}'s" for c in characters[start : start + 64]) for start in range(0, len(characters), 64)
    ]
    assert list(differing(texts, graph(vocabulary, merges), reference(vocabulary, merges))) == []


def test_runs_of_overlapping_pairs():
    vocabulary = {symbol: number for number, symbol in enumerate(BYTE_SYMBOLS)}
    merges = [("a", "a"), ("aa", "aa"), ("a", "b"), ("aa", "ab"), ("b", "a")]
    vocabulary |= {left + right: len(vocabulary) + number for number, (left, right) in enumerate(merges)}
    draw = random.Random(0)
    texts = ["".join(draw.choice("aaab") for _ in range(draw.randrange(1, 40))) for _ in range(3000)]
    assert list(differing(texts, graph(vocabulary, merges), reference(vocabulary, merges))) == []


@pytest.mark.parametrize("family", ["gpt2", "roberta"])
def test_the_real_vocabularies(family, request):
    vocabulary = request.getfixturevalue(family)
    one, other = graph(*vocabulary), reference(*vocabulary)
    real_data = request.getfixturevalue("real_data")
    reviews = pq.read_table(real_data / "imdb" / "test.parquet", columns=["text"])["text"].to_pylist()[:5000]
    assert list(differing([*NASTY, *MEETINGS, *reviews], one, other)) == []


def test_random_strings_of_many_scripts(gpt2):
    blocks = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE00),
              (0x1100, 0x1200), (0x2000, 0x2070), (0x3040, 0x3100), (0x4E00, 0x4E80), (0xAC00, 0xAD00),
              (0x1F300, 0x1F650), (0xFE00, 0xFE10)]  # fmt: skip
    draw = random.Random(0)

    def character():
        return chr(draw.randrange(*draw.choice(blocks))) if draw.random() < 0.8 else draw.choice(" '\n")

    texts = ["".join(character() for _ in range(draw.randrange(1, 60))) for _ in range(5000)]
    assert list(differing(texts, graph(*gpt2), reference(*gpt2))) == []
