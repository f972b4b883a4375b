"""The model card."""

from textgraft.model_folder.card import write_card

SET = {"source": "a.csv", "texts": 3, "sha256": "", "truncated": {"texts": 0, "tokens": 0}}


def config_of(labels, **metrics):
    counts = {label: index + 1 for index, label in enumerate(labels)}
    return {
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
    assert "| label | train | validation |\n|---|---|---|\n| a\\|b | 1 | 2 |\n| two lines | 2 | 0 |" in card
    assert "### Labels of the validation texts" in card
    assert "| a\\|b | 0.5 | 1 | 0.6667 | 2 |" in card
    assert "### Predictions for the validation texts" in card
    assert "| a\\|b | two lines | 1 |" in card
    tested = write_card(config_of(labels, validation_report=report(labels), test=report(labels)))
    assert "### Labels of the test texts" in tested
    assert "### Labels of the validation texts" not in tested


def test_card_of_many_labels_is_limited():
    labels = [f"intent {n}" for n in range(500)]
    card = write_card(config_of(labels, test=report(labels)))
    assert len(card.splitlines()) < 130
    assert "and 480 more." in card
