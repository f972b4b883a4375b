"""Capabilities of presets for a task; choices that no preset supports are removed from the search space."""

from dataclasses import replace

import pytest

from textgraft.data.dataset import Dataset
from textgraft.data.splits import Splits
from textgraft.data.tagged import TaggedDataset
from textgraft.errors import ConfigError
from textgraft.task_specs import task_spec
from textgraft.tuning.capabilities import (
    default_hyperparameters,
    find_capabilities,
    narrow_space,
    starting_points,
)  # fmt: skip
from textgraft.tuning.search_space import Choice, Range, SearchSpace, default_space
from textgraft.tuning.setup import SelectionMetric, TuningTask

FIXED = {"precision": "float32", "seed": 0}
TEXTS = ["a good film", "a bad film", "it was good"]


def tuning_task(task, data):
    return TuningTask(task, task_spec(task), Splits(data, data, None, (), {}))


LABELS = tuning_task("text-classification", Dataset.from_lists(TEXTS, ["a", "b", "a"]))
SETS = tuning_task("text-classification", Dataset.from_lists(TEXTS, [["a"], ["b", "a"], []]))
SPANS = tuning_task(
    "token-classification",
    TaggedDataset.from_lists(
        [text.split() for text in TEXTS], [["O", "B-X", "B-Y"], ["O", "O", "O"], ["B-Y", "O", "B-X"]]
    ),
)


def space(*presets):
    return SearchSpace(
        {
            "preset": Choice(tuple(map(str, presets))),
            "fine_tune": Choice(("none", "last:1", "all")),
            "learning_rate": Range(1e-4, 1e-3),
            "pooling": Choice(("mean", "cls", "sqrtn")),
            "truncation": Choice(("head", "windows")),
            "strip_html": Choice((False, True)),
        },
        {
            "none": {"head": Choice(("gradient", "logistic"))},
            "last:1": {"layer_decay": Choice((0.9, 1.0))},
        },
    )


def narrow(space_to_search, task):
    narrowed, notices = narrow_space(space_to_search, find_capabilities(space_to_search, task, FIXED))
    return narrowed, [notice.removeprefix("ignoring ").split(": ")[0] for notice in notices]


def test_single_labels_support_all_but_an_unknown_pooling(tiny_bert):
    narrowed, notices = narrow(space(tiny_bert).with_choices("pooling", ("mean", "cls", "median")), LABELS)
    assert notices == ["pooling median"]
    assert narrowed == space(tiny_bert).with_choices("pooling", ("mean", "cls"))


def test_sets_of_labels_have_no_logistic_head(tiny_bert):
    narrowed, notices = narrow(space(tiny_bert).with_choices("pooling", ("mean", "cls", "median")), SETS)
    assert notices == ["pooling median", "head logistic"]
    assert narrowed.tables["none"] == {"head": Choice(("gradient",))}


def test_defaults_leave_out_an_unsupported_head(tiny_bert):
    model = SETS.build_model({**FIXED, "preset": tiny_bert})
    assert default_hyperparameters(model, "all", 60)["head"] == "gradient"


def test_options_of_a_text_vector_have_no_effect_on_spans(tiny_bert):
    narrowed, notices = narrow(space(tiny_bert), SPANS)
    assert notices == ["pooling", "truncation", "strip_html True", "head logistic"]
    assert not {"pooling", "truncation"} & narrowed.domains.keys()


def test_choices_that_one_preset_supports_are_kept(tiny_bert, tiny_word_vectors):
    space_to_search = space(tiny_bert, tiny_word_vectors)
    known = find_capabilities(space_to_search, LABELS, FIXED)
    assert narrow_space(space_to_search, known) == (space_to_search, [])
    starts = [(point["fine_tune"], point["preset"]) for point in starting_points(space_to_search, known)]
    bert, words = str(tiny_bert), str(tiny_word_vectors)
    assert starts == [("none", bert), ("none", words), ("last:1", bert), ("all", bert), ("all", words)]


def test_default_epochs_for_few_rows_are_those_of_fit(tiny_bert):
    model = LABELS.build_model({**FIXED, "preset": tiny_bert})

    def defaults(name, fine_tune, *row_counts):
        return [default_hyperparameters(model, fine_tune, rows)[name] for rows in row_counts]

    assert defaults("epochs", "all", 5000, 160, 60) == [3, 10, 25]
    assert defaults("epochs", "none", 5000, 60) == [30, 50]
    assert defaults("patience", "all", 5000, 60) == [3, 13]
    assert [defaults("head", mode, 60) for mode in ("all", "last:1", "none")] == [["logistic"]] * 3
    assert [defaults("head", mode, 5000) for mode in ("all", "none")] == [["gradient"], ["logistic"]]
    for rows in (5000, 60):
        words, tables = default_space(rows, 100).domains, default_space(rows, 100).tables
        assert defaults("epochs", "all", rows)[0] in words["epochs"]
        assert defaults("epochs", "none", rows)[0] in tables["none"]["epochs"]


def test_unsupported_fine_tune_is_dropped_with_its_table(tiny_word_vectors):
    narrowed, notices = narrow(space(tiny_word_vectors), LABELS)
    assert notices == ["fine_tune last:1", "pooling cls", "truncation windows"]
    assert narrowed.fine_tunes() == ("none", "all")


def test_choice_that_needs_another_value_is_kept(tiny_word_vectors):
    """Windows need a length, which word vectors do not have of themselves."""
    space_to_search = space(tiny_word_vectors)
    space_to_search = replace(space_to_search, domains={**space_to_search.domains, "sequence_length": Range(32, 64)})
    assert narrow(space_to_search, LABELS)[1] == ["fine_tune last:1", "pooling cls"]


def test_table_of_a_preset_is_checked_against_that_preset(tiny_bert, tiny_word_vectors):
    space_to_search = space(tiny_bert, tiny_word_vectors)
    space_to_search = replace(space_to_search, tables={str(tiny_bert): {"pooling": Choice(("cls", "median"))}})
    narrowed, notices = narrow(space_to_search, LABELS)
    assert notices == ["pooling median"]
    assert narrowed.tables[str(tiny_bert)]["pooling"] == Choice(("cls",))


def test_hyperparameter_without_choices_is_reported(tiny_bert):
    space_to_search = space(tiny_bert).with_choices("head", ("logistic",), "none")
    with pytest.raises(ConfigError, match="head has no choice left: head logistic needs one label per text"):
        narrow(space_to_search, SETS)


@pytest.mark.parametrize(
    ("task", "score", "sample_size"), [(LABELS, "accuracy", 3), (SETS, "micro_f1", 3), (SPANS, "f1", 4)]
)
def test_selection_metric_has_the_sample_size_of_training(task, score, sample_size, tiny_bert):
    model = task.build_model({**FIXED, "preset": tiny_bert})
    metrics = task.spec.metrics(task.splits.train)
    assert model.objective.selectable == metrics
    assert task.selection_metric(None) == SelectionMetric(metrics[0], 3, sample_size)
    assert metrics[0].name == score
    assert model.examples(task.splits.validation).sample_size == sample_size
