"""Explanations of models: attributions that sum to the change of the value, for each task and method."""

import numpy as np
import pytest

import textgraft as tg
from textgraft.errors import ConfigError, TextgraftWarning
from textgraft.explanation import entity_explainer
from textgraft.explanation.explanation import METHODS

TEXT = "a great film, it's fine"


@pytest.fixture(scope="module")
def classifier(bert_backbone):
    return tg.TextClassifier(bert_backbone, ["a", "b", "c"], "float32")


def test_attributions_of_words_sum_to_the_change_of_the_value(classifier):
    (explanation,) = classifier.explain(TEXT)
    assert [word.text for word in explanation.words] == TEXT.split()
    assert [TEXT[word.start : word.end] for word in explanation.words] == TEXT.split()
    difference = explanation.value - explanation.baseline
    assert explanation.attributions.sum() == pytest.approx(difference, rel=0.01)
    assert explanation.completeness_error < 0.01


def test_occlusion_is_the_fall_of_the_value_without_a_word(classifier):
    (explanation,) = classifier.explain(TEXT, method="occlusion", target="b")
    outputs = classifier.reference_outputs([TEXT, "great film, it's fine"])
    values = outputs[:, 1] - (outputs[:, 0] + outputs[:, 2]) / 2
    assert explanation.value == pytest.approx(values[0], abs=1e-6)
    assert explanation.attributions[0] == pytest.approx(values[0] - values[1], abs=1e-6)
    assert (explanation.baseline, explanation.completeness_error, explanation.steps) == (None, None, 0)


@pytest.mark.parametrize("method", METHODS)
def test_score_is_the_probability_of_the_label(classifier, method):
    (explanation,) = classifier.explain([TEXT], method, target="c")
    assert explanation.label == "c"
    assert explanation.score == pytest.approx(classifier.predict_proba([TEXT])[0, 2], abs=1e-6)


def test_text_without_words_has_no_attributions(classifier):
    empty, blank = classifier.explain(["", " \n"])
    assert empty.words == blank.words == ()
    assert (empty.row, blank.row) == (0, 1)
    assert empty.completeness_error == 0


def test_value_of_two_labels_is_the_log_odds(word_vectors_backbone):
    model = tg.TextClassifier(word_vectors_backbone, [False, True], "float32", temperature=2.0)
    (explanation,) = model.explain(TEXT, target=True)
    assert explanation.value == pytest.approx(np.log(explanation.score / (1 - explanation.score)), abs=1e-5)
    assert explanation.completeness_error < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_number_and_sets_are_explained(word_vectors_backbone, method):
    number = tg.TextClassifier(word_vectors_backbone, precision="float32", problem="regression", mean=3.0, scale=10.0)
    (explanation,) = number.explain(TEXT, method)
    assert explanation.label is None
    assert explanation.score == explanation.value == pytest.approx(number.predict(TEXT), rel=1e-5)
    options = {"problem": "multi-label", "thresholds": [0.0, 0.0]}
    labels = tg.TextClassifier(word_vectors_backbone, ["a", "b"], "float32", **options)
    assert [explanation.label for explanation in labels.explain([TEXT], method)] == ["a", "b"]
    labels.objective.thresholds = np.ones(2)
    assert len(labels.explain([TEXT], method)) == 1


@pytest.mark.parametrize("method", METHODS)
def test_pairs_are_explained(bert_backbone, method):
    model = tg.TextClassifier(bert_backbone, ["a", "b"], "float32", pairs=True)
    (explanation,) = model.explain([("a great film", "it's bad")], method)
    assert [(word.part, word.text) for word in explanation.words] == [
        (0, "a"), (0, "great"), (0, "film"), (1, "it's"), (1, "bad"),
    ]  # fmt: skip
    assert explanation.text == ("a great film", "it's bad")
    if explanation.baseline is not None:
        assert explanation.attributions.sum() == pytest.approx(explanation.value - explanation.baseline, rel=0.05)


@pytest.mark.parametrize(("truncation", "truncated"), [("head+tail", True), ("windows", False)])
def test_long_texts_are_explained_as_the_model_gets_them(bert_backbone, truncation, truncated):
    model = tg.TextClassifier(bert_backbone, ["a", "b"], "float32", sequence_length=8, truncation=truncation)
    (explanation,) = model.explain("a great film is fine and it is bad and good and a film")
    assert explanation.truncated is truncated
    assert explanation.attributions.sum() == pytest.approx(explanation.value - explanation.baseline, rel=0.05)
    unseen = [word.attribution == 0 for word in explanation.words]
    assert unseen == {
        "head+tail": [False] * 3 + [True] * 8 + [False] * 3,
        "windows": [False] * 14,
    }[truncation]  # fmt: skip


def test_tables_of_vectors_are_explained_exactly(word_vectors_backbone, tiny_static_embeddings):
    for preset in (word_vectors_backbone, tiny_static_embeddings):
        model = tg.TextClassifier(preset, ["a", "b"], "float32")
        (explanation,) = model.explain("a great unheard film")
        assert explanation.completeness_error < 1e-4
        assert explanation.value == pytest.approx(explanation.baseline + explanation.attributions.sum(), abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_entities_are_explained(bert_backbone, method):
    model = tg.TokenClassifier(bert_backbone, ["PER", "ORG"], "float32", decoding="free")
    text = "a great film is fine"
    entities = model.predict(text)
    assert entities
    explanations = model.explain([text], method)
    spans = [(entity.start, entity.end, entity.label) for entity in entities]
    assert [(*explanation.span, explanation.label) for explanation in explanations] == spans
    assert [explanation.score for explanation in explanations] == pytest.approx([e.score for e in entities], abs=1e-5)
    for explanation in explanations:
        assert [word.text for word in explanation.words] == text.split()
        if explanation.baseline is not None:
            assert explanation.attributions.sum() == pytest.approx(explanation.value - explanation.baseline, rel=0.05)


def test_entities_of_long_texts_are_explained_a_few_at_a_time(bert_backbone, monkeypatch):
    model = tg.TokenClassifier(bert_backbone, ["PER"], "float32", decoding="free", sequence_length=8)
    text = "a great film is fine and it is bad and good and a film"
    explanations = model.explain(text)
    assert len(explanations) > 1
    assert all(explanation.completeness_error < 0.05 for explanation in explanations)
    monkeypatch.setattr(entity_explainer, "_MAX_ATTRIBUTIONS", 1)
    for explanation, expected in zip(model.explain(text), explanations, strict=True):
        assert (explanation.span, explanation.label) == (expected.span, expected.label)
        np.testing.assert_allclose(explanation.attributions, expected.attributions, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"method": "magic"}, "method 'magic' is unknown"), ({"target": "z"}, "no label 'z'")],
)
def test_unknown_methods_and_labels_are_refused(classifier, arguments, message):
    with pytest.raises(ConfigError, match=message):
        classifier.explain(TEXT, **arguments)


def test_other_tasks_are_refused(bert_backbone):
    with pytest.raises(ConfigError, match="answers of models for feature-extraction are not explained"):
        tg.TextEmbedder(bert_backbone).explain(TEXT)


def test_incomplete_explanations_are_reported(classifier, monkeypatch):
    monkeypatch.setattr("textgraft.explanation.explaining.is_incomplete", lambda explanation: True)
    with pytest.warns(TextgraftWarning, match="of 2 explanations is above"):
        classifier.explain([TEXT, "film"])
