"""Words and network together: `fit(..., ngrams=True)`."""

import json
import pickle

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load, save

import textgraft as tg
from tests.helpers.commands import run_successfully
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.errors import ConfigError, ModelFolderError
from textgraft.export.exporting import export_model
from textgraft.sklearn import TextClassifier
from textgraft.storage import folders
from textgraft.task_specs import task_spec

FROZEN = {"fine_tune": "none", "head": "logistic"}
LABELS = ["even", "odd"]


def topics(count=100, seed=0, labels=LABELS):
    """Texts whose label depends on words that no vocabulary has, and on none that it has."""
    random = np.random.default_rng(seed)
    targets = np.arange(count) % len(labels)
    texts = [
        f"the film was {labels[target]}{random.integers(8)}q only{seed}{row}q" for row, target in enumerate(targets)
    ]
    return tg.Dataset.from_lists(texts, [labels[target] for target in targets])


def fresh(preset, labels=LABELS, **options):
    return tg.TextClassifier(preset, labels, precision="float32", **options)


def fit(model, data=None, validation=None, callback=None, **options):
    data, validation = data or topics(), validation or topics(60, seed=1)
    callback = callback or RecordingCallback()
    model.fit(data, validation=validation, callbacks=callback, ngrams=True, **{**FROZEN, **options})
    return [line for line in callback.messages if line.startswith("n-grams")]


def logits(model, texts=("the film was odd3q", "", "a plot")):
    return np.concatenate(list(model.outputs([np.array([text.encode() for text in texts], object)])))


@pytest.fixture(scope="module")
def trained(word_vectors_backbone):
    model = fresh(word_vectors_backbone)
    fit(model)
    return model


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    return trained.save(tmp_path_factory.mktemp("models") / "model")


@pytest.mark.parametrize("labels", [LABELS, ["zero", "one", "two"]])
def test_ngrams_add_what_the_network_cannot_see(word_vectors_backbone, labels):
    model = fresh(word_vectors_backbone, labels)
    (line,) = fit(model, topics(200, labels=labels), topics(60, seed=1, labels=labels))
    assert "-> 1.000 (60 texts); log loss of 260 held-out texts" in line
    metrics = model.evaluate(topics(60, seed=2, labels=labels))
    assert metrics["accuracy"] == 1
    model.ngrams = None
    assert model.evaluate(topics(60, seed=2, labels=labels))["accuracy"] < 0.9


def test_outputs_are_the_sum_of_network_and_ngrams(trained, monkeypatch):
    both, ngrams = logits(trained), trained.ngrams.model
    texts = np.array([b"the film was odd3q", b"", b"a plot"], object)
    monkeypatch.setattr(trained, "ngrams", None)
    np.testing.assert_allclose(both, logits(trained) + ngrams.logits(texts), rtol=1e-6)


def test_validation_metrics_are_those_of_both_together(trained):
    metrics = trained.record["metrics"]["validation"]
    report = trained.evaluate_validation(topics(60, seed=1))
    assert metrics["val_accuracy"] == report["accuracy"] == 1
    assert metrics["val_loss"] == pytest.approx(report["loss"], rel=1e-4)
    assert trained.history[0]["val_accuracy"] < 0.9  # of the network


def test_saved_model_and_pickle_have_the_same_outputs(trained, folder):
    expected = logits(trained)
    loaded = tg.load(folder, precision="float32")
    np.testing.assert_array_equal(logits(loaded), expected)
    np.testing.assert_array_equal(logits(pickle.loads(pickle.dumps(trained))), expected)
    assert loaded.ngrams.facts == trained.ngrams.facts


def test_exported_model_has_them(trained, tmp_path):
    export_model(trained, tmp_path / "exported")
    served = tf.saved_model.load(str(tmp_path / "exported")).signatures["serving_default"]
    texts = ["the film was odd3q", "the film was even1q"]
    labels = served(text=tf.constant(texts))["label"].numpy()
    assert [label.decode() for label in labels] == trained.predict(texts) == ["odd", "even"]


def test_card_and_info_describe_the_ngrams(trained, folder):
    description = f"{trained.ngrams.model.features}, weight {trained.ngrams.facts['weight']:.2f} beside the network"
    assert f"- n-grams of words: {description}" in (folder / "README.md").read_text()
    assert description in run_successfully("info", folder).stdout


def test_ngrams_of_texts_with_random_labels_are_not_used(word_vectors_backbone):
    random = np.random.default_rng(0)

    def data(count):
        texts = [" ".join(random.choice(["film", "plot", "dull", "fine", "red", "blue"], 5)) for _ in range(count)]
        return tg.Dataset.from_lists(texts, random.choice(LABELS, count).tolist())

    model = fresh(word_vectors_backbone)
    (line,) = fit(model, data(200), data(40))
    assert line.startswith("n-grams: not used; log loss of ")
    assert model.ngrams is None
    assert model.objective.temperature != 1  # of the network alone


def test_texts_without_common_ngrams_are_not_fitted(word_vectors_backbone):
    texts = [f"only{row}q" for row in range(40)]
    data = tg.Dataset.from_lists(texts, [LABELS[row % 2] for row in range(40)])
    model = fresh(word_vectors_backbone)
    assert fit(model, data) == ["n-grams: not used; too few training texts have an n-gram or a label in common"]
    assert model.ngrams is None
    assert "ngrams" not in model.config()


def test_few_held_out_texts_are_not_fitted(word_vectors_backbone):
    model = fresh(word_vectors_backbone)
    (line,) = fit(model, validation=topics(20), head="gradient", epochs=1)
    assert line == "n-grams: not used; 20 validation texts are too few to weigh them, at least 30 are needed"


def test_fine_tuned_network_is_weighed_on_the_validation_texts(tiny_word_vectors):
    model = fresh(tiny_word_vectors)
    (line,) = fit(model, fine_tune="all", head="gradient", epochs=1)
    assert "log loss of 60 held-out texts" in line
    assert model.evaluate(topics(60, seed=2))["accuracy"] == 1


BY_STEPS = {"head": "gradient", "epochs": 1}


@pytest.mark.parametrize(
    ("options", "held_out", "expected"),
    [({}, 8, True), (BY_STEPS, 30, True), (BY_STEPS, 29, False), ({**BY_STEPS, "balance": "weights"}, 30, False)],
)
def test_default_depends_on_the_number_of_texts_that_can_weigh_them(word_vectors_backbone, options, held_out, expected):
    model, options = fresh(word_vectors_backbone), {**FROZEN, **options}
    run = model._prepare_run(topics(40), topics(held_out, seed=1), options)
    assert run.mode.config.ngrams is expected


def test_another_training_without_ngrams_drops_them(folder):
    model = tg.load(folder, precision="float32")
    assert model.ngrams
    model.fit(
        topics(40), validation=topics(20, seed=1), progress=False, callbacks=RecordingCallback(), ngrams=False, **FROZEN
    )
    assert model.ngrams is None


@pytest.mark.parametrize(
    "options", [{"problem": "multi-label"}, {"pairs": True}, {"problem": "regression", "labels": ()}]
)
def test_other_problems_are_refused(word_vectors_backbone, options):
    model = fresh(word_vectors_backbone, **{"labels": LABELS, **options})
    with pytest.raises(ConfigError, match="ngrams needs one label per single text; drop ngrams"):
        model.training_config({"ngrams": True})


def test_entities_and_balance_are_refused(word_vectors_backbone):
    with pytest.raises(ConfigError, match="ngrams needs one label"):
        tg.TokenClassifier(word_vectors_backbone, ["A"]).training_config({"ngrams": True})
    with pytest.raises(ConfigError, match="ngrams does not support balance"):
        fresh(word_vectors_backbone).training_config({"ngrams": True, "balance": "weights"})


def test_resumed_run_has_the_same_ngrams(tiny_word_vectors, tmp_path):
    def train(model, callback, checkpoints):
        fit(model, callback=callback, checkpoints=checkpoints, head="gradient", epochs=2, batch_size=25)

    resumed, uninterrupted, _ = assert_resume_changes_nothing(
        lambda: fresh(tiny_word_vectors), train, 5, tmp_path / "run"
    )
    assert resumed.ngrams.facts == uninterrupted.ngrams.facts


def test_dry_run_estimates_their_time(word_vectors_backbone):
    model = fresh(word_vectors_backbone)
    plan = model.plan(topics(), validation=topics(60, seed=1), ngrams=True, **FROZEN)
    assert plan.seconds > 0
    assert model.ngrams is None


def test_estimator_of_scikit_learn_takes_ngrams(tiny_word_vectors):
    data = topics()
    texts = [text.decode() for batch in data.batches() for text in batch.texts]
    estimator = TextClassifier(
        str(tiny_word_vectors), fine_tune="none", head="logistic", ngrams=True, model_options={"trust_savedmodel": True}
    )
    estimator.fit(texts, [LABELS[row % 2] for row in range(len(texts))])
    assert estimator.score(texts, [LABELS[row % 2] for row in range(len(texts))]) == 1


# === Model folders that nobody should trust ===


def rewritten(folder, target, change_tensors=None, change_config=None):
    """Write a changed copy of a model folder, with its manifest."""
    files = {file.name: [file.read_bytes()] for file in folder.iterdir() if file.name != "manifest.json"}
    if change_tensors:
        tensors = load(*files["model.safetensors"])
        change_tensors(tensors)
        files["model.safetensors"] = [save(tensors)]
    if change_config:
        config = json.loads(*files["config.json"])
        change_config(config)
        files["config.json"] = [json.dumps(config).encode()]
    folders.write_folder(target, files)
    return target


def replace(name, function):
    return lambda tensors: tensors.update({f"ngrams/{name}": function(tensors[f"ngrams/{name}"]).astype(np.float32)})


@pytest.mark.parametrize(
    ("change_tensors", "change_config", "message"),
    [
        (
            replace("buckets", lambda values: values[::-1].copy()),
            None,
            "whole numbers below 1,048,576 in ascending order",
        ),
        (replace("buckets", lambda values: values + 0.5), None, "whole numbers below"),
        (replace("buckets", lambda values: values + 2**20), None, "whole numbers below"),
        (replace("buckets", lambda values: values - values[0] - 1), None, "whole numbers below"),
        (replace("buckets", lambda values: values * 0), None, "whole numbers below"),
        (replace("scale", lambda values: -values), None, "ngrams/scale must be at least 0"),
        (replace("kernel", lambda values: values * np.nan), None, "not a finite number"),
        (replace("kernel", lambda values: np.hstack([values, values])), None, "ngrams/kernel"),
        (lambda tensors: tensors.pop("ngrams/bias"), None, "ngrams/bias"),
        (replace("bias", lambda values: values), lambda config: config.pop("ngrams"), "ngrams/bias"),
        (None, lambda config: config["ngrams"].update(features=3), "ngrams/buckets"),
        (None, lambda config: config["ngrams"].pop("network_temperature"), "config.ngrams lacks network_temperature"),
        (None, lambda config: config["ngrams"].update(network_temperature=0), "config.ngrams.network_temperature must"),
        (None, lambda config: config["ngrams"].update(scale="other"), "scale must be one of idf, log-count-ratio"),
        (None, lambda config: config["ngrams"].update(features=2**21), "at most 1048576"),
        (None, lambda config: config["settings"].update(pairs=True), "config.ngrams does not suit the task"),
    ],
)
def test_invalid_ngrams_in_a_folder_are_refused(folder, tmp_path, change_tensors, change_config, message):
    changed = rewritten(folder, tmp_path / "model", change_tensors, change_config)
    with pytest.raises(ModelFolderError, match=message):
        tg.load(changed)


def test_only_single_labels_take_ngrams():
    assert [name for name in ("token-classification", "fill-mask") if task_spec(name).takes_ngrams({})] == []
    assert task_spec("text-classification").takes_ngrams({})
