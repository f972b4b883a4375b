"""Notices about labels that may not be what they seem."""

import re

import pytest

from textgraft.data.dataset import Dataset
from textgraft.data.label_checks import describe_counts, label_notices, unpredicted_notice
from textgraft.data.labels import MULTI, REGRESSION, SINGLE, normalize_label
from textgraft.data.splits import check_training
from textgraft.errors import DataError

USUAL = {"pos": 20, "neg": 18}


def notices(counts, column="category", problem=SINGLE):
    return label_notices("reviews.csv", counts, sum(counts.values()), column, problem)


@pytest.mark.parametrize(
    "counts",
    [
        USUAL,
        {"0": 10, "1": 12},
        {"1.0": 5, "2.0": 5, "3.0": 6},
        {"sci/tech": 9, "sports": 9, "comp.sys": 4},
        {"animals/cat": 9, "animals/dog": 9, "plants/rose": 9},
        {"Food & drink, other": 9, "Travel": 9},
        {"(none given)": 4, "other": 5},
    ],
)
def test_usual_labels_have_no_notice(counts):
    assert notices(counts) == ()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"pos": 9, "pos ": 3, "Pos": 2, "neg": 9, "NEG": 4}, "5 labels differ only in case, white space"),
        ({"1": 9, "1.0": 3, "0": 12}, r"2 labels differ only .* '1' \(9\), '1.0' \(3\); set normalize_labels"),
        ({**USUAL, "Category": 2}, "2 rows have the label 'Category', which is also the name of the column"),
        ({**USUAL, "nan": 3}, "3 rows have the label 'nan', .* set missing_labels to drop"),
        ({"['a', 'b']": 4, "['a']": 4}, r"8 rows have labels that look like lists, .* multi-label"),
        ({'{"label": "a"}': 4, '{"label": "b"}': 4}, "8 rows have labels that look like JSON objects"),
        ({"sport|money": 4, "sport": 4, "money": 3}, r"4 rows .* look like several, .* label_separator to '\|'"),
        ({"a;b": 4, "c;a": 4}, "8 rows .* label_separator to ';'"),
        ({"a, b": 4, "b, c": 4, "c, a": 4}, "12 rows .* label_separator to ','"),
        ({str(n): 3 for n in range(50)}, "look like numbers: 50 different ones, such as 0, 1, 2, ...; set problem"),
        ({f"{n / 4}": 9 for n in range(8)}, "look like numbers: 8 different ones"),
        ({f"{n},5": 9 for n in range(8)}, "numbers: 8 different ones, such as '0,5', .* with decimals after a point"),
        ({f"id-{n}": 1 + (n == 0) for n in range(20)}, "20 of 21 rows have a label of their own, such as id-0"),
        ({**USUAL, "odd": 1, "rare": 1}, "2 labels have one text only, .*: odd, rare; add texts"),
        ({"ham": 400, "spam": 20}, "imbalanced labels: ham has 400 of 420 texts, spam 20; balance weights"),
    ],
)
def test_suspicious_labels_are_named_in_one_line(counts, words):
    (notice,) = notices(counts)
    assert notice.startswith("reviews.csv: ")
    assert "\n" not in notice
    assert re.search(words, notice), notice


def test_labels_of_another_problem_have_their_own_notices():
    assert notices({}, problem=REGRESSION) == ()
    assert notices({f"{n}.5": 4 for n in range(40)}, problem=MULTI) == ()


def test_first_labels_are_listed_and_the_others_counted():
    counts = {f"intent {n:03}": 2 for n in range(500)}
    assert describe_counts({}) == ()
    assert describe_counts({"a": 1}) == ("1 label: a 1",)
    (line,) = describe_counts({**counts, "often ": 9})
    assert line.startswith("501 labels: 'often ' 9, intent 000 2, ")
    assert line.endswith(" and 481 more")
    assert len(line) < 400


def test_long_labels_are_shortened():
    assert len(describe_counts({"word " * 1000: 3})[0]) < 100
    assert describe_counts({f"{'long ' * 20}{end}": 3 for end in "ab"})[0].count("long long a 3") == 1


def test_label_of_every_row_is_refused():
    texts = [f"text {n}" for n in range(12)]
    with pytest.raises(DataError, match=r"12 of 12 rows have a label of their own, such as t0, .* set label"):
        check_training(Dataset.from_lists(texts, [f"t{n}" for n in range(12)]))
    with pytest.raises(DataError, match=r"look like numbers: .* set problem to regression"):
        check_training(Dataset.from_lists(texts, [f"{n}.5" for n in range(12)]))


def test_labels_are_normalized():
    spellings = [" Pos", "pos\t", "POS", "a  B", "3.00", "-1.0", "1.5"]
    assert [*map(normalize_label, spellings)] == ["pos", "pos", "pos", "a b", "3", "-1", "1.5"]


def test_labels_that_are_never_predicted_are_named():
    assert unpredicted_notice({"a": 3}, {"a": 2, "b": 0}, "validation") == ""
    notice = unpredicted_notice({"a": 3}, {"a": 2, "b": 1, "c": 0}, "validation")
    assert notice.startswith("1 of 3 labels is never predicted on the validation texts: b; ")
