"""Sets of labels and numbers: training, model folders and commands."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.errors import ConfigError, DataError, ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.tasks.objectives.multi_label import MultiLabel, best_thresholds
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.objectives.tags import Tags
from textgraft.training.ragged import Ragged

WORDS = {"good": "praise", "bad": "blame", "plot": "story"}
TEXTS = ["good film", "bad film", "good plot", "bad plot", "a film", "not good , bad plot", "very good", "the plot"] * 4
SETS = [[label for word, label in WORDS.items() if word in text] for text in TEXTS]
NUMBERS = [float(text.count("good") - text.count("bad")) * 2.5 + 7 for text in TEXTS]
FIT = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-3, "keep_reference": 0}
MULTI = {"problem": "multi-label", "labels": ["blame", "praise", "story"]}
PROBLEMS = {"multi-label": (MULTI, SETS), "regression": ({"problem": "regression"}, NUMBERS)}


def data(problem="multi-label"):
    return tg.Dataset.from_lists(TEXTS, PROBLEMS[problem][1], problem=problem)


def fresh(preset, problem="multi-label", **options):
    return tg.TextClassifier(preset, precision="float32", **PROBLEMS[problem][0], **options)


@pytest.fixture(scope="module", params=PROBLEMS)
def trained(request, tiny_word_vectors):
    model = fresh(tiny_word_vectors, request.param, dropout=0)
    model.fit(data(request.param), validation=data(request.param), epochs=12, batch_size=8, learning_rate=1e-2)
    return model


def test_training_improves_the_score(trained):
    history = trained.history
    assert history[-1]["loss"] < history[0]["loss"] / 2
    found = trained.predict(TEXTS[:8])
    if trained.objective.name == "multi-label":
        assert np.mean([a == sorted(b) for a, b in zip(found, SETS, strict=False)]) > 0.8
    else:
        assert np.corrcoef(found, NUMBERS[:8])[0, 1] > 0.9


def test_loaded_model_is_the_same(trained, tmp_path):
    found = trained.evaluate(data(trained.objective.name), store=True)
    trained.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    assert loaded.predict(TEXTS) == trained.predict(TEXTS)
    assert loaded.settings() == trained.settings()
    assert loaded.evaluate(data(trained.objective.name)) == found
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"{found['micro_f1' if 'micro_f1' in found else 'pearson']:.4f}" in card
    loaded.save(tmp_path / "again")
    assert model_folder.read(tmp_path / "again").sha256 == model_folder.read(tmp_path / "model").sha256


def test_metrics_agree_with_predictions(trained):
    found = trained.evaluate(data(trained.objective.name))
    answers = trained.predict(TEXTS)
    if trained.objective.name == "multi-label":
        right = np.mean([a == sorted(b) for a, b in zip(answers, SETS, strict=True)])
        assert found["label_set_accuracy"] == pytest.approx(right)
    else:
        assert found["mae"] == pytest.approx(np.abs(np.array(answers) - NUMBERS).mean())
        assert found["pearson"] == pytest.approx(np.corrcoef(answers, NUMBERS)[0, 1])


def test_reported_loss_is_that_of_the_objective(trained):
    """What a training minimizes is what `evaluate` calls loss."""
    examples = trained.examples(data(trained.objective.name))
    inputs, targets = examples.batch(np.arange(len(TEXTS)))
    loss = tf.reduce_mean(trained.objective.loss(targets, trained.forward(inputs))).numpy()
    assert trained.evaluate(data(trained.objective.name))["loss"] == pytest.approx(loss, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["multi-label", "regression"])
@pytest.mark.parametrize("config", [{}, {"fine_tune": "none"}], ids=str)
def test_resume_changes_nothing(tiny_word_vectors, tmp_path, problem, config):
    assert_resume_changes_nothing(
        lambda: fresh(tiny_word_vectors, problem),
        lambda model, callback, run: model.fit(
            data(problem), validation=data(problem), callbacks=callback, checkpoints=run, **config, **FIT
        ),
        after=11,
        folder=tmp_path / "run",
    )


def test_thresholds_are_calibrated_on_the_validation_set(tiny_word_vectors):
    def thresholds(train, validation):
        model = fresh(tiny_word_vectors)
        model.fit(train, validation=validation, callbacks=RecordingCallback(), **FIT)
        probabilities = model.predict_proba(validation)
        sets = [set(json.loads(cell)) for cell in validation.labels]
        true = np.array([[label in labels for label in model.labels] for labels in sets])
        return model.objective.thresholds, best_thresholds(true, probabilities)

    found, expected = thresholds(data(), data().take(range(5, 17)))
    np.testing.assert_array_equal(found, expected)


def test_label_whose_probabilities_are_0_keeps_the_default_threshold():
    targets, probabilities = np.array([[True], [False]]), np.zeros((2, 1), np.float32)
    assert best_thresholds(targets, probabilities).tolist() == [0.5]


def test_label_without_validation_text_is_reported(tiny_word_vectors):
    callback, model = RecordingCallback(), fresh(tiny_word_vectors)
    model.fit(data(), validation=data().take([0, 1, 4]), callbacks=callback, **FIT)
    assert callback.messages == [
        "texts: 3 of 3 texts also occur in texts",
        "1 labels have no validation text and keep the threshold 0.5: story",
    ]
    assert model.objective.thresholds[2] == 0.5


def test_training_set_standardises_numbers(tiny_word_vectors):
    model = fresh(tiny_word_vectors, "regression")
    train = data("regression").take(range(16))
    model.fit(train, validation=data("regression"), callbacks=RecordingCallback(), **FIT)
    assert (model.objective.mean, model.objective.scale) == (np.mean(NUMBERS[:16]), np.std(NUMBERS[:16]))


def test_split_keeps_every_label_in_both_sets():
    sets = [["rare"] if row in (3, 40) else ["often"] if row % 2 else [] for row in range(100)]
    train, held_back = tg.Dataset.from_lists([f"text {row}" for row in range(100)], sets).split(0.9, seed=0)
    assert train.label_names == held_back.label_names == ["often", "rare"]
    assert len(held_back) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problem": "multi-label"}, "at least one"),
        ({"problem": "multi-label", "labels": ["a"], "thresholds": [0.5, 0.5]}, "thresholds must be 1 numbers"),
        ({"problem": "regression", "labels": ["a"]}, "has no labels"),
        ({"problem": "regression", "scale": 0.0}, "scale"),
        ({"problem": "ordinal"}, "single-label, multi-label, regression"),
        ({"labels": ["a", "b"], "scale": 1.0}, "unknown option scale"),
    ],
)
def test_invalid_option_is_reported(word_vectors_backbone, options, message):
    with pytest.raises(ConfigError, match=message):
        tg.TextClassifier(word_vectors_backbone, **options)


def test_data_of_another_problem_is_reported(word_vectors_backbone):
    with pytest.raises(DataError, match="its labels are multi-label; read it with problem regression"):
        fresh(word_vectors_backbone, "regression").fit(data())
    with pytest.raises(ConfigError, match="one label per text"):
        fresh(word_vectors_backbone).fit(data(), fine_tune="none", head="logistic")
    with pytest.raises(ConfigError, match="no probabilities"):
        fresh(word_vectors_backbone, "regression").predict_proba(["a"])


def test_no_texts_have_no_predictions(word_vectors_backbone):
    assert fresh(word_vectors_backbone).predict([]) == fresh(word_vectors_backbone, "regression").predict([]) == []


# === Files and commands ===
def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def train(source, preset, out, *more):
    options = ("--preset", preset, "--epochs", 1, "--precision", "float32", "--out", out)
    result = run("train", source, "--test", source, "--allow-leaks", *options, *more)
    assert result.exit_code == 0, result.output
    return result


def test_commands_with_separated_labels(tiny_word_vectors, tmp_path):
    source = write(
        tmp_path / "sets.csv", [(text, " | ".join(labels)) for text, labels in zip(TEXTS, SETS, strict=True)]
    )
    folder = tmp_path / "model"
    assert "3 labels" in train(source, tiny_word_vectors, folder, "--label-separator", "|").stderr
    config = json.loads(run("info", folder, "--json").stdout)
    assert config["settings"]["labels"] == ["blame", "praise", "story"]
    assert "multi-label" in run("info", folder).stdout
    assert json.loads(run("evaluate", folder, source, "--json").stdout)["label_set_accuracy"] >= 0
    assert "threshold" in run("evaluate", folder, source).stdout
    lines = list(csv.DictReader(run("predict", folder, source, "--probabilities", "all").stdout.splitlines()))
    thresholds = dict(zip(config["settings"]["labels"], config["settings"]["thresholds"], strict=True))
    for line in lines:
        expected = [label for label, at in thresholds.items() if float(line[f"probability_{label}"]) >= at - 1e-6]
        assert line["prediction"] == "|".join(expected)
        assert line["probability"] == "|".join(line[f"probability_{label}"] for label in expected)
    assert_fails(run("compare", folder, folder, "--data", source), 2, "multi-label model")
    run_successfully("evaluate", folder, source, "--out", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == [line["prediction"] for line in lines]
    assert [row["truth"] for row in rows] == ["|".join(sorted(labels)) for labels in SETS]
    assert all((row["correct"] == "true") == (row["truth"] == row["prediction"]) for row in rows)
    assert "steps" in run("train", source, "--label-separator", "|", "--preset", tiny_word_vectors, "--dry-run").stdout


@pytest.mark.parametrize("suffix", [".jsonl", pytest.param(".parquet", marks=pytest.mark.slow)])
def test_commands_with_lists_of_labels(tiny_word_vectors, tmp_path, suffix):
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = tmp_path / f"sets{suffix}"
    rows = [{"text": text, "label": labels} for text, labels in zip(TEXTS, SETS, strict=True)]
    if suffix == ".jsonl":
        source.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), source)
    assert tg.load_dataset(source).problem == "multi-label"
    folder, out = tmp_path / "model", tmp_path / f"out{suffix}"
    train(source, tiny_word_vectors, folder)
    assert run("predict", folder, source, "--out", out).exit_code == 0
    if suffix == ".jsonl":
        assert all(isinstance(json.loads(line)["prediction"], list) for line in out.read_text().splitlines())
    else:
        assert all(isinstance(json.loads(cell), list) for cell in pq.read_table(out)["prediction"].to_pylist())


def test_commands_with_numbers(tiny_word_vectors, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    source, folder = tmp_path / "numbers.parquet", tmp_path / "model"
    pq.write_table(pa.table({"text": TEXTS, "rating": NUMBERS}), source)
    train(source, tiny_word_vectors, folder, "--label", "rating", "--problem", "regression")
    found = json.loads(run("evaluate", folder, source, "--label", "rating", "--json").stdout)
    assert found["rmse"] >= found["mae"] > 0
    assert "spearman" in run("evaluate", folder, source, "--label", "rating").stdout
    run_successfully("evaluate", folder, source, "--label", "rating", "--out", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        residuals = [float(row["prediction"]) - float(row["truth"]) for row in csv.DictReader(file)]
    assert np.mean(np.abs(residuals)) == pytest.approx(found["mae"], abs=1e-5)
    assert "; numbers from " in run_successfully("predict", folder, source, "--out", tmp_path / "out.parquet").stderr
    predicted = pq.read_table(tmp_path / "out.parquet")
    assert predicted.column_names == ["text", "rating", "prediction"]
    assert predicted["rating"].to_pylist() == NUMBERS
    assert_fails(run("predict", folder, source, "--probabilities", "all"), 2, "predicts no labels; drop it")
    assert "mae" in run("info", folder).stdout


@pytest.mark.parametrize(
    ("cells", "options", "words"),
    [
        (["a|b", "a||b"], ("--label-separator", "|"), "line 3: a label of the set is empty"),
        (
            ["a|b", "|".join([*map(str, range(100_000)), "99999"])],
            ("--label-separator", "|"),
            "the label '99999' occurs",
        ),
        (["a|b", "a|b|a"], ("--label-separator", "|"), "line 3: the label 'a' occurs twice"),
        (["", ""], ("--label-separator", "|"), "no text has a label"),
        (["a", "b"], ("--problem", "multi-label"), "line 2: 'a' is not a list of labels"),
        (["1", "one"], ("--problem", "regression"), "line 3: 'one' is not a number"),
        (["1", "nan"], ("--problem", "regression"), "line 3: 'nan' is not a finite number"),
        (["1", "1.0"], ("--problem", "regression"), "every text has the number 1"),
        (["1", ""], ("--problem", "regression"), "line 3: no value for 'label'"),
        (["a", "b"], ("--problem", "ordinal"), "problem 'ordinal' is unknown"),
        (["a", "b"], ("--problem", "regression", "--label-separator", ","), "does not support label_separator"),
    ],
)
def test_bad_label_cell_is_reported(tiny_word_vectors, tmp_path, cells, options, words):
    source = write(tmp_path / "bad.csv", zip(["a film", "a plot"], cells, strict=True))
    result = run("train", source, "--preset", tiny_word_vectors, "--out", tmp_path / "model", *options)
    assert_fails(result, 2 if "--problem" in options and "line" not in words and "every" not in words else 3, words)


def test_unknown_label_is_reported_with_its_line(tiny_word_vectors, tmp_path):
    source = write(tmp_path / "train.csv", [("good film", "a|b"), ("bad film", "b"), ("plot", "")] * 4)
    test = write(tmp_path / "test.csv", [("good film", "a"), ("bad film", "b|c")])
    options = ("--label-separator", "|", "--preset", tiny_word_vectors, "--out", tmp_path / "model")
    assert_fails(run("train", source, "--test", test, *options), 3, "test.csv, line 3: unknown label 'c'")


# === Hostile folders ===
@pytest.mark.parametrize(
    ("problem", "changes", "words"),
    [
        ("multi-label", {"thresholds": [0.5]}, "thresholds must be 3, one for each label, not 1"),
        ("multi-label", {"thresholds": [0.5, 0.5, 1.5]}, "thresholds[2] must be a number from 0 to 1"),
        ("multi-label", {"thresholds": [0.5, 0.5, "x"]}, "thresholds[2] must be a number from 0 to 1"),
        ("multi-label", {"problem": "os.path"}, "problem must be one of"),
        ("multi-label", {"problem": ["x"]}, "problem must be one of"),
        ("multi-label", {"problem": "regression"}, "lacks mean"),
        ("regression", {"scale": 0}, "scale must be a number from 1e-100 to 1e+100"),
        ("regression", {"scale": 1e999}, "Infinity"),
        ("regression", {"mean": 1e30, "scale": 1.0}, "scale 1.0 is nothing beside the mean 1e+30"),
        ("regression", {"labels": ["a"]}, "unknown field 'labels'"),
    ],
)
def test_invalid_settings_of_a_model_folder_are_reported(word_vectors_backbone, tmp_path, problem, changes, words):
    from tools.make_hostile import configured, seal

    folder = fresh(word_vectors_backbone, problem).save(tmp_path / "model")
    for name, value in changes.items():
        configured(("settings", name), value, folder)
    seal(folder)
    with pytest.raises(ModelFolderError) as refused:
        model_folder.read(folder)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_weights_of_other_labels_are_reported_on_load(word_vectors_backbone, tmp_path):
    from tools.make_hostile import configured, seal

    folder = fresh(word_vectors_backbone, "multi-label").save(tmp_path / "model")
    for name, value in (("labels", ["a"]), ("thresholds", [0.5])):
        configured(("settings", name), value, folder)
    seal(folder)
    with pytest.raises(ModelFolderError, match="describes a network with head/logits/"):
        tg.load(folder, "float32")


def test_plan_and_failed_fit_restore_the_objective(word_vectors_backbone):
    model = fresh(word_vectors_backbone, "multi-label")
    model.objective.thresholds[:] = 0.25
    model.plan(data("multi-label"), validation=data("multi-label"), **FIT)
    unknown = tg.Dataset.from_lists(["a", "b"], [["never seen"], []])
    with pytest.raises(DataError, match="never seen"):
        model.fit(data("multi-label"), validation=unknown, **FIT)
    assert (model.objective.thresholds == 0.25).all()
    numbers = fresh(word_vectors_backbone, "regression")
    before = numbers.settings()
    numbers.plan(data("regression"), validation=data("regression"), **FIT)
    assert numbers.settings() == before


@pytest.mark.parametrize(
    ("objective", "targets", "outputs"),
    [
        (SingleLabel(["a", "b", "c"]), np.array([0, 2]), np.eye(3)[:2]),
        (MultiLabel(["a", "b"]), Ragged(np.array([0, 1, 1], np.int32), np.array([2, 1])), np.ones((2, 2))),
        (Regression(), np.array([1.0, 2.0]), np.array([[1.5], [1.0]])),
        (Tags(["X"], "free"), Ragged(np.array([0, 1]), np.array([2])), Ragged(np.eye(3)[:2], np.array([2]))),
    ],
    ids=["single-label", "multi-label", "regression", "tags"],
)
def test_every_selectable_metric_is_computed(objective, targets, outputs):
    names = {metric.name for metric in objective.selectable} - {"loss"}
    assert names <= objective.validation_metrics(targets, outputs).keys()


@pytest.mark.parametrize("options", [{"fine_tune": "none"}, {"fine_tune": "all", "epochs": 1, "head": "gradient"}])
def test_selected_metric_is_in_the_history(tiny_word_vectors, options):
    texts = ["good", "fine", "bad", "dull", "very good", "very bad"] * 2
    train = tg.Dataset.from_lists(texts, ["x", "x", "y", "y", "x", "y"] * 2)
    model = tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32")
    model.fit(train, validation=train, callbacks=RecordingCallback(), metric="weighted_f1", **options)
    assert model.record["fit"]["metric"] == "weighted_f1"
    assert {"val_accuracy", "val_macro_f1", "val_weighted_f1"} <= model.history[0].keys()
    assert "val_micro_f1" not in model.history[0]
    with pytest.raises(ConfigError, match="metric 'f1' is unknown for this task; choose one of accuracy, macro_f1"):
        model.fit(train, validation=train, metric="f1")
