"""Text classification, on tiny presets with random weights."""

import json

import numpy as np
import pyarrow as pa
import pytest

import textgraft as tg
from tests.helpers.datasets import texts_of
from tests.helpers.resuming import RecordingCallback
from textgraft.errors import ConfigError, DataError, ModelFolderError, TextgraftWarning, TrainingError
from textgraft.tasks.objectives.single_label import best_temperature
from textgraft.tasks.streaming import growing_windows
from textgraft.tasks.texts import as_batches
from textgraft.text.cleaning import Cleaning
from textgraft.training.token_ids import TokenIds

GOOD = ["the film was good", "a fine plot", "very good", "it was fine .", "not bad , very good"]
BAD = ["the film was bad", "a dull plot", "very bad", "it was dull .", "not good , very dull"]
FIT = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3}


def two_labels(copies=6):
    texts = [f"{text} {'film ' * number}" for number in range(copies) for text in GOOD + BAD]
    return tg.Dataset.from_lists(texts, (["good"] * len(GOOD) + ["bad"] * len(BAD)) * copies)


def three_labels():
    data = two_labels()
    texts = texts_of(data)
    labels = ["plot" if "plot" in text else label for text, label in zip(texts, data.labels, strict=True)]
    return tg.Dataset.from_lists(texts, labels)


@pytest.fixture(scope="module")
def trained(tiny_word_vectors):
    data = two_labels()
    model = tg.TextClassifier(tiny_word_vectors, data.label_names, precision="float32", hidden=(8,))
    model.fit(data, **FIT)
    return model


def test_predict_returns_label_strings(trained):
    assert set(trained.predict(["the film was good", "dull"])) <= {"good", "bad"}
    probabilities = trained.predict_proba(["the film was good", ""])
    assert probabilities.shape == (2, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("labels", "outputs"), [(["a", "b"], 1), (["a", "b", "c"], 3)])
def test_two_labels_have_one_logit(word_vectors_backbone, labels, outputs):
    model = tg.TextClassifier(word_vectors_backbone, labels)
    assert model.model.output_shape == (None, outputs)
    assert model.head.get_layer("logits").activation.__name__ == "linear"


@pytest.mark.parametrize(
    ("data", "fine_tune"),
    [
        (two_labels(), "all"),
        (three_labels(), "none"),
        pytest.param(two_labels(), "none", marks=pytest.mark.slow),
        pytest.param(three_labels(), "all", marks=pytest.mark.slow),
    ],
    ids=["two-all", "three-none", "two-none", "three-all"],
)
def test_training_lowers_the_loss(tiny_word_vectors, data, fine_tune):
    model = tg.TextClassifier(tiny_word_vectors, data.label_names, precision="float32", dropout=0)
    options = {"epochs": 4, "batch_size": 8, "learning_rate": 5e-3, "ngrams": False}
    history = model.fit(data, validation=data, fine_tune=fine_tune, **options)
    assert history.records[-1]["loss"] < history.records[0]["loss"]


def test_feature_extraction_keeps_the_backbone(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"], precision="float32")
    before = [weight.numpy() for weight in model.backbone.network.weights]
    model.fit(two_labels(), fine_tune="none", **FIT)
    for weight, value in zip(model.backbone.network.weights, before, strict=True):
        if "seed_generator_state" not in weight.path:
            np.testing.assert_array_equal(weight.numpy(), value)


def test_feature_extraction_reads_each_text_once(tiny_word_vectors, monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path))
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"], precision="float32")
    data = two_labels()
    rows = []
    stored = TokenIds.batch
    monkeypatch.setattr(TokenIds, "batch", lambda tokens, part: (rows.append(len(part)), stored(tokens, part))[1])
    monkeypatch.setattr(model, "forward", lambda *_, **__: pytest.fail("the backbone ran during the head's training"))
    model.fit(data, fine_tune="none", **FIT)
    assert sum(rows) == len(data)


def test_seed_determines_the_weights(tiny_word_vectors):
    def weights(seed):
        model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32", seed=seed)
        model.fit(two_labels(), seed=seed, **FIT)
        return np.concatenate([weight.numpy().ravel() for weight in model.weights.values()])

    first = weights(0)
    np.testing.assert_array_equal(weights(0), first)
    assert np.abs(weights(1) - first).max() > 1e-4


def test_best_epoch_is_kept(tiny_word_vectors):
    class Watch(tg.Callback):
        def __init__(self, model):
            self.model, self.heads, self.scores = model, [], []

        def on_epoch_end(self, record):
            self.scores.append(record["val_accuracy"])
            self.heads.append(self.model.head.get_weights()[0])

    data = two_labels()
    model = tg.TextClassifier(tiny_word_vectors, data.label_names, precision="float32")
    watch = Watch(model)
    history = model.fit(data, callbacks=watch, epochs=6, batch_size=4, learning_rate=2e-2)
    best = history.best_epoch - 1
    assert watch.scores[best] >= max(watch.scores) - 0.21  # a standard error of 6 rows at most: 6 of 60 were held back
    np.testing.assert_array_equal(model.head.get_weights()[0], watch.heads[best])


def test_patience_stops_training(tiny_word_vectors):
    data = two_labels()
    upside_down = tg.Dataset.from_lists(texts_of(data), ["bad" if label == "good" else "good" for label in data.labels])
    model = tg.TextClassifier(tiny_word_vectors, data.label_names, precision="float32", dropout=0)
    options = {"epochs": 60, "batch_size": 8, "learning_rate": 1e-2, "schedule": "constant", "ngrams": False}
    history = model.fit(data, validation=upside_down, patience=2, **options)
    assert len(history.records) < 60


def test_loss_that_is_not_finite_stops_training(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"], precision="float32")
    model.head.get_layer("logits").kernel.assign(model.head.get_layer("logits").kernel * np.nan)
    message = r"nan in epoch 1, step 1 \(learning rate 0\S+, trained on texts, row [\d, ]+\)"
    with pytest.raises(TrainingError, match=message):
        model.fit(two_labels(), head="gradient", **FIT)


@pytest.mark.parametrize(
    ("preset", "data", "config"),
    [
        ("tiny_word_vectors", two_labels(), {}),
        ("tiny_word_vectors", three_labels(), {"fine_tune": "none", "head": "gradient"}),
        pytest.param("tiny_bert", three_labels(), {}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", two_labels(), {"fine_tune": "lora:2"}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", three_labels(), {"fine_tune": "last:1"}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", two_labels(), {"fine_tune": "none"}, marks=pytest.mark.slow),
    ],
)
def test_temperature_is_calibrated_on_the_validation_set(request, tmp_path, preset, data, config):
    validation, callback = data.take(range(3, 23)), RecordingCallback()
    model = tg.TextClassifier(request.getfixturevalue(preset), data.label_names, precision="float32")
    steps = {} if config.get("head") == "logistic" else {**FIT, "learning_rate": 1e-2}
    model.fit(data, validation=validation, callbacks=callback, **steps, **config)
    found, logits = model.objective.temperature, np.concatenate(list(model.outputs(as_batches(validation))))
    if model.objective.width == 1:
        logits = np.concatenate([0 * logits, logits], axis=1)
    assert found == pytest.approx(best_temperature(validation.label_ids(model.labels), logits), rel=1e-3)
    assert found != 1
    shares = np.exp(logits / found)
    probabilities = model.predict_proba(validation)
    np.testing.assert_allclose(probabilities, shares / shares.sum(axis=1, keepdims=True), atol=1e-6)
    assert f"calibrated: temperature {found:.2f} (20 held-out texts)" in callback.messages
    assert model.evaluate(validation)["loss"] < model.record["metrics"]["validation"]["val_loss"]
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    assert loaded.objective.temperature == found
    np.testing.assert_array_equal(loaded.predict_proba(validation), probabilities)


def test_prepare_resets_the_temperature(word_vectors_backbone):
    data = two_labels()
    model = tg.TextClassifier(word_vectors_backbone, data.label_names, precision="float32", temperature=7.0)
    model.objective.prepare(data)
    assert model.objective.temperature == 1
    assert "temperature" not in model.settings()


def test_loaded_model_is_the_same(trained, tmp_path):
    texts = [*GOOD, *BAD, "", "unknown words"]
    trained.evaluate(two_labels(1), store=True)
    trained.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    np.testing.assert_array_equal(loaded.predict_proba(texts), trained.predict_proba(texts))
    assert loaded.labels == trained.labels
    assert loaded.history == trained.history
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == [
        "README.md", "config.json", "golden.json", "history.csv", "manifest.json", "model.safetensors",
        "reference.bin", "seen_texts.bin", "tokenizer.pb", "vocab.txt",
    ]  # fmt: skip
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["data"]["train"]["sha256"]
    assert config["metrics"]["test"]["texts"] == 10
    card = (tmp_path / "model" / "README.md").read_text()
    assert "`bad`, `good`" in card
    assert f"{config['metrics']['test']['accuracy']:.4f}" in card


def test_loaded_model_is_saved_unchanged(trained, tmp_path):
    trained.save(tmp_path / "one")
    tg.load(tmp_path / "one", precision="float32").save(tmp_path / "two")
    first, second = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("one", "two"))
    assert first == second


def test_texts_of_all_trainings_are_recognized(tiny_word_vectors, tmp_path):
    data, more, others = two_labels(2), two_labels(3).take(range(20, 30)), two_labels(5).take(range(30, 50))
    model = tg.TextClassifier(tiny_word_vectors, data.label_names, precision="float32")
    assert "seen" not in model.evaluate(data)
    with pytest.raises(ConfigError, match="keeps no digests of training texts; drop unseen"):
        model.evaluate(data, unseen=True)
    model.fit(data, epochs=1, learning_rate=1e-3)
    model.save(tmp_path / "model")
    model = tg.load(tmp_path / "model", precision="float32")
    with pytest.warns(TextgraftWarning, match="trained on 18 and validated on 2 of these 20 texts; set unseen to"):
        assert model.evaluate(data)["seen"] == {"train": 18, "validation": 2}
    assert model.evaluate(others)["seen"] == {"train": 0, "validation": 0}
    model.fit(more, validation=others.take(range(10)), epochs=1, learning_rate=1e-3)
    assert model.evaluate(two_labels(5))["seen"] == {"train": 28, "validation": 12}
    metrics = model.evaluate(two_labels(5), unseen=True)
    assert metrics["texts"] == 10
    assert metrics["seen"] == {"train": 0, "validation": 0, "excluded": 40}
    with pytest.raises(DataError, match="the model has seen each of its 20 texts; use other texts"):
        model.evaluate(data, unseen=True)
    other = tg.TextClassifier(model.save(tmp_path / "more"), ["bad", "good"], precision="float32")
    assert other.evaluate(two_labels(5))["seen"] == {"train": 28, "validation": 12}


def test_damaged_model_is_reported(trained, tmp_path):
    trained.save(tmp_path / "model")
    with (tmp_path / "model" / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\7")
    with pytest.raises(ModelFolderError, match="altered"):
        tg.load(tmp_path / "model")


def test_newer_format_is_reported(trained, tmp_path):
    from textgraft.storage import folders

    trained.save(tmp_path / "model")
    files = {file.name: [file.read_bytes()] for file in (tmp_path / "model").iterdir() if file.name != "manifest.json"}
    files["config.json"] = [files["config.json"][0].replace(b'"format_version": 3', b'"format_version": 99')]
    folders.write_folder(tmp_path / "model", files, overwrite=True)
    with pytest.raises(ModelFolderError, match="format version 99"):
        tg.load(tmp_path / "model")


def test_loaded_model_applies_its_cleaning(tiny_word_vectors, tmp_path):
    model = tg.TextClassifier(
        tiny_word_vectors, ["a", "b"], precision="float32", cleaning=Cleaning(strip_html=True, strip_punctuation=True)
    )
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    np.testing.assert_array_equal(loaded.predict_proba(["<b>good</b> film!"]), loaded.predict_proba([" good  film"]))


def test_batch_mates_have_no_effect(trained):
    texts = ["the film was good", "dull " * 50, ""]
    alone = np.concatenate([trained.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(trained.predict_proba(texts), alone, atol=1e-5)


def test_evaluate_agrees_with_predict(trained):
    data = two_labels(2)
    metrics = trained.evaluate(data)
    texts = texts_of(data)
    expected = np.mean([found == label for found, label in zip(trained.predict(texts), data.labels, strict=True)])
    assert metrics["accuracy"] == pytest.approx(expected)


def test_predictions_keep_the_order_of_texts(trained, monkeypatch):
    texts = [f"{'film ' * (row % 7)}{GOOD[row % 5]}" for row in range(50)]
    whole = trained.predict_proba(texts)
    monkeypatch.setattr("textgraft.tasks.texts.WINDOW", 8)
    np.testing.assert_allclose(trained.predict_proba(texts), whole, atol=1e-6)


def test_first_windows_of_a_stream_are_short():
    batch = pa.record_batch({"row": list(range(400))})
    windows = list(growing_windows([batch.slice(0, 300), batch.slice(300)]))
    assert [len(window) for window in windows] == [32, 128, 240]
    assert pa.Table.from_batches(windows)["row"].to_pylist() == list(range(400))


def test_windows_are_bounded_in_bytes():
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 150, pa.int32()), pa.array(["x" * 2**20]))
    windows = list(growing_windows([pa.record_batch({"text": texts})]))
    assert sum(map(len, windows)) == 150
    assert [len(window) for window in windows[:2]] == [32, 57]
    batches = list(as_batches("x" * 2**20 for _ in range(80)))
    assert [len(batch) for batch in batches] == [57, 23]


def test_truncation_is_counted(tiny_bert):
    data = tg.Dataset.from_lists(["good film " * 10, "bad", "good", "bad film was the plot"] * 3, ["a", "b"] * 6)
    model = tg.TextClassifier(tiny_bert, ["a", "b"], precision="float32", sequence_length=6)
    model.fit(data, validation=data, fine_tune="none", ngrams=False, keep_reference=0)
    expected = {"texts": 6, "tokens": 3 * (20 - 4) + 3 * (5 - 4)}
    assert model.record["data"]["train"]["truncated"] == expected
    assert model.record["data"]["validation"]["truncated"] == expected
    assert model.evaluate(data)["truncated"] == expected
    with pytest.warns(UserWarning, match=r"6 texts truncated to 6 tokens \(51 tokens dropped\)"):
        model.predict(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["a"]}, "two different"),
        ({"labels": ["a", "a"]}, "two different"),
        ({"labels": "ab"}, "two different"),
        ({"pooling": "median"}, "median"),
        ({"sequence_length": 65}, "between 3 and 64"),
        ({"sequence_length": 2}, "between 3 and 64, .* not 2 .2 special tokens and one of the text"),
        ({"sequence_length": 3, "pairs": True}, "between 4 and 64"),
        ({"dropout": 1.0}, "dropout"),
        ({"temperature": 0.0}, "temperature must be a number from 0.001 to 1000"),
        ({"temperature": 1e-320}, "temperature must be a number from 0.001 to 1000"),
        ({"truncation": "tail"}, "head\\+tail"),
        ({"poling": "mean"}, "poling"),
    ],
)
def test_invalid_option_is_reported(bert_backbone, options, message):
    with pytest.raises(ConfigError, match=message):
        tg.TextClassifier(bert_backbone, **({"labels": ["a", "b"]} | options))


def test_unknown_precision_is_reported(tiny_bert):
    with pytest.raises(ConfigError, match="float8"):
        tg.TextClassifier(tiny_bert, ["a", "b"], precision="float8")


def test_unknown_fit_option_is_reported(trained):
    with pytest.raises(ConfigError, match="epoch"):
        trained.fit(two_labels(), epoch=3)


def test_unknown_label_is_reported(trained):
    with pytest.raises(DataError, match="ugly"):
        trained.evaluate(tg.Dataset.from_lists(["the film"], ["ugly"]))


@pytest.mark.parametrize("fine_tune", ["all", "none"])
def test_empty_set_is_reported(trained, fine_tune):
    data = two_labels(1)
    with pytest.raises(DataError, match="validation: no texts; each of the two sets needs at least one"):
        trained.fit(data, validation=data.take(range(0)), fine_tune=fine_tune)
    with pytest.raises(DataError, match="train: no texts"):
        trained.fit(data.take(range(0)), validation=data, fine_tune=fine_tune)


@pytest.mark.parametrize(("text", "message"), [(3, "text 2 must be a string, not int"), ("\ud800", "text 2: half of")])
def test_item_that_is_not_text_is_reported(trained, text, message):
    with pytest.raises(DataError, match=message):
        trained.predict(["the film", text])


def test_string_has_one_answer(trained):
    assert trained.predict("the film was good") == trained.predict(["the film was good"])[0]
    assert trained.predict_proba("the film was good").shape == (2,)


def test_no_texts_have_no_predictions(trained):
    assert trained.predict([]) == []
    assert trained.predict_proba([]).shape == (0, 2)
