"""Comprehensiveness and sufficiency of explanations, against random orders of the words."""

import numpy as np
import pytest

import textgraft as tg
from textgraft.errors import ConfigError
from textgraft.explanation.explaining import explanations, make_check, make_explainer
from textgraft.explanation.explanation import METHODS

WORDS = [f"filler{number}" for number in range(19)]
TEXTS = [" ".join([*WORDS[:position], "good", *WORDS[position:]]) for position in (0, 7, 19)]


@pytest.fixture(scope="module")
def model(word_vectors_backbone):
    """A model whose probability depends on the word "good" alone."""
    model = tg.TextClassifier(word_vectors_backbone, ["a", "b"], "float32", pooling="sqrtn")
    backbone = model.backbone
    vector = np.asarray(backbone.token_embedding.vectors)[backbone.tokenize(["good"]).values[0]]
    others = np.asarray(backbone.token_embedding.vectors)[backbone.tokenize([" ".join(WORDS)]).values]
    orthogonal = vector - others.T @ np.linalg.lstsq(others.T, vector, rcond=None)[0]
    kernel, bias = model.head.layers[-1].weights
    kernel.assign(40 * orthogonal[:, np.newaxis] / (orthogonal @ vector))
    bias.assign([-2.0])
    return model


def check(model, method, texts):
    explainer = make_explainer(model, method)
    measured = make_check(explainer)
    for explanation in explanations(explainer, [(text,) for text in texts], "b", lambda item: ()):
        measured.add(explanation)
    return measured.result()


@pytest.mark.parametrize("method", METHODS)
def test_explanations_of_a_model_of_one_word_are_faithful(model, method):
    result = check(model, method, TEXTS)
    assert result.texts == 3
    assert result.comprehensiveness.explanations > 0.7
    assert result.comprehensiveness.interval[0] > 0.2
    assert result.sufficiency.explanations < 0.01
    assert result.sufficiency.interval[1] < -0.2
    assert (result.completeness_errors is None) == (method == "occlusion")


def test_texts_of_one_word_are_not_checked(model):
    assert check(model, "occlusion", ["good", ""]) is None


def test_explanations_of_entities_are_not_checked(bert_backbone):
    explainer = make_explainer(tg.TokenClassifier(bert_backbone, ["X"], "float32"), "occlusion")
    with pytest.raises(ConfigError, match="explanations of entities are not checked"):
        make_check(explainer)
