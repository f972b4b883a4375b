"""Entities of cells become spans; malformed ones are reported, and what is changed is counted."""

import json

import pytest

from textgraft.data.entities import SpanReader, looks_like_entities, parse_entities
from textgraft.data.tags import Span
from textgraft.errors import DataError

TEXT = "Ada, née 🙂 Byron"
ADA, BYRON = Span(0, 3, "PER"), Span(11, 16, "PER")


def spans_of(text, entities, reader=None):
    return (reader or SpanReader()).spans(text, parse_entities(json.dumps(entities)))


@pytest.mark.parametrize(
    "entities",
    [
        [{"start": 11, "end": 16, "label": "PER"}, {"start": 0, "end": 3, "label": "PER"}],
        [[0, 3, "PER"], [11, 16, "PER"]],
        [{"id": 7, "label": "PER", "start_offset": 0, "end_offset": 3}, {"start": 11, "end": 16, "label": "PER"}],
        [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}, [11, 16, "PER"]],
        [{"start": 0, "end": 3, "label": "PER", "token_start": 0, "token_end": 0}, [11, 16, "PER"]],
        [{"text": "Ada", "label": "PER", "start": 0, "end": 3, "score": 0.9}, ["PER", 11, 16]],
        [{"word": "Ada", "entity_group": "PER", "start": 0, "end": 3, "score": 0.9}, [11, 16, "PER"]],
        [{"text": " Ada ", "label": "PER", "start": 0, "end": 3}, [11, 16, "PER"]],
    ],
)
def test_entities_are_read_in_every_export_format(entities):
    assert spans_of(TEXT, entities) == [ADA, BYRON]


def test_adjacent_spans_are_accepted():
    assert spans_of("ab", [[0, 1, "X"], [1, 2, "X"]]) == [Span(0, 1, "X"), Span(1, 2, "X")]


ENTITY = {"start": 0, "end": 3, "label": "PER"}


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([ENTITY, [2, 5, "LOC"]], r"entity 1 \(0 to 3 is 'Ada'\) and entity 2 \(2 to 4 is 'a,'\) overlap"),
        ([[11, 16, "PER"], ENTITY, ENTITY | {"label": "ORG"}], r"entity 3 .* and entity 2 .* overlap"),
        ([ENTITY, [3, 3, "X"]], "entity 2: 3 to 3 is not a span"),
        ([[5, 4, "X"]], "entity 1: 5 to 4 is not a span"),
        ([[-1, 4, "X"]], "entity 1: -1 to 4 is not a span"),
        ([[15, 17, "X"]], "entity 1: 15 to 17 is not a span of this text of 16 characters"),
        ([ENTITY | {"begin": 0}], "entity 1 must have one 'start'"),
        ([{"start": 0, "end": 3}], "entity 1 must have one 'label'; it has the keys start, end"),
        ([ENTITY | {"labels": ["PER"]}], "entity 1 must have one 'label'"),
        ([ENTITY | {"start_offset": 0}], "entity 1 must have one 'start'"),
        ([{"start": 0, "end": 3, "labels": ["PER", "ORG"]}], "entity 1: the label must be"),
        ([[0, 3, " "]], "entity 1: the label must be"),
        ([[0, 3, "a\tb"]], "entity 1: the label must be"),
        ([[0, 3, 4]], "entity 1: the label must be"),
        ([[0.5, 3, "X"]], "entity 1: start and end must be whole numbers, not 0.5 and 3"),
        ([[True, 3, "X"]], "entity 1: start and end must be whole numbers"),
        ([["0", "3", "X"]], "entity 1: start and end must be whole numbers"),
        ([[0, 3]], "entity 1 must be an object"),
        (["PER"], "entity 1 must be an object"),
        ([ENTITY | {"end": 4, "text": "Ada"}], "entity 1: its text is 'Ada', but 0 to 4 is 'Ada,'"),
        ({"start": 0}, "the entities are not a list"),
    ],
)
def test_malformed_entities_are_reported(entities, message):
    with pytest.raises(DataError, match=message) as caught:
        spans_of(TEXT, entities)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "bounds", "span"),
    [
        ("Ada met Byron", (0, 4), (0, 3)),
        ("Ada met Byron", (3, 8), (4, 7)),
        ("Ada\u00a0met", (0, 4), (0, 3)),
        ("Ada\u200b\u3000\n met", (0, 7), (0, 3)),
        ("Ada met", (0, 7), (0, 7)),
        ("Ada  met", (3, 5), None),
    ],
)
def test_white_space_at_the_ends_of_spans_is_removed(text, bounds, span):
    reader = SpanReader()
    assert spans_of(text, [[*bounds, "X"]], reader) == ([] if span is None else [Span(*span, "X")])
    changed = "cover only white space" if span is None else "begin or end with white space"
    assert [changed in notice for notice in reader.notices] == ([] if span == bounds else [True])


def test_spans_that_overlap_in_white_space_only_are_accepted():
    assert spans_of("Ada Byron", [[0, 4, "X"], [3, 9, "Y"]]) == [Span(0, 3, "X"), Span(4, 9, "Y")]


def test_repeated_spans_are_read_once_and_counted():
    reader = SpanReader()
    assert spans_of(TEXT, [ENTITY, [11.0, 16.0, "PER"], ENTITY], reader) == [ADA, BYRON]
    assert reader.notices == ["1 of 3 spans are written twice in their text; read once"]


def test_other_keys_of_entities_are_ignored_and_said():
    reader = SpanReader()
    assert spans_of("Ada", [ENTITY | {"kind": 1, "note": "x"}], reader) == [ADA]
    assert reader.notices == ["ignoring keys of entities: kind, note"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('[[0, 3, "PER"]]', True),
        ('[{"start": 0, "end": 3, "labels": ["PER"]}]', True),
        ("[]", False),
        ('["sport", "money"]', False),
        ('[["a", "b", "c"]]', False),
        ("PER", False),
        ("3", False),
    ],
)
def test_cells_of_entities_are_recognized(cell, expected):
    assert looks_like_entities(cell) is expected
