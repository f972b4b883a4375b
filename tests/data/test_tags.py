"""Conversion of tags and spans in every scheme; malformed sequences are repaired and counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.data.tags import TAG_SCHEMES, SchemeDetector, Span, spans_from_tags, tags_from_spans
from textgraft.errors import DataError

LABELS = st.sampled_from(["PER", "LOC", "a-b", "creative work"])


@st.composite
def sentences(draw):
    """Spans in order, some touching, and the number of words."""
    spans, word = [], 0
    for gap, length, label in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), LABELS), max_size=6)):
        spans.append(Span(word + gap, word + gap + length, label))
        word = spans[-1].end
    return spans, word + draw(st.integers(0, 2))


def counted(corpus):
    count = SchemeDetector()
    for row, tags in enumerate(corpus):
        count.add(row, tags, spans_from_tags(tags))
    assert (count.first_repaired is None) is (count.repaired == 0)
    return count.scheme, count.repaired


@pytest.mark.parametrize("scheme", TAG_SCHEMES)
@given(sentences())
def test_tags_and_spans_convert_both_ways(scheme, sentence):
    spans, words = sentence
    tags = tags_from_spans(spans, words, scheme)
    assert len(tags) == words
    assert spans_from_tags(tags) == spans


@pytest.mark.parametrize("scheme", TAG_SCHEMES)
@given(st.lists(sentences(), min_size=1, max_size=5))
def test_well_formed_corpus_determines_its_scheme(scheme, corpus):
    detected = counted([tags_from_spans(*sentence, scheme) for sentence in corpus])
    assert detected == (scheme if any(spans for spans, _ in corpus) else "IOB2", 0)


@given(st.lists(st.sampled_from(["O", *(f"{prefix}-{label}" for prefix in "BIESLU" for label in ("X", "Y"))])))
def test_any_sequence_is_read_and_repairs_are_counted(tags):
    spans = spans_from_tags(tags)
    assert [tag == "O" for tag in tags] == [tag == "O" for tag in tags_from_spans(spans, len(tags))]
    scheme, repaired = counted([tags])
    assert repaired == sum(map(str.__ne__, tags, tags_from_spans(spans, len(tags), scheme)))
    assert repaired == min(
        sum(map(str.__ne__, tags, tags_from_spans(spans, len(tags), other))) for other in TAG_SCHEMES
    )


@pytest.mark.parametrize(
    ("tags", "repaired", "scheme"),
    [
        ("O I-X I-X", "O B-X I-X", "IOB2"),
        ("B-X I-Y I-Y", "B-X B-Y I-Y", "IOB2"),
        ("B-X O U-Y", "U-X O U-Y", "BILOU"),
        ("B-X I-X O", "B-X L-X O", "BILOU"),
        ("I-X E-X S-Y", "B-X E-X S-Y", "IOBES"),
        ("E-X E-X", "S-X S-X", "IOBES"),
        ("S-X I-X O", "S-X S-X O", "IOBES"),
        ("U-X L-X O", "U-X U-X O", "BILOU"),
        ("O B-X L-X I-X", "O B-X L-X U-X", "BILOU"),
        ("B-X I-X O", "I-X I-X O", "IOB1"),
    ],
)
def test_malformed_sequences_are_repaired(tags, repaired, scheme):
    spans = spans_from_tags(tags.split())
    assert tags_from_spans(spans, len(tags.split()), scheme) == repaired.split()
    good = tags_from_spans([Span(0, 2, "X"), Span(3, 4, "Y")], 5, scheme)
    wrong = sum(map(str.__ne__, tags.split(), repaired.split()))
    assert counted([good] * 5 + [tags.split()]) == (scheme, wrong)


@pytest.mark.parametrize("tag", ["PER", "B", "B-", "B- ", "b-PER", "X-PER", "", "o", "BPER", "B_PER", "3"])
def test_malformed_tag_is_reported(tag):
    with pytest.raises(DataError, match="of word 2 is neither O nor"):
        spans_from_tags(["O", tag])


def test_inner_words_of_bmes_are_those_of_iobes():
    assert counted([["B-NAME", "M-NAME", "E-NAME", "O", "S-NAME"]]) == ("IOBES", 0)
    assert spans_from_tags(["B-NAME", "M-NAME", "E-NAME", "O", "S-ORG"]) == [Span(0, 3, "NAME"), Span(4, 5, "ORG")]
