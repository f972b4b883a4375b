"""Checks of data, each on a few rows with a planted fault."""

import json
import random

import pytest

import textgraft as tg
from textgraft.data.dataset import Dataset
from textgraft.data_checks.checks import languages
from textgraft.data_checks.checks.personal_data import is_card_number, is_iban, kinds_of

LONG = " ".join(f"word{index}" for index in range(40))
TOPICS = {
    "sport": "match goal team player coach league score win",
    "money": "bank share price market loan rate trade profit",
}
COMMON = "the a of and to in for with on it that was is are has"


def texts_about(count, seed=0, labels=tuple(TOPICS)):
    """Texts of random words of two topics, and their labels."""
    generator = random.Random(seed)
    names = [labels[index % len(labels)] for index in range(count)]
    texts = [
        " ".join(generator.choices(TOPICS[name].split(), k=6) + generator.choices(COMMON.split(), k=9))
        for name in names
    ]
    return texts, names


def checked(texts, labels=None, **options):
    return tg.check_data(Dataset.from_lists(texts, labels, "data.csv"), **options)


def kinds(report):
    return {finding.kind for finding in report.findings}


def test_clean_data_has_no_finding():
    texts, labels = texts_about(200)
    report = checked(texts, labels)
    assert kinds(report) == set()
    assert report.summary() == "train 200 texts: nothing found"
    assert report.labels["sport"].texts == 100
    assert report.labels["sport"].median_words == 15


def test_leak_is_the_first_finding_and_names_rows():
    texts, labels = texts_about(60)
    test = Dataset.from_lists([texts[5].upper(), *texts_about(30, 1)[0]], ["money", *texts_about(30, 1)[1]], "test.csv")
    report = checked(texts, labels, test=test)
    (leak,) = report.leaks
    assert report.findings[0] is leak
    assert leak.message == "test.csv: 1 of 31 texts repeat a text of data.csv"
    assert leak.rows[0] == ("test", 0, "test.csv, row 1", "repeats data.csv, row 6")
    assert json.loads(json.dumps(report.to_json()))["findings"][0]["kind"] == "exact duplicates across splits"


def test_near_leak_and_near_duplicates_are_findings():
    report = checked(
        [LONG, f"{LONG} more", "another text of this set"], test=Dataset.from_lists([f"so {LONG}"], None, "t")
    )
    assert [finding.kind for finding in report.leaks] == ["near duplicates across splits"]
    assert report.of_kind("near duplicates")[0].count == 1


def test_conflicting_labels_show_both():
    texts, labels = texts_about(60)
    (finding,) = checked([*texts, texts[0]], [*labels, "money"]).of_kind("conflicting labels")
    assert finding.message == "data.csv: 1 text with different labels in 2 rows"
    assert [row.reason for row in finding.rows] == ["labelled sport", "labelled money"]


def test_conflicting_sets_do_not_depend_on_their_order():
    data = Dataset.from_lists(["one", "one", "two", "two"], [["a", "b"], ["b", "a"], ["a"], []], "sets")
    (finding,) = tg.check_data(data).of_kind("conflicting labels")
    assert finding.count == 2


@pytest.mark.parametrize(
    ("labels", "kind", "rows"),
    [
        (["pos", "neg"] * 20 + ["Pos ", "neg"], "label spellings", 1),
        (["pos", "neg"] * 20 + ["nan", "neg"], "missing value as label", 1),
        (["pos", "neg"] * 20 + ["odd", "neg"], "rare labels", 1),
        ([f"{index / 4}" for index in range(42)], "kind of label", 0),
    ],
)
def test_suspicious_labels_have_rows(labels, kind, rows):
    (finding,) = checked(texts_about(42)[0], labels).of_kind(kind)
    assert len(finding.rows) == rows
    assert finding.remedy


def test_word_that_reveals_a_label_is_named():
    texts, labels = texts_about(200)
    leaking = [
        f"{text} __label__{label}" if index % 10 else text
        for index, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]
    findings = checked(leaking, labels).of_kind("leakage word")
    assert {"'__label__sport'", "'__label__money'"} <= {
        word for finding in findings for word in finding.message.split()
    }
    assert len(findings) == 2


def test_lengths_of_labels_are_compared():
    texts, labels = texts_about(100)
    long = [
        f"{text} {text} {text} {text} {text}" if label == "money" else text
        for text, label in zip(texts, labels, strict=True)
    ]
    findings = checked(
        long[:60] + [text for text, label in zip(texts, labels, strict=True) if label == "sport"],
        labels[:60] + ["sport"] * 50,
    )
    assert "length of a label" in kinds(findings)


def test_script_that_reveals_a_label_is_reported():
    texts, labels = texts_about(81)
    foreign = [
        f"привет мир {index}" if label == "money" else text
        for index, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]
    (finding,) = checked(foreign, labels).of_kind("script of a label")
    assert "100% of the texts of the label" in finding.message
    assert "in Cyrillic script" in finding.message


def test_language_that_reveals_a_label_is_reported_where_languages_are_told_apart(monkeypatch):
    rows = [row for row in zip(*texts_about(120), range(120), strict=True) if row[1] == "sport" or row[2] % 4 == 1]
    texts, labels, _ = map(list, zip(*rows, strict=True))
    names = ["German" if label == "money" else "English" for label in labels]
    names[0], names[2] = "Maltese", "undetermined"  # one text is no language
    monkeypatch.setattr(languages, "detect_languages", lambda rows: names[: len(list(rows))])
    report = checked(texts, labels)
    (finding,) = report.of_kind("language")
    assert finding.message == "data.csv: 30 of 90 texts are in German, most are in English"
    assert finding.rows[0].row == 1
    (finding,) = report.of_kind("language of a label")
    assert "100% of the texts of the label" in finding.message
    assert "are in German, of all texts 33%" in finding.message
    monkeypatch.setattr(languages, "detect_languages", lambda rows: None)
    assert not {"language", "language of a label"} & kinds(checked(texts, labels))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe@example.org now", "e-mail addresses"),
        ("call +44 20 7946 0958", "telephone numbers"),
        ("call (212) 555-0187", "telephone numbers"),
        ("Tel. 030 1234567", "telephone numbers"),
        ("card 4111 1111 1111 1111", "card numbers"),
        ("pay to DE89 3704 0044 0532 0130 00 please", "IBANs"),
        ("from 192.168.10.254, twice", "IPv4 addresses"),
    ],
)
def test_personal_data_is_recognized(text, kind):
    assert kind in kinds_of(text)
    (finding,) = checked(["nothing", text]).of_kind(f"personal data: {kind}")
    assert finding.count == 1
    assert text not in str(finding.to_json())


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3", "300.1.2.3", "in 1984 and 2001", "1,234,567 people", "order 4111 1111 1111 1112", "@home",
        "2024-01-15", "a@b", "ISBN 978-3-16-148410-0", "DE00 3704 0044 0532 0130 00", "0-1 and 10/12/2004",
        "0000 0000 0000 0000",
    ],
)  # fmt: skip
def test_other_numbers_are_no_personal_data(text):
    assert kinds_of(text) == []


def test_check_digits():
    assert is_card_number("4111111111111111")
    assert not is_card_number("4111111111111112")
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB82 WEST 1234 5698 7654 33")


def test_drift_of_labels_and_words_is_a_warning():
    texts, labels = texts_about(300)
    test_texts, test_labels = texts_about(200, seed=1, labels=("sport",))
    report = checked(texts, labels, test=Dataset.from_lists(test_texts, test_labels, "test.csv"))
    assert {"drift of labels", "drift of words"} <= kinds(report)
    assert "drift of lengths" not in kinds(report)


def test_no_drift_is_said():
    texts, labels = texts_about(300)
    report = checked(texts, labels, test=Dataset.from_lists(*texts_about(200, seed=1), "test.csv"))
    (finding,) = report.of_kind("no drift")
    assert finding.message.startswith("test.csv: no drift from data.csv in labels (population stability index 0.0")


def test_unlabelled_texts_are_checked_for_duplicates_only():
    assert kinds(checked(["a b", "A b", "c"])) == {"exact duplicates"}


def test_numbers_are_checked_too():
    data = Dataset.from_lists(
        [f"text {index}" for index in range(60)], [index / 7 for index in range(60)], problem="regression"
    )
    assert kinds(tg.check_data(data)) == set()
