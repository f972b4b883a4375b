"""Cells of a row become a text and its spans; malformed cells are reported."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.data.annotations import TaggedText, parse_words
from textgraft.data.entities import parse_entities
from textgraft.data.scripts import join_words
from textgraft.data.tags import SchemeDetector, Span, tags_from_spans
from textgraft.errors import DataError

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6), min_size=1, max_size=8)


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


@pytest.mark.parametrize("cell", ["", "PER", "[", "[NaN", "[" * 100_000, "{}", '"a"', "3"])
def test_cells_other_than_lists_are_reported(cell):
    for read in (lambda: parse_entities(cell), lambda: parse_words(cell, "[]", 1, SchemeDetector())):
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
