"""Offsets of spans are converted to code points; their unit is told by the texts where they show it."""

import pytest

from textgraft.data.offsets import OFFSETS, OffsetConverter, OffsetDetector, WrittenSpan
from textgraft.data.tagged import TaggedDataset
from textgraft.errors import DataError

TEXTS = ["🙂 Ada met Zoé", "🙂🙂 Omar saw Ada", "née 🙂: Ada in Rome", "plain Ada"]


def offsets_in(text, word, unit):
    """Start and end of a word of the text."""
    start = text.index(word)
    parts = text[:start], text[: start + len(word)]
    if unit == "utf-16":
        return [len(part.encode("utf-16-le")) // 2 for part in parts]
    if unit == "bytes":
        return [len(part.encode()) for part in parts]
    return [len(parts[0]), len(parts[1]) - (unit == "inclusive")]


def rows(unit, with_text, texts=TEXTS, word="Ada"):
    found = [offsets_in(text, word, unit) for text in texts]
    spelled = {"text": word} if with_text else {}
    return [[{"start": start, "end": end, "label": "X", **spelled}] for start, end in found]


@pytest.mark.parametrize("unit", OFFSETS)
@pytest.mark.parametrize("given", [True, False])
def test_unit_is_detected_by_the_text_of_entities_or_set(unit, given):
    data = TaggedDataset.from_lists(TEXTS, rows(unit, not given), offsets=unit if given else None)
    assert [row.text[slice(*span[:2])] for row in data for span in row.spans] == ["Ada"] * 4
    assert len(data.notices) == (not given and unit != "characters")
    assert all("4 of the first 4 spans match their text" in notice for notice in data.notices)


@pytest.mark.parametrize("unit", ["utf-16", "bytes"])
def test_unit_is_detected_by_words_that_are_cut_and_spans_beyond_the_text(unit):
    data = TaggedDataset.from_lists(TEXTS, rows(unit, False))
    assert [row.text[slice(*span[:2])] for row in data for span in row.spans] == ["Ada"] * 4
    assert "are read as" in data.notices[0]
    data = TaggedDataset.from_lists(["🙂 Ada"], rows(unit, False, ["🙂 Ada"]))
    assert [row.text[slice(*span[:2])] for row in data for span in row.spans] == ["Ada"]


def test_inclusive_ends_are_detected_by_spans_of_one_character():
    data = TaggedDataset.from_lists(["I met Omar", "Ida met Ada"], [[[0, 0, "X"], [6, 9, "X"]], [[0, 2, "X"]]])
    assert [row.text[slice(*span[:2])] for row in data for span in row.spans] == ["I", "Omar", "Ida"]
    assert "inclusive ends" in data.notices[0]


def test_ends_within_words_are_a_warning():
    data = TaggedDataset.from_lists(TEXTS, rows("inclusive", False))
    assert [row.text[slice(*span[:2])] for row in data for span in row.spans] == ["Ad"] * 4
    assert "4 of the first 4 spans end within a word" in data.notices[0]
    assert "set offsets to inclusive" in data.notices[0]


@pytest.mark.parametrize(("texts", "word"), [(["王小明在北京🙂", "北京"], "北京"), (["a word", "word words"], "word")])
def test_right_offsets_are_not_suspected(texts, word):
    assert TaggedDataset.from_lists(texts, rows("characters", False, texts, word)).notices == ()


def test_offsets_within_a_character_are_reported():
    with pytest.raises(DataError, match=r"entity 1: 1 to 3 is not a span .* they are read as utf-16"):
        TaggedDataset.from_lists(["🙂 Ada"], [[[1, 3, "X"]]], offsets="utf-16")


def test_error_names_the_unit_in_which_the_text_fits():
    wrong = [{"start": 3, "end": 6, "label": "X", "text": "Ada"}]
    right = [[{"start": 2, "end": 5, "label": "X", "text": "Ada"}]] * 20
    with pytest.raises(DataError, match=r"row 21: entity 1: its text is 'Ada', but .*; set offsets to utf-16"):
        TaggedDataset.from_lists(["🙂 Ada"] * 20 + ["🙂 Ada!"], [*right, wrong])


def test_every_unit_converts_ascii_alike():
    detector = OffsetDetector()
    detector.add("a bc d", [WrittenSpan(1, 2, 4, "X")])
    assert detector.unit == "characters"
    assert [OffsetConverter("a bc d", unit).convert(2, 4) for unit in OFFSETS[:3]] == [(2, 4)] * 3
