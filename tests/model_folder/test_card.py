"""The model card."""

import re

import pytest
from huggingface_hub import ModelCard, ModelCardData

from textgraft.model_folder.card import write_card
from textgraft.task_specs import task_names, task_spec

SET = {"source": "a.csv", "texts": 3, "sha256": "", "truncated": {"texts": 0, "tokens": 0}}


def config_of(labels, **metrics):
    counts = {label: index + 1 for index, label in enumerate(labels)}
    return {
        "format_version": 3,
        "task": "text-classification",
        "preset": "minilm",
        "settings": {"labels": labels},
        "data": {"train": {**SET, "labels": counts}, "validation": {**SET, "labels": {labels[0]: 2}}},
        "fit": {"epochs": 3},
        "versions": {},
        "metrics": {"validation": {"val_accuracy": 0.5, "val_loss": 1.0}, **metrics},
    }


def report(labels):
    scores = {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 2}
    return {
        "texts": 4,
        "accuracy": 0.5,
        "macro_f1": 0.5,
        "loss": 1.0,
        "labels": labels,
        "per_class": dict.fromkeys(labels, scores),
        "confusion": [[int(row != column) for column in range(len(labels))] for row in range(len(labels))],
    }


def test_card_has_the_labels_and_results_of_the_set_that_judged():
    labels = ["a|b", "two\nlines"]
    card = write_card(config_of(labels, validation_report=report(labels)))
    assert "| label | train | validation |\n|---|---|---|\n| `a\\|b` | 1 | 2 |\n| `two lines` | 2 | 0 |" in card
    assert "### Labels of the validation texts" in card
    assert "| `a\\|b` | 0.5 | 1 | 0.6667 | 2 |" in card
    assert "### Predictions for the validation texts" in card
    assert "| `a\\|b` | `two lines` | 1 |" in card
    tested = write_card(config_of(labels, validation_report=report(labels), test=report(labels)))
    assert "### Labels of the test texts" in tested
    assert "### Labels of the validation texts" not in tested


def test_card_of_many_labels_is_limited():
    labels = [f"intent {n}" for n in range(500)]
    card = write_card(config_of(labels, test=report(labels)))
    assert len(card.splitlines()) < 130
    assert "and 480 more." in card


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](https://example.com/pixel.png) https://example.com www.example.com a@example.com",
    "a | b \\| c \\\\| d",
    "`code` ``two`` ```",
    "`",
    "# heading\n# heading\n```\n<b>\n- item\r\n\x85\u2028---",
    "**bold** _it_ ~~no~~ &lt; $x$",
    "\x1b]0;title\x07\u202e",
    "x" * 4_000_000,
    " ",
]


def unescaped(card):
    """A card without its code spans and blocks, and the contents of the spans in the order of their appearance."""
    without_blocks = re.sub(r"(?ms)^```python$.*?^```$", "", card)
    span = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")
    return span.sub("", without_blocks), [match[2] for match in span.finditer(without_blocks)]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_values_are_code_spans_on_one_line(text):
    plain = write_card(everywhere("a word"))
    hostile = write_card(everywhere(text))
    assert unescaped(hostile)[0].splitlines() == unescaped(plain)[0].splitlines()
    assert len(unescaped(hostile)[1]) == len(unescaped(plain)[1])
    assert len(hostile) < 20_000
    assert not set("\x1b\x07\x85\u2028\u202e\r") & set(hostile)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_tables_keep_their_columns(text):
    card = write_card(everywhere(text)).splitlines()
    rules = [index for index, line in enumerate(card) if line.startswith("|---")]
    for index in rules:
        columns = card[index].count("---")
        # A backslash protects the character after it; a bar without one ends a cell.
        assert {len(re.findall(r"(?:\\.|[^|\\])+(?=\|)", card[row])) for row in (index - 1, index + 1)} == {columns}


def test_label_in_the_example_is_a_string_on_one_line():
    for text in HOSTILE:
        settings = {"labels": [text, "b"]}
        code = task_spec("text-classification").usage(settings)
        assert code.startswith('predict(["a text"])  # for example ["')
        assert code.isprintable()
        assert len(code) < 400


def everywhere(text):
    """A config with a text in the place of each name and value that a user or the maker of a folder chooses."""
    config = config_of([text, "b"], test=report([text, "b"]), validation_report=report([text, "b"]))
    sets = {name: {**SET, "source": text, "labels": {text: 1}} for name in ("train", f"x{text}")}
    return config | {
        "preset": text,
        "data": sets,
        "fit": {"epochs": 3, f"key {text}": f"value {text}"},
        "versions": {f"library {text}": text},
    }


@pytest.mark.parametrize("label", ["good", *HOSTILE, "---\nlicense: none\n---"])
def test_metadata_of_a_card_is_that_of_the_hub(label):
    """As huggingface_hub reads it; its own validation asks the hub."""
    card = ModelCard(write_card(everywhere(label)))
    assert card.data.to_dict() == {
        "library_name": "textgraft", "pipeline_tag": "text-classification", "tags": ["textgraft"]
    }  # fmt: skip
    assert ModelCardData(**card.data.to_dict()).to_yaml() == card.data.to_yaml()
    assert card.text.lstrip().startswith("# text-classification on ")


def test_tasks_are_those_that_the_hub_lists():
    listed = {"text-classification", "token-classification", "feature-extraction", "text-generation", "fill-mask"}
    assert set(task_names()) == listed
