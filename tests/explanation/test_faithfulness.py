"""Comprehensiveness and sufficiency of explanations, against random orders of the words."""

import numpy as np
import pytest

import textgraft as tg
from textgraft.explanation.explaining import explanations, make_explainer
from textgraft.explanation.explanation import METHODS
from textgraft.explanation.faithfulness import FaithfulnessCheck

WORDS = [f"filler{number}" for number in range(19)]
TEXTS = [" ".join([*WORDS[:position], "good", *WORDS[position:]]) for position in (0, 7, 19)]


def kernel_of_one_word(backbone):
    """A kernel (dim,) whose product is 40 for the word "good", and 0 for the others."""
    vector = np.asarray(backbone.token_embedding.vectors)[backbone.tokenize(["good"]).values[0]]
    others = np.asarray(backbone.token_embedding.vectors)[backbone.tokenize([" ".join(WORDS)]).values]
    orthogonal = vector - others.T @ np.linalg.lstsq(others.T, vector, rcond=None)[0]
    return 40 * orthogonal / (orthogonal @ vector)


@pytest.fixture(scope="module")
def model(word_vectors_backbone):
    """A model whose probability depends on the word "good" alone."""
    model = tg.TextClassifier(word_vectors_backbone, ["a", "b"], "float32", pooling="sqrtn")
    kernel, bias = model.head.layers[-1].weights
    kernel.assign(kernel_of_one_word(model.backbone)[:, np.newaxis])
    bias.assign([-2.0])
    return model


@pytest.fixture(scope="module")
def entity_model(word_vectors_backbone):
    """A model that takes the word "good" for an entity."""
    model = tg.TokenClassifier(word_vectors_backbone, ["b"], "float32", convolution=False)
    kernel, bias = model.head.layers[-1].weights
    kernel.assign(np.outer(kernel_of_one_word(model.backbone), [0, 1, 0]))
    bias.assign([0.0, -20.0, -20.0])
    return model


def check(model, method, texts):
    explainer = make_explainer(model, method)
    measured, items = FaithfulnessCheck(explainer), explainer.items(np.array([text.encode() for text in texts], object))
    for explanation in explanations(explainer, items, "b", lambda item: ()):
        measured.add(explanation)
    return measured.result()


def assert_faithful(result, comprehensiveness):
    assert result.texts == 3
    assert result.comprehensiveness.explanations > comprehensiveness
    assert result.comprehensiveness.interval[0] > 0.2
    assert result.sufficiency.explanations < 0.01
    assert result.sufficiency.interval[1] < -0.2


@pytest.mark.parametrize("method", METHODS)
def test_explanations_of_a_model_of_one_word_are_faithful(model, method):
    result = check(model, method, TEXTS)
    assert_faithful(result, 0.7)
    assert (result.completeness_errors is None) == (method == "occlusion")


def test_texts_of_one_word_are_not_checked(model):
    assert check(model, "occlusion", ["good", ""]) is None


@pytest.mark.parametrize("method", METHODS)
def test_explanations_of_an_entity_that_is_one_word_are_faithful(entity_model, method):
    assert_faithful(check(entity_model, method, TEXTS), 0.99)


@pytest.mark.parametrize(
    "options",
    [{}, pytest.param({"decoding": "free"}, marks=pytest.mark.slow), {"scoring": "words", "decoding": "free"}],
)
def test_scores_of_entities_are_those_of_predictions_where_no_word_is_hidden(bert_backbone, options):
    model = tg.TokenClassifier(bert_backbone, ["PER"], "float32", sequence_length=8, **options)
    explainer = make_explainer(model, "occlusion")
    texts = np.array([b"the film was not good , the plot was very bad .", b"it was a dull film"], object)
    results = list(explanations(explainer, explainer.items(texts), None, lambda item: ()))
    assert {explanation.row for explanation in results} == {0, 1}
    for explanation in [*results, *reversed(results)]:
        shown, hidden = explainer.scores_without(explanation, [[], explainer.checked_words(explanation)])
        assert shown == pytest.approx(explanation.score, abs=1e-5)
        assert hidden != pytest.approx(explanation.score, abs=1e-5)
