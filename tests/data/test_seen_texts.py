"""Texts of a training are recognized by salted digests, whose number is bounded."""

import numpy as np
import pytest

from textgraft.data import seen_texts
from textgraft.data.dataset import Dataset
from textgraft.data.seen_texts import SeenRows, SeenTexts, none_seen, take_unseen
from textgraft.errors import DataError


def digests(*texts, pairs=None):
    return Dataset.from_lists(list(texts), pairs=pairs).digests()


def record(seen, texts):
    rows = SeenRows(seen)
    rows.add(texts)
    return rows.record()


def test_texts_are_recognized_as_duplicates_are():
    seen = SeenTexts.of({"train": digests("Café  noir", "b"), "validation": digests("c", "b")}, "data")
    rows = SeenRows(seen)
    assert rows.add(digests("cafe\u0301 NOIR", "b", "c", "d")).tolist() == [False, False, False, True]
    assert rows.add(digests("c")).tolist() == [False]
    assert rows.record() == {"train": 2, "validation": 2}
    paired = SeenTexts.of({"train": digests("a", pairs=["b"])}, "data")
    assert record(paired, digests("a", "a", pairs=["b", "c"])) == {"train": 1, "validation": 0}


def test_salt_depends_on_the_data_and_is_kept_by_later_trainings():
    first, second = (SeenTexts.of({"train": digests("a")}, name) for name in ("one", "two"))
    assert first.salt != second.salt
    assert first.digests["train"] != second.digests["train"]
    both = first.with_texts({"train": digests("b", "a"), "validation": digests("c")})
    assert both.salt == first.salt
    assert record(both, digests("a", "b", "c", "d")) == {"train": 2, "validation": 1}
    adapted = both.as_adaptation().with_texts({"train": digests("a")})
    assert record(adapted, digests("a", "b", "c", "d")) == {"train": 1, "validation": 0, "adaptation": 2}


def test_digests_of_many_texts_are_a_sample_and_counts_are_estimates(monkeypatch):
    monkeypatch.setattr(seen_texts, "MAX_DIGESTS", 500)
    texts = [str(n) for n in range(4000)]
    parts = [digests(*texts[:1000]), digests(*texts[1000:2000])]
    seen = SeenTexts.of({"train": parts[0]}, "data").with_texts({"train": parts[1]})
    assert len(seen.digests["train"]) == 500
    rows = SeenRows(seen)
    is_unseen = rows.add(digests(*texts))
    assert rows.record()["train"] == pytest.approx(2000, rel=0.15)
    assert rows.record()["estimated"]
    assert not is_unseen[:2000].any()
    assert is_unseen[2000:].sum() == pytest.approx(500, rel=0.2)
    half = SeenRows(seen)
    half.add(digests(*texts[1000:3000]))
    assert half.record()["train"] == pytest.approx(1000, rel=0.2)


def test_only_rows_that_are_left_can_be_evaluated():
    data = Dataset.from_lists(["a", "b"])
    is_unseen = np.array([False, True])
    assert len(take_unseen(data, is_unseen)) == 1
    assert none_seen(is_unseen) == {"train": 0, "validation": 0, "excluded": 1}
    with pytest.raises(DataError, match="texts: the model has seen each of its 2 texts; use other texts"):
        take_unseen(data, np.zeros(2, bool))
