"""Classifiers that extend a trained one by labels and texts."""

import json

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.exports import add_ngrams
from tests.helpers.resuming import RecordingCallback
from textgraft.errors import ConfigError, DataError, ModelFolderError, TextgraftWarning
from textgraft.storage.verification import read_manifest
from textgraft.training.linear_head import LinearHead, fit_beside, replay_weights

WORDS = {"bad": ["dull", "bad", "plot"], "good": ["fine", "good", "film"], "odd": ["the", "was", "very"]}


def texts(*labels, count=24, seed=0):
    random = np.random.default_rng(seed)
    names = [labels[row % len(labels)] for row in range(count)]
    return tg.Dataset.from_lists(
        [f"{' '.join(random.choice(WORDS[name], 3))} a {'film ' * (row % 5)}" for row, name in enumerate(names)], names
    )


def embed(model, data):
    return tg.TextEmbedder(model.backbone, precision="float32", normalize=False).predict(data)


@pytest.fixture(scope="module")
def sentiment(tiny_word_vectors, tmp_path_factory):
    """The folder of a frozen model of "bad" and "good" that keeps six embeddings of each."""
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    model.fit(texts("bad", "good"), fine_tune="none", keep_replay=6, progress=False)
    return model.save(tmp_path_factory.mktemp("models") / "sentiment")


def extend(folder, data, *labels, **options):
    model, callback = tg.ExtendedClassifier(folder, labels, precision="float32"), RecordingCallback()
    model.fit(data, callbacks=callback, progress=False, **options)
    return model, callback.messages


def test_model_folder_keeps_a_sample_of_embeddings_that_represents_all_texts(sentiment):
    model = tg.load(sentiment)
    rows = model.replay.sets["train"]
    assert np.bincount(rows.targets).tolist() == [6, 6]
    np.testing.assert_allclose(rows.weights, 2)  # 12 texts of each label
    vectors = embed(model, texts("bad", "good")).astype(np.float16)
    assert {row.tobytes() for row in rows.vectors} <= {row.tobytes() for row in vectors}
    assert not model.replay.trained_backbone
    assert len(model.replay.sets["validation"]) == 0


def test_head_is_fitted_to_texts_and_embeddings_beside_the_earlier_head(sentiment):
    data, files = texts("odd", "good", count=10, seed=1), read_manifest(sentiment)
    model, messages = extend(sentiment, data, "odd")
    assert model.labels == ("bad", "good", "odd")
    earlier = tg.load(sentiment)
    rows = earlier.replay.sets["train"]
    targets = np.concatenate([data.label_ids(model.labels), rows.targets])
    expected = fit_beside(
        LinearHead.of(earlier.head.layers[-1]).with_labels(3),
        np.concatenate([embed(model, data), rows.vectors.astype(np.float32)]),
        targets,
        replay_weights(targets, rows.weights, 2),
        bias_penalty=0.0,
    )
    np.testing.assert_allclose(model.head.layers[-1].kernel.numpy(), expected.kernel, atol=1e-3)
    for variable, before in zip(model.backbone.network.weights, earlier.backbone.network.weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before.numpy())
    assert read_manifest(sentiment) == files
    assert f"12 embeddings of {sentiment} replayed, so that its labels are remembered" in messages
    facts = model.record["extended_from"]
    assert (facts["labels"], facts["replayed"], facts["stored"]["set"]) == (2, 12, "cross-validation")
    assert {name: values["texts"] for name, values in facts["accuracies"].items()} == {
        "earlier texts": 12,
        "new texts": 10,
    }
    assert facts["accuracies"]["new texts"]["before"] <= 0.5  # half of them have a label that it lacks


def test_extended_model_is_extended_again(sentiment, tmp_path):
    model, _ = extend(sentiment, texts("odd", count=8), "odd")
    assert np.bincount(model.replay.sets["train"].targets).tolist() == [6, 6, 6]
    again, _ = extend(model.save(tmp_path / "extended"), texts("bad", "odd", count=6, seed=2))
    assert again.labels == ("bad", "good", "odd")
    assert again.record["extended_from"]["labels"] == 3
    assert tg.load(again.save(tmp_path / "again")).record == again.record
    replayed = again.replay.sets["train"]
    weights = np.bincount(replayed.targets, replayed.weights)
    np.testing.assert_allclose(weights, [12 + 3, 12, 8 + 3], rtol=1e-5)


def test_fine_tuned_model_is_compared_on_its_validation_texts_only(tiny_word_vectors, tmp_path):
    earlier = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    validation = texts("bad", "good", count=8, seed=3)
    earlier.fit(texts("bad", "good"), validation=validation, epochs=1, keep_replay=5, progress=False)
    assert earlier.replay.trained_backbone
    model, _ = extend(earlier.save(tmp_path / "earlier"), texts("odd", count=6), "odd")
    accuracies = model.record["extended_from"]["accuracies"]
    assert {name: values["texts"] for name, values in accuracies.items()} == {"earlier texts": 8, "new texts": 6}
    predicted = earlier.predict_proba(validation).argmax(axis=1)
    assert accuracies["earlier texts"]["before"] == pytest.approx(
        np.mean(predicted == validation.label_ids(["bad", "good"]))
    )
    assert model.replay.trained_backbone


@pytest.mark.slow
def test_model_without_embeddings_says_which_labels_may_be_forgotten(tiny_word_vectors, tmp_path):
    earlier = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    earlier.fit(texts("bad", "good"), fine_tune="none", progress=False)
    folder = earlier.save(tmp_path / "earlier")
    model, messages = extend(folder, texts("odd", "good", count=8), "odd")
    line = f"{folder} keeps no embeddings to replay, and 1 of its 2 labels have no text in texts: they may be forgotten"
    assert any(message.startswith(line) for message in messages)
    assert "earlier texts" not in model.record["extended_from"]["accuracies"]
    assert model.replay is None
    _, messages = extend(folder, texts("bad", "good", count=8, seed=1))
    assert f"{folder} keeps no embeddings to replay; all its 2 labels have texts in texts" in messages
    np.testing.assert_allclose(  # the biases of labels without texts are held
        model.head.layers[-1].bias.numpy()[:2],
        LinearHead.of(earlier.head.layers[-1]).with_labels(3).bias[:2],
        atol=0.2,
    )


def test_labels_that_are_unknown_or_have_no_text_are_refused(sentiment):
    with pytest.raises(DataError, match="odd"):
        extend(sentiment, texts("odd", count=8))
    with pytest.raises(DataError, match="the new label odd has no training text"):
        extend(sentiment, texts("good", count=8), "odd")


@pytest.mark.parametrize(
    ("options", "training", "message"),
    [
        ({"hidden": (3,)}, {"epochs": 1}, "its head has hidden layers"),
        ({"problem": "regression"}, {"epochs": 1}, "its kind of label is regression"),
        ({}, None, "it is not trained"),
    ],
    ids=["hidden layers", "regression", "untrained"],
)
def test_other_models_are_refused(tiny_word_vectors, tmp_path, options, training, message):
    is_regression = options.get("problem") == "regression"
    model = tg.TextClassifier(tiny_word_vectors, () if is_regression else ["bad", "good"], **options)
    if training:
        labels = [0.5, 1.5, 2.0, 4.0] if is_regression else ["bad", "good"] * 2
        model.fit(["bad", "good", "dull", "fine"], labels, fine_tune="none", progress=False, refit=False, **training)
    with pytest.raises(ConfigError, match=f"cannot be extended: {message}"):
        tg.ExtendedClassifier(model.save(tmp_path / "model"))


def test_options_without_effect_are_refused(sentiment, tiny_word_vectors):
    model = tg.ExtendedClassifier(sentiment, ["odd"])
    with pytest.raises(ConfigError, match="of its head alone; drop epochs, fine_tune"):
        model.fit(texts("odd"), epochs=3, fine_tune="last:1")
    deep = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], hidden=(3,))
    with pytest.raises(ConfigError, match=r"its head has hidden layers, .*; drop keep_replay"):
        deep.fit(texts("bad", "good"), keep_replay=5)


def damage(folder, tmp_path, change):
    """A copy of a model folder whose config and embeddings are changed, with a matching manifest."""
    from textgraft.storage.folders import write_folder

    files = {name: (folder / name).read_bytes() for name in read_manifest(folder)}
    config = json.loads(files["config.json"])
    files["replay.bin"] = change(config, bytearray(files["replay.bin"]))
    files["config.json"] = json.dumps(config).encode()
    content = {name: [bytes(data)] for name, data in files.items() if data is not None}
    write_folder(tmp_path / "damaged", content)
    return tmp_path / "damaged"


def _of_width(config, data):
    config["replay"]["dim"] = 8
    return data


def _of_another_label(config, data):
    data[12 * 2 * config["replay"]["dim"]] = 9
    return data


def _infinite(config, data):
    data[:2] = np.array([np.inf], "<f2").tobytes()
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config, data: data[:-1], "bytes, its embeddings take"),
        (lambda config, data: None, "config.json has embeddings, replay.bin does not"),
        (lambda config, data: (config.pop("replay"), data)[1], "replay.bin has embeddings, config.json does not"),
        (_of_width, "embeddings of 8 numbers, the head takes 16"),
        (_of_another_label, "a label is not one of 2"),
        (_infinite, "a value is not a finite number"),
    ],
    ids=["truncated", "missing", "undescribed", "width", "label", "infinity"],
)
def test_damaged_embeddings_are_refused(sentiment, tmp_path, change, message):
    with pytest.raises(ModelFolderError, match=message):
        tg.load(damage(sentiment, tmp_path, change))


def test_ngrams_of_the_earlier_model_are_dropped(sentiment, tmp_path):
    folder = add_ngrams(tg.load(sentiment, precision="float32"), network_temperature=2.5).save(tmp_path / "model")
    with pytest.warns(TextgraftWarning, match=f"the n-grams of {folder} are dropped, also in its accuracies"):
        model, _ = extend(folder, texts("odd", "good", count=10, seed=1), "odd")
    assert model.ngrams is None
    assert model.earlier.model.objective.temperature == 2.5
    assert tg.load(folder).ngrams  # unchanged
