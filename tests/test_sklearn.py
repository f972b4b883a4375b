"""`textgraft.sklearn.TextClassifier` behaves as scikit-learn's estimators do."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import validate_data

from tests.helpers.reviews import LABELS, TEXTS
from textgraft.errors import ConfigError
from textgraft.sklearn import InputError, TextClassifier

FAST = {"fine_tune": "none", "head": "logistic", "model_options": {"trust_savedmodel": True}}


class NumericTexts(TextClassifier):
    """Takes scikit-learn's matrices of numbers, whose rows become texts of one word per number."""

    def _texts(self, data):
        is_fitted = hasattr(self, "model_")
        numbers = validate_data(self, data, reset=not is_fitted or self.fitting)
        return [" ".join(f"{column}.{value:.1f}" for column, value in enumerate(row)) for row in numbers]

    fitting = False

    def fit(self, X, y):  # noqa: N803
        type(self).fitting = True
        try:
            return super().fit(X, y)
        finally:
            type(self).fitting = False

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = False, False, True
        tags.classifier_tags.poor_score = True  # numbers are not words: checks of accuracy say nothing
        return tags


@pytest.fixture
def estimator(tiny_word_vectors):
    return TextClassifier(str(tiny_word_vectors), **FAST)


CHECKS = [check for _, check in estimator_checks.estimator_checks_generator(NumericTexts())]
QUICK = {
    "check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types", "check_estimator_repr",
    "check_no_attributes_set_in_init", "check_do_not_raise_errors_in_init_or_set_params", "check_mixin_order",
    "check_parameters_default_constructible", "check_get_params_invariance", "check_set_params",
    "check_estimators_unfitted", "check_fit_score_takes_y",
}  # fmt: skip


def name_of(check):
    return getattr(check, "func", check).__name__


@pytest.mark.parametrize(
    "check",
    [pytest.param(check, marks=() if name_of(check) in QUICK else pytest.mark.slow) for check in CHECKS],
    ids=lambda check: f"{name_of(check)}{sorted(check.keywords)}",
)
def test_scikit_learn_checks(check, tiny_word_vectors):
    estimator = NumericTexts(str(tiny_word_vectors), **FAST)
    check(estimator)


def test_check_estimator_accepts_an_estimator_of_strings(estimator):
    """scikit-learn runs few checks on estimators that take no matrices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        estimator_checks.check_estimator(estimator)


def test_training_and_prediction(estimator):
    assert estimator.fit(TEXTS, LABELS) is estimator
    assert estimator.classes_.tolist() == ["bad", "good"]
    assert estimator.predict(np.array(TEXTS)).dtype.kind == "U"
    np.testing.assert_array_equal(estimator.predict(iter(TEXTS)), estimator.predict(np.array(TEXTS)[:, None]))
    assert estimator.score(TEXTS, LABELS) == np.mean(estimator.predict(TEXTS) == LABELS)
    assert estimator.predict_proba(TEXTS).shape == (len(TEXTS), 2)


@pytest.mark.parametrize("labels", [np.array([2.0, 7.0]), np.array([False, True]), np.array([10, 9])])
def test_labels_keep_their_type(estimator, labels):
    y = np.where(np.array(LABELS) == "good", *labels)
    answers = estimator.fit(TEXTS, y).predict(TEXTS)
    assert answers.dtype == labels.dtype
    assert set(answers.tolist()) <= set(labels.tolist())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_answer_as_the_original(estimator, copied):
    estimator.fit(TEXTS, LABELS)
    np.testing.assert_array_equal(copied(estimator).predict_proba(TEXTS), estimator.predict_proba(TEXTS))
    with pytest.raises(NotFittedError):
        clone(estimator).predict(TEXTS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, ("windows", 64)), pytest.param({"sequence_length": 32}, ("head", 32), marks=pytest.mark.slow)],
    ids=str,
)
def test_frozen_minilm_reads_long_texts_in_windows(options, expected):
    model = TextClassifier("minilm", fine_tune="none", **options).fit(TEXTS, LABELS).model_
    assert (model.architecture.truncation, model.architecture.sequence_length) == expected


def test_selection_of_models(estimator):
    pipeline = make_pipeline(FunctionTransformer(lambda texts: [text.upper() for text in texts]), estimator)
    search = GridSearchCV(pipeline, {"textclassifier__sequence_length": [8, 4]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_estimator_.predict(TEXTS).tolist() == search.predict(TEXTS).tolist()


@pytest.mark.parametrize(
    ("texts", "labels", "complaint"),
    [
        (TEXTS, LABELS[:3], "28 texts but 3 labels"), (TEXTS, None, "requires y to be passed"),
        ("text", LABELS, "not str"),
        ([1, 2], ["a", "b"], "X, row 1: texts must be strings, not int"), ([], [], "X has 0 texts"),
        (["a", None], ["a", "b"], "X, row 2: the text is missing"), (["a", "b"], ["a", None], "row 2 has no label"),
        (["a", "b"], [0.5, 0.7], "Unknown label type: continuous"), (["a", "b"], ["a", "a"], "y has one class"),
    ],
)  # fmt: skip
def test_unsuitable_input_is_a_value_error(estimator, texts, labels, complaint):
    with pytest.raises(ValueError, match=complaint):
        estimator.fit(texts, labels)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"fit_options": {"epochs": 2}}, "fit_options has epochs, which the estimator sets"),
        ({"fit_options": {"progress": True}}, "fit_options has progress"),
        ({"model_options": {"labels": ["a"]}}, "model_options has labels"),
        ({"model_options": ["seed"]}, "model_options must be a dictionary of options by name, not list"),
    ],
)
def test_options_are_set_once(estimator, parameters, complaint):
    with pytest.raises(ConfigError, match=complaint):
        estimator.set_params(**parameters).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("labels", "complaint"), [(["a", 1], "of type integer, those before it string"), ([object(), "a"], "not object")]
)
def test_labels_of_unsuitable_types_are_named(estimator, labels, complaint):
    with pytest.raises(InputError, match=complaint):
        estimator.fit(["one", "two"], np.array(labels, object))
