"""Examples of causal language models: no token is lost, and truncated tokens are counted."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textgraft.backbones.presets import load_backbone
from textgraft.text.cleaning import Cleaning
from textgraft.text.packing import TextGraph
from textgraft.training import corpus
from textgraft.training.corpus import (
    IGNORED_TARGET,
    completion_examples,
    fixed_length_rows,
    next_token_examples,
    tokenize_documents,
)
from textgraft.training.token_ids import TokenIds, TruncationCount

GPT2 = Path(__file__).parents[1] / "golden" / "gpt2"
END = 0


@pytest.fixture(scope="module")
def backbone():
    return load_backbone(GPT2)


@pytest.fixture(scope="module")
def graph(backbone):
    return TextGraph(Cleaning(), backbone.tokenize, None, None, END, None)


def written(texts, graph, cleaning=None):
    return tokenize_documents([as_array(texts)], cleaning or Cleaning(), graph, END)


def as_array(texts):
    return np.array([text.encode() for text in texts], object)


def tokens_of(rows):
    ids = np.concatenate([np.array(row, np.int32) for row in [*rows, []]])
    return TokenIds(ids, np.array([len(row) for row in rows]), TruncationCount())


def rows_of(ragged):
    return [row.tolist() for row in np.split(ragged.values, np.cumsum(ragged.lengths)[:-1])]


def test_documents_are_concatenated_between_end_tokens(graph):
    texts = ["the film", "", "was good", "a"]
    found = tokenize_documents([as_array(texts[:3]), as_array(texts[3:])], Cleaning(), graph, END)
    expected = [END]
    for row in rows_of(TokenIds.from_texts([as_array(texts)], graph)._rows):
        expected += [*row, END]
    assert found.dtype == np.int32
    assert found.tolist() == expected


LONG = [
    "the film was good, don't you think? It's 3 o'clock\n\n  and   so\n" * 30,
    "no'space" * 400,
    "漢字。\n片仮名 " * 200,
    "a\u3000b \u00a0c\n\n\nd 'll\n'll " * 100,
]


def test_chunks_of_a_long_document_have_the_same_tokens(graph, monkeypatch):
    whole = written(LONG, graph)
    monkeypatch.setattr(corpus, "_CHUNK", 7)
    assert max(len(corpus._chunks(text.encode())) for text in LONG) > 100
    np.testing.assert_array_equal(written(LONG, graph), whole)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("ab1 '\n.\u3000é", max_size=40), min_size=1, max_size=4))
def test_chunks_of_any_text_have_the_same_tokens(graph, monkeypatch, texts):
    monkeypatch.setattr(corpus, "_CHUNK", 4096)
    whole = written(texts, graph)
    monkeypatch.setattr(corpus, "_CHUNK", 1)
    np.testing.assert_array_equal(written(texts, graph), whole)


def test_documents_are_cleaned_before_they_are_split(graph, monkeypatch):
    text = "<a href='x' title='y z'>The film</a> was good " * 20
    expected = written([str(Cleaning(strip_html=True)(tf.constant(text)).numpy(), "utf-8")], graph)
    monkeypatch.setattr(corpus, "_CHUNK", 5)
    np.testing.assert_array_equal(written([text], graph, Cleaning(strip_html=True)), expected)


@pytest.mark.parametrize(("tokens", "length"), [(3, 4), (9, 4), (10, 4), (8, 4), (5, 1), (5, 100)])
def test_each_token_but_the_first_is_a_target_once(tokens, length):
    ids = np.arange(tokens, dtype=np.int32)
    found = next_token_examples(ids, length)
    assert found.lengths.max() <= length
    assert found.lengths[:-1].tolist() == [length] * (len(found) - 1)
    assert np.concatenate(rows_of(found.targets)).tolist() == ids[1:].tolist()
    assert np.concatenate(rows_of(found.inputs._rows)).tolist() == ids[:-1].tolist()
    assert found.weights.sum() == tokens - 1
    assert np.shares_memory(found.inputs.ids, found.targets.values)


@pytest.mark.parametrize(("start", "end"), [(None, None), (98, None), (None, 99), (98, 99)])
@pytest.mark.parametrize(("tokens", "length"), [(0, 5), (1, 5), (7, 3), (9, 5), (10, 5), (4, 100)])
def test_rows_have_start_and_end_tokens(tokens, length, start, end):
    found = fixed_length_rows(np.arange(tokens, dtype=np.int32), length, start, end)
    first, last = [] if start is None else [start], [] if end is None else [end]
    inner = length - len(first) - len(last)
    expected = [[*first, *range(at, min(at + inner, tokens)), *last] for at in range(0, tokens, inner)]
    assert [row.tolist() for row in np.split(found.ids, np.cumsum(found.lengths))[:-1]] == expected
    assert found.ids.dtype == np.int32


@pytest.mark.parametrize("start", [None, 99])
def test_only_completions_are_targets(start):
    found = completion_examples(tokens_of([[1, 2, 3], []]), tokens_of([[4, 5], [6]]), start, END, 10)
    first = [] if start is None else [start]
    assert rows_of(found.inputs._rows) == [[*first, 1, 2, 3, 4, 5], [*(first or [END]), 6]]
    unjudged = [IGNORED_TARGET] * (2 + len(first))
    assert rows_of(found.targets) == [[*unjudged, 4, 5, END], [6, END]]
    assert found.weights.tolist() == [3, 2]
    assert (found.inputs.truncated.texts, found.inputs.truncated.tokens) == (0, 0)


def test_long_completions_are_truncated_and_counted():
    prompts, answers = [[1, 2, 3], [1, 2, 3], []], [[4, 5], [4, 5, 6, 7, 8], [4, 5, 6]]
    found = completion_examples(tokens_of(prompts), tokens_of(answers), None, END, 3)
    assert rows_of(found.inputs._rows) == [[3, 4, 5], [3, 4, 5], [END, 4, 5]]
    assert rows_of(found.targets) == [[4, 5, END], [4, 5, 6], [4, 5, 6]]
    # Two of the prompt; two of the prompt, two of the answer and the end; the end.
    assert found.inputs.truncated == TruncationCount(3, 2 + 5 + 1)
    started = completion_examples(tokens_of(prompts), tokens_of(answers), 99, END, 3)
    assert rows_of(started.inputs._rows) == [[99, 4, 5]] * 3


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.lists(st.integers(1, 9), max_size=6), st.lists(st.integers(1, 9), max_size=6)), min_size=1),
    st.sampled_from([None, 99]),
    st.integers(1, 8),
)
def test_every_dropped_token_is_counted(pairs, start, length):
    prompts, answers = (list(part) for part in zip(*pairs, strict=True))
    found = completion_examples(tokens_of(prompts), tokens_of(answers), start, END, length)
    assert found.lengths.max() <= length
    held = sum(len(row) + 1 for row in rows_of(found.inputs._rows))
    extra = len(pairs) * (start is not None) + sum(1 for row in rows_of(found.inputs._rows) if row[0] == END)
    assert held - extra + found.inputs.truncated.tokens == sum(len(one) + len(two) + 1 for one, two in pairs)
    assert [sum(one != IGNORED_TARGET for one in row) for row in rows_of(found.targets)] == found.weights.tolist()
    assert found.weights.min() >= 1
