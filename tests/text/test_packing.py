"""Packing against the `tokenizers` library's template and truncation, and padding."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from textgraft.text.packing import TextGraph, pad_rows
from tokenizers import Tokenizer

START, END = 1, 2


@pytest.fixture(scope="module")
def reference():
    vocabulary = {"[PAD]": 0, "[CLS]": START, "[SEP]": END, **{f"w{number}": number + 3 for number in range(60)}}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", START), ("[SEP]", END)],
    )
    return tokenizer


def words(count, first=0):
    return " ".join(f"w{first + number}" for number in range(count))


def ragged(rows):
    return tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)


def pack(segments, start, end, sequence_length, truncation="head"):
    """Rows of token ids in place of texts."""
    graph = TextGraph(lambda ids: ids, lambda ids: ids, start, end, 0, sequence_length, truncation)
    return graph.pack(*segments)


@pytest.mark.parametrize("sequence_length", [2, 3, 7, 8, 20, None])
def test_a_truncated_segment_equals_the_reference(reference, sequence_length):
    reference.no_truncation()
    if sequence_length:
        reference.enable_truncation(sequence_length)
    lengths = [0, 1, 5, 6, 7, 30]
    expected = reference.encode_batch([words(length) for length in lengths])
    packed = pack(
        [ragged([[number + 3 for number in range(length)] for length in lengths])], START, END, sequence_length
    )
    assert packed.token_ids.to_list() == [row.ids for row in expected]
    assert packed.first_lengths.numpy().tolist() == [row.type_ids.count(0) for row in expected]
    assert packed.dropped.numpy().tolist() == [max(length - (sequence_length or 99) + 2, 0) for length in lengths]


@pytest.mark.parametrize("sequence_length", [5, 8, 9, 16, None])
def test_pairs_are_truncated_longest_first(reference, sequence_length):
    reference.no_truncation()
    if sequence_length:
        reference.enable_truncation(sequence_length, strategy="longest_first")
    lengths = list(itertools.product([0, 1, 2, 3, 6, 12, 25], repeat=2))
    expected = reference.encode_batch([(words(a), words(b, 30)) for a, b in lengths])
    first = ragged([[number + 3 for number in range(a)] for a, _ in lengths])
    second = ragged([[number + 33 for number in range(b)] for _, b in lengths])
    packed = pack([first, second], START, END, sequence_length)
    assert packed.token_ids.to_list() == [row.ids for row in expected]
    assert packed.first_lengths.numpy().tolist() == [row.type_ids.count(0) for row in expected]


@pytest.mark.parametrize("sequence_length", [2, 3, 4, 7, 8, 9, 30])
def test_head_and_tail_keeps_both_ends(sequence_length):
    rows = [list(range(10, 10 + length)) for length in (0, 1, 4, 5, 6, 7, 20)]
    packed = pack([ragged(rows)], START, END, sequence_length, "head+tail")
    room = sequence_length - 2
    for token_ids, row, dropped in zip(packed.token_ids.to_list(), rows, packed.dropped.numpy(), strict=True):
        tail = room // 2
        kept = row if len(row) <= room else row[: room - tail] + row[len(row) - tail :]
        assert token_ids == [START, *kept, END]
        assert dropped == len(row) - len(kept)


def test_rows_without_special_tokens():
    packed = pack([ragged([[5, 6, 7], []])], None, None, 2)
    assert packed.token_ids.to_list() == [[5, 6], []]
    assert packed.dropped.numpy().tolist() == [1, 0]


def test_rows_are_padded_to_the_longest_with_a_mask():
    row = pad_rows(ragged([[5, 6, 7], [8]]), 9)
    np.testing.assert_array_equal(row["token_ids"], [[5, 6, 7], [8, 9, 9]])
    np.testing.assert_array_equal(row["padding_mask"], [[1, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(row["segment_ids"], np.zeros((2, 3)))


def test_a_batch_of_empty_rows_is_one_wide():
    row = pad_rows(ragged([[], []]), 0)
    assert row["token_ids"].shape == (2, 1)
    assert row["padding_mask"].numpy().sum() == 0


def test_packing_can_be_traced():
    graph = tf.function(
        lambda rows: pad_rows(pack([rows], START, END, 4).token_ids, 0),
        input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)],
        autograph=False,
    )
    np.testing.assert_array_equal(graph(ragged([[5, 6, 7], [8]]))["token_ids"], [[1, 5, 6, 2], [1, 8, 2, 0]])
