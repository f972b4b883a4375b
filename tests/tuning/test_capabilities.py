"""What presets can do for a task: asked of the task itself, and left out of the space where it cannot."""

from dataclasses import replace

import pytest

from textgraft.data.dataset import Dataset
from textgraft.data.splits import Splits
from textgraft.data.tagged import TaggedDataset
from textgraft.errors import ConfigError
from textgraft.task_specs import task_spec
from textgraft.tuning.candidate import build_model
from textgraft.tuning.capabilities import find_capabilities, narrow_space, starting_points
from textgraft.tuning.search_space import Choice, Range, SearchSpace, default_space
from textgraft.tuning.setup import SelectionMetric, TuningTask

FIXED = {"precision": "float32", "seed": 0}
TEXTS = ["a good film", "a bad film", "it was good"]


def tuning_task(task, data):
    return TuningTask(task, task_spec(task), Splits(data, data, None, ()))


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


def told(asked, task):
    left, notices = narrow_space(asked, find_capabilities(asked, task, FIXED))
    return left, [notice.split(" is left out: ")[0] for notice in notices]


def test_single_labels_refuse_nothing_but_a_pooling(tiny_bert):
    left, notices = told(space(tiny_bert), LABELS)
    assert notices == ["pooling sqrtn"]
    assert left == space(tiny_bert).with_choices("pooling", ("mean", "cls"))


def test_sets_of_labels_have_no_logistic_head(tiny_bert):
    left, notices = told(space(tiny_bert), SETS)
    assert notices == ["pooling sqrtn", "head logistic"]
    assert left.tables["none"] == {"head": Choice(("gradient",))}


def test_a_head_that_cannot_be_is_no_start(tiny_bert):
    asked = space(tiny_bert).with_choices("head", ("gradient", "logistic"))
    able = find_capabilities(asked, SETS, FIXED)[str(tiny_bert)]
    assert able.default_hyperparameters("all", 60)["head"] == "gradient"


def test_spans_know_no_vector_of_a_text(tiny_bert):
    left, notices = told(space(tiny_bert), SPANS)
    assert notices == [
        "truncation", "pooling", "strip_html True", "head logistic",
    ]  # fmt: skip
    assert not {"pooling", "truncation"} & left.domains.keys()


def test_what_one_preset_can_do_stays(tiny_bert, tiny_word_vectors):
    asked = space(tiny_bert, tiny_word_vectors)
    known = find_capabilities(asked, LABELS, FIXED)
    assert narrow_space(asked, known) == (asked, [])
    starts = [(point["fine_tune"], point["preset"]) for point in starting_points(asked, known, 10_000)]
    bert, words = str(tiny_bert), str(tiny_word_vectors)
    assert starts == [("none", bert), ("none", words), ("last:1", bert), ("all", bert), ("all", words)]


def test_few_rows_get_more_passes_as_fit_gives_them(tiny_bert):
    able = find_capabilities(space(tiny_bert), LABELS, FIXED)[str(tiny_bert)]
    assert [able.default_hyperparameters("all", rows)["epochs"] for rows in (5000, 160, 60)] == [3, 10, 25]
    assert [able.default_hyperparameters("none", rows)["epochs"] for rows in (5000, 60)] == [30, 50]
    assert [able.default_hyperparameters("all", rows)["patience"] for rows in (5000, 60)] == [3, 13]
    assert [able.default_hyperparameters(way, 60)["head"] for way in ("all", "last:1", "none")] == ["logistic"] * 3
    assert [able.default_hyperparameters(way, 5000)["head"] for way in ("all", "none")] == ["gradient", "logistic"]
    for rows in (5000, 60):
        words, tables = default_space(rows).domains, default_space(rows).tables
        assert able.default_hyperparameters("all", rows)["epochs"] in words["epochs"]
        assert able.default_hyperparameters("none", rows)["epochs"] in tables["none"]["epochs"]


def test_a_way_that_no_preset_has_takes_its_table_along(tiny_word_vectors):
    left, notices = told(space(tiny_word_vectors), LABELS)
    assert notices == ["fine_tune last:1", "pooling cls", "truncation windows"]
    assert left.fine_tunes() == ("none", "all")


def test_a_value_that_needs_another_stays_where_that_can_be_had(tiny_word_vectors):
    """Windows need a length, which word vectors do not have of themselves."""
    asked = space(tiny_word_vectors)
    asked = replace(asked, domains={**asked.domains, "sequence_length": Range(32, 64)})
    assert told(asked, LABELS)[1] == ["fine_tune last:1", "pooling cls"]


def test_a_table_of_a_preset_is_asked_of_that_one(tiny_bert, tiny_word_vectors):
    asked = space(tiny_bert, tiny_word_vectors)
    asked = replace(asked, tables={str(tiny_bert): {"pooling": Choice(("cls", "sqrtn"))}})
    left, notices = told(asked, LABELS)
    assert notices == ["pooling sqrtn"]
    assert left.tables[str(tiny_bert)]["pooling"] == Choice(("cls",))


def test_no_choice_left_is_an_error_with_the_reason(tiny_bert):
    asked = space(tiny_bert).with_choices("head", ("logistic",), "none")
    with pytest.raises(ConfigError, match="head has no choice left: head logistic needs one label per text"):
        told(asked, SETS)


@pytest.mark.parametrize(
    ("task", "score", "sample_size"), [(LABELS, "accuracy", 3), (SETS, "micro_f1", 3), (SPANS, "f1", 4)]
)
def test_a_score_counts_what_training_judges_epochs_by(task, score, sample_size, tiny_bert):
    model = build_model({**FIXED, "preset": tiny_bert}, task)
    assert task.selection_metric(model.objective.score) == SelectionMetric(score, 3, sample_size)
    assert model.examples(task.parts.validation).sample_size == sample_size
