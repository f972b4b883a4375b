"""The word that each token of a text comes from."""

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.nasty_texts import NASTY
from textgraft.explanation.alignment import align
from textgraft.explanation.text_rows import text_rows
from textgraft.explanation.words import words_of


@pytest.mark.parametrize(
    ("pieces", "tokens", "words"),
    [
        ([[1], [2, 3], [4]], [1, 2, 3, 4], [0, 1, 1, 2]),
        ([[1], [], [4]], [1, 4], [0, 2]),
        ([[1], [7, 8], [4]], [1, 4], [0, 2]),  # text that cleaning removes
        ([[1], [2], [4]], [1, 9, 9, 2, 4], [0, 1, 1, 1, 2]),  # white space that is a token
        ([[1], [2, 3], [4]], [1, 5, 6, 4], [0, 1, 1, 2]),  # words that are split otherwise in the text
        ([[1]], [1, 9], [0, 0]),
        ([[], []], [5, 6], [0, 0]),
        ([[1], [2]], [], []),
    ],
)
def test_tokens_belong_to_the_words_around_them(pieces, tokens, words):
    assert align(pieces, tokens).tolist() == words


def test_long_texts_take_no_quadratic_time():
    pieces = [[number % 50] for number in range(30_000)]
    tokens = [number % 50 for number in range(30_000) if number % 1000]
    assert np.all(np.diff(align(pieces, tokens)) >= 0)


def test_tags_that_are_stripped_have_no_tokens(bert_backbone):
    cleaning = tg.Cleaning(strip_html=True)
    model = tg.TextClassifier(bert_backbone, ["a", "b"], "float32", cleaning=cleaning)
    text = "a film.<br /><br />It's fine"
    rows = text_rows(model, [text], words_of([text], 99))
    words = [text.split()[index] for index in rows.words[0] if index >= 0]
    assert words[0] == "a"
    assert {word for word in words if "br" in word} <= {"film.<br", "/><br", "/>It's"}
    assert words[-1] == "fine"


@pytest.mark.parametrize("text", NASTY)
def test_each_token_of_a_text_has_a_word(bert_backbone, text):
    model = tg.TextClassifier(bert_backbone, ["a", "b"], "float32", sequence_length=64)
    groups = words_of([text], 10_000)
    rows = text_rows(model, [text], groups)
    for token_ids, words in zip(rows.token_ids, rows.words, strict=True):
        assert len(token_ids) == len(words)
        assert (words[1:-1] >= 0).all() or not groups
        assert words[0] == words[-1] == -1
