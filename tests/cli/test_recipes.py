"""`textgraft train --quality` and `--minutes`: the recipe that is used, and the lines that say so."""

import re

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.cli.options import RecipeOptions
from textgraft.cli.recipes import Candidates
from textgraft.errors import ConfigError
from textgraft.model_folder import folder as model_folder
from textgraft.text.cleaning import Cleaning
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.recipes import frozen_options

SECONDS = {"best": 600.0, "balanced": 300.0, "fast": 20.0}


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    rows = [(f"the film was {word} {'film ' * count}", word) for count in range(10) for word in ("good", "bad")]
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", rows)


class Model:
    """Has the estimates of SECONDS, by the options that a recipe adds."""

    def __init__(self, **options):
        self.options = options

    def plan(self, data, validation, unlabelled, **options):
        recipe = "fast" if options.get("fine_tune") == "none" else "best" if self.options else "balanced"
        self.seconds = SECONDS[recipe]
        return self


class Data:
    def __init__(self, rows=100):
        self.rows = rows

    def __len__(self):
        return self.rows

    def fingerprint(self):
        return "data"


class Splits:
    train, validation, unlabelled = Data(), Data(10), None

    def items(self):
        return [("train", self.train)]


def choose(minutes, quality=None, checkpoints=None, model_options=None, **fit_options):
    candidates = Candidates(Model, Splits(), model_options or {}, fit_options)
    model, options = candidates.choose(RecipeOptions(quality, minutes), checkpoints)
    return model.options, options


@pytest.mark.parametrize(
    ("minutes", "quality", "expected"),
    [
        (10, None, ({"sequence_length": 0}, {})),
        (9, None, ({}, {})),
        (5, "best", ({}, {})),
        (100, "balanced", ({}, {})),
        (4.9, None, ({}, {"fine_tune": "none"})),
    ],
)
def test_best_recipe_within_the_minutes_is_chosen(minutes, quality, expected):
    assert choose(minutes, quality) == expected


def test_options_of_the_user_replace_those_of_a_recipe():
    assert choose(None, "fast", fine_tune="last:1") == ({}, {"fine_tune": "last:1"})


WINDOWS = {"truncation": "windows", "sequence_length": 64}


@pytest.mark.parametrize(
    ("quality", "fit_options", "expected"),
    [
        ("fast", {}, WINDOWS),
        ("best", {"fine_tune": "none"}, WINDOWS),
        (None, {"fine_tune": "none"}, WINDOWS),
        ("fast", {"fine_tune": "last:1"}, {}),
        (None, {}, {}),
    ],
)
def test_frozen_backbones_alone_read_long_texts_in_windows(quality, fit_options, expected):
    candidates = Candidates(Model, Splits(), {}, fit_options, WINDOWS)
    model, _ = candidates.choose(RecipeOptions(quality, None), None)
    assert model.options == expected


@pytest.mark.parametrize(
    ("preset", "settings", "options", "expected"),
    [
        ("minilm", {"pairs": False}, {"dropout": 0.2}, WINDOWS),
        ("all_minilm_l12_v2", {"pairs": False}, {}, WINDOWS),
        ("minilm", {"pairs": True}, {}, {}),
        ("minilm", {}, {}, {}),  # of named entities
        ("minilm", {"pairs": False}, {"sequence_length": 128}, {}),
        ("minilm", {"pairs": False}, {"truncation": "head+tail"}, {}),
        ("minilm", {"pairs": False}, {"hidden": (4,)}, {}),
        ("bge_small_en", {"pairs": False}, {}, {}),
        ("bert_tiny_en_uncased", {"pairs": False}, {}, {}),
        ("folder/minilm", {"pairs": False}, {}, {}),
    ],
)
def test_windows_are_for_presets_that_they_were_measured_for(preset, settings, options, expected):
    assert frozen_options(preset, settings, options) == expected


def test_too_few_minutes_for_any_recipe_are_reported_with_the_estimates():
    with pytest.raises(
        ConfigError, match=r"no recipe takes 0.1 minutes: best about 10.0 minutes, .* fast about 20.0 s"
    ):
        choose(0.1)


def test_interrupted_run_keeps_its_recipe(tmp_path, monkeypatch):
    with Checkpoints(tmp_path / "run") as checkpoints:
        assert choose(5, checkpoints=checkpoints) == ({}, {})
        monkeypatch.setitem(SECONDS, "balanced", 301.0)  # another estimate, in another process
        assert choose(5, checkpoints=checkpoints) == ({}, {})
        assert choose(4, checkpoints=checkpoints) == ({}, {"fine_tune": "none"})


def test_options_of_any_type_identify_the_run_of_a_recipe(tmp_path):
    with Checkpoints(tmp_path / "run") as checkpoints:
        for cleaning in (Cleaning(strip_html=True), Cleaning(lowercase=True)):
            model, _ = choose(10, checkpoints=checkpoints, model_options={"cleaning": cleaning})
            assert model == {"sequence_length": 0, "cleaning": cleaning}
        assert len([*(tmp_path / "run").glob("prepared-recipe-*")]) == 2


def test_recipe_and_its_flags_are_said(reviews, tiny_word_vectors, tmp_path):
    arguments = ("train", reviews, "--preset", tiny_word_vectors, "--out", tmp_path / "model")
    output = run_successfully(*arguments, "--quality", "fast").stderr
    assert "recipe fast: --fine-tune none" in output
    assert model_folder.read(tmp_path / "model").config["fit"]["fine_tune"] == "none"


def test_recipe_within_minutes_is_planned_on_the_data(reviews, tiny_word_vectors):
    output = run_successfully("train", reviews, "--preset", tiny_word_vectors, "--minutes", 60, "--dry-run").stderr
    assert re.search(r"estimated time: best about \d\.\d seconds", output)
    assert "recipe best: --sequence-length 0" in output


def test_unknown_quality_is_reported(reviews, tmp_path):
    result = run("train", reviews, "--quality", "perfect", "--out", tmp_path / "model")
    assert_fails(result, 2, "quality 'perfect' is unknown; choose one of best, balanced, fast")


@pytest.mark.parametrize(
    ("rows", "unlabelled", "options", "is_frozen"),
    [
        (289, Data(), {}, True),
        (290, Data(), {}, False),
        (289, None, {}, False),
        (289, Data(), {"fine_tune": "all"}, False),
        (289, Data(), {"epochs": 2}, False),
        (289, Data(), {"quality": "balanced"}, False),
    ],
)
def test_few_labelled_texts_beside_unlabelled_ones_train_no_network(monkeypatch, rows, unlabelled, options, is_frozen):
    monkeypatch.setattr(Splits, "train", Data(rows))
    monkeypatch.setattr(Splits, "unlabelled", unlabelled)
    _, fit_options = choose(None, **options)
    assert (fit_options.get("fine_tune") == "none") == is_frozen
