"""Classifiers made from descriptions of their labels, without a training text."""

import copy
import json

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.resuming import RecordingCallback
from textgraft.errors import ConfigError, ModelFolderError, TextgraftWarning
from textgraft.storage.folders import write_folder
from textgraft.tasks.label_descriptions import COSINE_SCALE, label_vectors
from textgraft.training.prior import fit_to_prior

TEXTS = ["the film was good", "a dull plot", "very bad", "fine ."]
DESCRIPTIONS = {"bad": ["very bad", "the film was dull"], "good": "a good film", "plot": ["a plot"]}
PLOTS = (
    [
        *(
            "very bad",
            "bad film",
            "dull",
            "the film was very dull",
            "good",
            "very good .",
            "a good film",
            "fine and good",
        ),
        *("a plot", "the plot", "a plot .", "it was a plot", "plot", "bad", "good film", "plot film"),
    ],
    ["bad"] * 4 + ["good"] * 4 + ["plot"] * 5 + ["bad", "good", "plot"],
)
STILL = {"epochs": 1, "learning_rate": 1e-12, "optimizer": "adam"}
TWO = {label: DESCRIPTIONS[label] for label in ("bad", "good")}


def labelled():
    return tg.Dataset.from_lists(TEXTS * 5, ["good", "bad", "bad", "good"] * 5)


def zero_shot(preset, descriptions=None, labels=(), **options):
    model = tg.TextClassifier(preset, labels, precision="float32", descriptions=descriptions, **options)
    model.zero_shot()
    return model


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def expected_probabilities(preset, descriptions):
    """From the definition: softmax of the scaled cosines, times the length of a text's embedding."""
    embedder = tg.TextEmbedder(preset, precision="float32", normalize=False)
    groups = [embedder.predict([texts] if isinstance(texts, str) else texts) for texts in descriptions.values()]
    labels = np.stack([unit(unit(group).mean(axis=0)) for group in groups])
    norm = np.linalg.norm(np.concatenate(groups), axis=1).mean()
    logits = COSINE_SCALE * embedder.predict(TEXTS) @ labels.T / norm
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("preset", ["bert_backbone", "word_vectors_backbone"])
@pytest.mark.parametrize("descriptions", [TWO, DESCRIPTIONS], ids=["two", "three"])
def test_probabilities_are_those_of_cosines(request, preset, descriptions):
    preset = request.getfixturevalue(preset)
    model = zero_shot(preset, descriptions)
    assert model.labels == tuple(descriptions)
    np.testing.assert_allclose(model.predict_proba(TEXTS), expected_probabilities(preset, descriptions), atol=2e-5)


def test_names_of_labels_are_the_default(word_vectors_backbone):
    named = zero_shot(word_vectors_backbone, labels=["bad", "good"])
    described = zero_shot(word_vectors_backbone, {"bad": "bad", "good": "good"})
    np.testing.assert_array_equal(named.predict_proba(TEXTS), described.predict_proba(TEXTS))
    assert named.settings()["descriptions"] == {"bad": ["bad"], "good": ["good"]}
    with pytest.raises(ConfigError, match="the label 0 is not a word"):
        zero_shot(word_vectors_backbone, labels=[0, 1])


def test_model_folder_keeps_descriptions_and_answers(word_vectors_backbone, tmp_path):
    model = zero_shot(word_vectors_backbone, {0: ["bad film", "dull"], 1: "good film"}, labels=[0, 1])
    loaded = tg.load(model.save(tmp_path / "model"))
    assert loaded.descriptions == model.descriptions == {"0": ("bad film", "dull"), "1": ("good film",)}
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert set(loaded.predict(TEXTS)) <= {0, 1}
    assert repr(loaded) == repr(model)
    assert repr(model).endswith("; zero-shot)")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| `0` | `bad film`, `dull` |" in card
    assert "made from these descriptions, without training texts" in card


def test_zero_shot_head_is_not_reported_as_untrained(word_vectors_backbone, recwarn):
    zero_shot(word_vectors_backbone, TWO).predict(TEXTS)
    assert not [warning for warning in recwarn if "untrained" in str(warning.message)]


def test_gradient_steps_start_from_the_descriptions(tiny_word_vectors, tmp_path):
    model, callback = tg.TextClassifier(tiny_word_vectors, precision="float32", descriptions=TWO), RecordingCallback()
    model.fit(labelled(), validation=labelled(), callbacks=callback, head="gradient", **STILL)
    kernel = zero_shot(tiny_word_vectors, TWO).head.get_layer("logits").kernel.numpy()
    np.testing.assert_allclose(model.head.get_layer("logits").kernel.numpy(), kernel, atol=1e-5)
    assert "head initialized by the descriptions of the labels" in callback.messages
    assert tg.load(model.save(tmp_path / "model")).descriptions == model.descriptions
    with pytest.raises(ConfigError, match="would replace the head, which is trained"):
        model.zero_shot()
    model.fit(labelled(), validation=labelled(), callbacks=callback, head="gradient", epochs=1, learning_rate=1e-3)
    assert callback.messages.count("head initialized by the descriptions of the labels") == 1


@pytest.mark.parametrize("options", [{"fine_tune": "none"}, STILL], ids=["frozen", "all"])
def test_descriptions_are_the_prior_of_logistic_regression(tiny_word_vectors, options):
    model, callback = zero_shot(tiny_word_vectors, DESCRIPTIONS), RecordingCallback()
    model.fit(*PLOTS, validation=PLOTS, callbacks=callback, **options)
    embedder = tg.TextEmbedder(tiny_word_vectors, precision="float32", normalize=False)
    vectors, targets = embedder.predict(PLOTS[0]), np.array([list(DESCRIPTIONS).index(label) for label in PLOTS[1]])
    norm = np.sqrt((vectors**2).sum(axis=1).mean())
    labels, _ = label_vectors(model, model.descriptions)
    expected = fit_to_prior(vectors / norm, targets, COSINE_SCALE * (labels - labels.mean(axis=0)).T)
    layer = model.head.get_layer("logits")
    np.testing.assert_allclose(layer.kernel.numpy(), expected.kernel / norm, atol=2e-3 * np.abs(expected.kernel).max())
    weight, alone = f"weight {expected.strength:g} (from 0 to 1)", f"{expected.accuracy:.1%} of these correctly"
    line = f"descriptions: {weight}, by cross-validation on 16 texts; alone they classify {alone}"
    assert callback.messages.count(line) == 1
    assert model.record["fit"]["head"] == "logistic"


def test_descriptions_that_are_worse_than_the_majority_are_reported(word_vectors_backbone):
    swapped = {"bad": "a good film", "good": "very bad", "plot": "dull"}
    model, callback = zero_shot(word_vectors_backbone, swapped), RecordingCallback()
    with pytest.warns(
        TextgraftWarning, match=r"classify [\d.]+% of the 16 training texts correctly, less than the share"
    ):
        model.fit(*PLOTS, validation=PLOTS, callbacks=callback, fine_tune="none")
    assert any(message.startswith("descriptions: weight 0 (from 0 to 1)") for message in callback.messages)


def test_descriptions_are_not_used_for_many_texts(word_vectors_backbone, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.label_descriptions.MAX_PRIOR_TEXTS", 15)
    described, callback = zero_shot(word_vectors_backbone, DESCRIPTIONS), RecordingCallback()
    described.fit(*PLOTS, validation=PLOTS, callbacks=callback, fine_tune="none")
    plain = tg.TextClassifier(word_vectors_backbone, list(DESCRIPTIONS), precision="float32")
    plain.fit(*PLOTS, validation=PLOTS, progress=False, fine_tune="none")
    np.testing.assert_array_equal(described.predict_proba(TEXTS), plain.predict_proba(TEXTS))
    assert "descriptions not used: more than 15 training texts" in callback.messages


@pytest.mark.parametrize(
    "options", [{"hidden": (4,)}, {"problem": "multi-label"}, {"pairs": True}], ids=["hidden", "sets", "pairs"]
)
def test_other_heads_are_refused(word_vectors_backbone, options):
    with pytest.raises(ConfigError, match="one label per single text, and no hidden layers"):
        zero_shot(word_vectors_backbone, labels=["bad", "good"], **options)


def test_descriptions_of_other_heads_are_refused(word_vectors_backbone):
    with pytest.raises(ConfigError, match="descriptions are for a head of one layer"):
        tg.TextClassifier(word_vectors_backbone, descriptions=TWO, hidden=(4,))
    with pytest.raises(ConfigError, match="descriptions are for models of one label per single text"):
        tg.TextClassifier(word_vectors_backbone, problem="regression", descriptions=TWO)


def test_labels_and_descriptions_must_agree(word_vectors_backbone):
    with pytest.raises(ConfigError, match="descriptions: no description of plot"):
        tg.TextClassifier(word_vectors_backbone, ["bad", "good", "plot"], descriptions=TWO)
    assert tg.TextClassifier(word_vectors_backbone, descriptions={1: "good", 0: "bad"}).labels == (1, 0)
    with pytest.raises(ConfigError, match="labels must be at least two different strings"):
        tg.TextClassifier(word_vectors_backbone, descriptions={"bad": "bad"})


def test_truncated_description_is_refused(bert_backbone):
    with pytest.raises(ConfigError, match=r"the description 'good good .*' has more than 8 tokens; shorten it"):
        zero_shot(bert_backbone, {"bad": "bad", "good": "good " * 9}, sequence_length=8)


def test_description_without_direction_is_refused(word_vectors_backbone, monkeypatch):
    def vectors(rows):
        monkeypatch.setattr("textgraft.tasks.label_descriptions._embed", lambda *_: np.array(rows, np.float32))

    vectors([[1, 0], [0, 0]])
    with pytest.raises(ConfigError, match="the description 'good' has an embedding of zero"):
        zero_shot(word_vectors_backbone, {"bad": "bad", "good": "good"})
    vectors([[1, 0], [-2, 0], [0, 1]])
    with pytest.raises(ConfigError, match="the descriptions of bad cancel each other"):
        zero_shot(word_vectors_backbone, {"bad": ["bad", "dull"], "good": "good"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"descriptions": {"bad": ["x"]}}, "config.settings.descriptions: no description of good"),
        ({"descriptions": {"bad": ["x"], "good": ["X"]}}, "description 1 occurs for bad too"),
        ({"descriptions": {"bad": ["x"], "good": []}}, r"descriptions\['good'\] must be a list of at least 1"),
        ({"descriptions": {"bad": ["x"], "good": [3]}}, "must be a string that is not empty, not 3"),
        ({"descriptions": "x"}, "config.settings.descriptions must be an object"),
    ],
)
def test_invalid_descriptions_of_a_folder_are_refused(word_vectors_backbone, tmp_path, change, message):
    folder = zero_shot(word_vectors_backbone, TWO).save(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= copy.deepcopy(change)
    files = {path.name: [path.read_bytes()] for path in folder.iterdir() if path.name != "manifest.json"}
    write_folder(tmp_path / "other", {**files, "config.json": [json.dumps(config).encode()]})
    with pytest.raises(ModelFolderError, match=message):
        tg.load(tmp_path / "other")


def test_card_protects_descriptions(word_vectors_backbone, tmp_path):
    folder = zero_shot(word_vectors_backbone, {"bad": "<b>|bad`", "good": "good"}).save(tmp_path / "model")
    assert "| `bad` | `` <b>\\|bad` `` |" in (folder / "README.md").read_text()


def test_descriptions_are_an_option_of_the_scikit_learn_estimator(tiny_word_vectors):
    from textgraft.sklearn import TextClassifier

    estimator = TextClassifier(
        str(tiny_word_vectors), fine_tune="none", model_options={"descriptions": TWO, "precision": "float32"}
    )
    estimator.fit(TEXTS * 5, ["good", "bad", "bad", "good"] * 5)
    assert estimator.model_.descriptions["good"] == ("a good film",)
