"""Cells of a row become a text and its spans; malformed cells are reported."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.data.annotations import TaggedText, parse_entities, parse_words
from textgraft.data.scripts import join_words
from textgraft.data.tags import SchemeDetector, Span, tags_from_spans
from textgraft.errors import DataError

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6), min_size=1, max_size=8)
TEXT = "Ada, née 🙂 Byron"
ADA, BYRON = Span(0, 3, "PER"), Span(11, 16, "PER")


@given(WORDS, st.data())
def test_offsets_of_words_and_spans_match_the_joined_text(words, data):
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    tags = tags_from_spans([Span(start, end, "X")], len(words))
    tagged = parse_words(json.dumps(words), json.dumps(tags), 1, SchemeDetector())
    assert tagged.text == join_words(words)[0]
    assert [tagged.text[slice(*word)] for word in tagged.words] == words
    assert tagged.spans == [Span(tagged.words[start][0], tagged.words[end - 1][1], "X")]
    annotation = tagged.annotation()
    assert "\n" not in annotation
    assert TaggedText.from_annotation(tagged.text, annotation) == tagged


def test_words_without_tags_have_no_spans():
    assert parse_words('["a", "bc"]', None, 1, SchemeDetector()) == ("a bc", [(0, 1), (2, 4)], [])
    assert parse_words("[]", "[]", 1, SchemeDetector()) == ("", [], [])


def test_tag_scheme_and_repairs_are_detected():
    count = SchemeDetector()
    parse_words('["a", "b", "c"]', '["I-X", "O", "B-X"]', 7, count)
    parse_words('["a"]', '["B-X"]', 8, count)
    assert (count.scheme, count.repaired, count.first_repaired) == ("IOB2", 1, 7)


@pytest.mark.parametrize(
    "entities",
    [
        [{"start": 11, "end": 16, "label": "PER"}, {"start": 0, "end": 3, "label": "PER"}],
        [[0, 3, "PER"], [11, 16, "PER"]],
        [{"id": 7, "label": "PER", "start_offset": 0, "end_offset": 3}, {"start": 11, "end": 16, "label": "PER"}],
        [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}, [11, 16, "PER"]],
        [{"start": 0, "end": 3, "label": "PER", "token_start": 0, "token_end": 0}, [11, 16, "PER"]],
        [{"text": "Ada", "label": "PER", "start": 0, "end": 3, "score": 0.9}, [11, 16, "PER"]],
    ],
)
def test_entities_are_read_in_every_export_format(entities):
    tagged = TaggedText(TEXT, None, parse_entities(TEXT, json.dumps(entities)))
    assert tagged.spans == [ADA, BYRON]
    assert TEXT[BYRON.start : BYRON.end] == "Byron"
    assert TaggedText.from_annotation(TEXT, tagged.annotation()) == tagged


def test_adjacent_spans_are_accepted():
    assert parse_entities("ab", '[[0, 1, "X"], [1, 2, "X"]]') == [Span(0, 1, "X"), Span(1, 2, "X")]


ENTITY = {"start": 0, "end": 3, "label": "PER"}


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([ENTITY, [2, 5, "LOC"]], r"entity 1 \(0 to 3 is 'Ada'\) and entity 2 \(2 to 5 is 'a, '\) overlap"),
        ([[11, 16, "PER"], ENTITY, ENTITY], r"entity 2 .* and entity 3 .* overlap"),
        ([ENTITY, [3, 3, "X"]], "entity 2: 3 to 3 is not a span"),
        ([[5, 4, "X"]], "entity 1: 5 to 4 is not a span"),
        ([[-1, 4, "X"]], "entity 1: -1 to 4 is not a span"),
        ([[15, 17, "X"]], "entity 1: 15 to 17 is not a span of this text of 16 characters"),
        ([ENTITY | {"kind": 1}], "entity 1 has an unknown key 'kind'"),
        ([{"start": 0, "end": 3}], "entity 1 must have one 'label'; it has the keys start, end"),
        ([ENTITY | {"labels": ["PER"]}], "entity 1 must have one 'label'"),
        ([ENTITY | {"start_offset": 0}], "entity 1 must have one 'start'"),
        ([{"start": 0, "end": 3, "labels": ["PER", "ORG"]}], "entity 1: the label must be"),
        ([[0, 3, " "]], "entity 1: the label must be"),
        ([[0, 3, "a\tb"]], "entity 1: the label must be"),
        ([[0, 3, 4]], "entity 1: the label must be"),
        ([[0.0, 3, "X"]], "entity 1: start and end must be whole numbers, not 0.0 and 3"),
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
        parse_entities(TEXT, json.dumps(entities))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cell", ["", "PER", "[", "[NaN", "[" * 100_000, "{}", '"a"', "3"])
def test_cells_other_than_lists_are_reported(cell):
    for read in (lambda: parse_entities("a", cell), lambda: parse_words(cell, "[]", 1, SchemeDetector())):
        with pytest.raises(DataError, match="are not a") as caught:
            read()
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("tokens", "tags", "message"),
    [
        (["a", "b"], ["O"], "2 words but 1 tags; give one for each"),
        (["a", ""], ["O", "O"], "words, item 2: '' is not a non-empty string"),
        (["a", 3], ["O", "O"], "words, item 2: 3 is not a non-empty string"),
        (["a", None], ["O", "O"], "words, item 2: None is not"),
        (["a"], [3], "the tags are numbers; write their names"),
        (["a"], ["PER"], "the tag 'PER' of word 1 is neither O nor PREFIX-TYPE"),
        (["a"], ["B-\n"], "the tag"),
        (["\ud800"], ["O"], "half of a surrogate pair"),
    ],
)
def test_malformed_words_and_tags_are_reported(tokens, tags, message):
    with pytest.raises(DataError, match=message):
        parse_words(json.dumps(tokens), json.dumps(tags), 1, SchemeDetector())
