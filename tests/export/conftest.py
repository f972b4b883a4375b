"""Models and exported folders that tests of several formats share."""

import pytest

import textgraft as tg
from tests.helpers.exports import add_ngrams, classifier, sharpen


@pytest.fixture(scope="session")
def calibrated(tiny_bert):
    """A classifier of three labels with a temperature."""
    model = tg.TextClassifier(tiny_bert, ["bad", "good", "so so"], precision="float32", sequence_length=32)
    model.objective.temperature = 1.7
    return sharpen(model)


@pytest.fixture(scope="session")
def of_kind(tiny_bert):
    """A function from the kind of a classifier to the classifier, which is made once."""
    models = {}
    return lambda kind: models[kind] if kind in models else models.setdefault(kind, classifier(tiny_bert, kind))


@pytest.fixture(scope="session")
def with_ngrams(tiny_bert):
    """A classifier of two labels whose answers depend on n-grams, with a temperature."""
    model = add_ngrams(classifier(tiny_bert, "binary"))
    model.objective.temperature = 0.8
    return model
