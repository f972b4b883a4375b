"""A network whose values overflow gives an error, not an answer."""

import numpy as np
import pytest

import textgraft as tg
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PredictionError, PresetError, TrainingError
from textgraft.tasks.finite_outputs import require_finite_metrics, require_finite_outputs
from textgraft.tasks.text_generation import TextGenerator
from textgraft.tasks.token_classification import TokenClassifier
from textgraft.training.ragged import Ragged

HUGE = 3e38
TEXTS = ["the film", "a plot"]
DATA = tg.Dataset.from_lists(TEXTS * 4, ["x", "y"] * 4)


def overflowing(task):
    """Set finite weights whose products with a vector are not."""
    for weight in task.head.weights or task.backbone.network.weights:
        weight.assign(np.full(weight.shape, HUGE, np.float32))
    return task


@pytest.mark.parametrize(
    ("problem", "method"),
    [
        ("single-label", "predict"),
        ("single-label", "predict_proba"),
        ("single-label", "evaluate"),
        pytest.param("multi-label", "predict_proba", marks=pytest.mark.slow),
        ("regression", "predict"),
    ],
)
def test_classifier_reports_the_text_whose_output_overflows(word_vectors_backbone, problem, method):
    labels = [] if problem == "regression" else ["x", "y"]
    model = overflowing(tg.TextClassifier(word_vectors_backbone, labels, "float32", problem=problem))
    with pytest.raises(PredictionError, match=r"for the text 'the film' is not a finite number.*--precision float32"):
        getattr(model, method)(DATA if method == "evaluate" else TEXTS)


def test_embedder_reports_the_text_whose_vector_overflows(tiny_word_vectors):
    model = tg.TextEmbedder(tiny_word_vectors, "float32")
    table = model.backbone.token_embedding.vectors
    table.assign(np.full(table.shape, HUGE, np.float32))
    with pytest.raises(PredictionError, match="for the text 'the film'"):
        model.predict(["", *TEXTS])


def test_entity_model_reports_the_text_whose_output_overflows(word_vectors_backbone):
    model = overflowing(TokenClassifier(word_vectors_backbone, ["x"], "float32"))
    with pytest.raises(PredictionError, match="for the text 'a plot'"):
        model.predict(["", "a plot"])


def test_mask_filler_reports_the_text_whose_output_overflows(tiny_bert):
    model = overflowing(tg.MaskFiller(tiny_bert, "float32"))
    with pytest.raises(PredictionError, match=r"for the text 'a \[MASK\]'"):
        model.predict(["the film", "a [MASK]"])


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"num_beams": 2}, marks=pytest.mark.slow),
        pytest.param({"penalty_alpha": 0.6, "top_k": 2}, marks=pytest.mark.slow),
    ],
)
def test_generator_reports_the_prompt_whose_output_overflows(tiny_gpt2, options):
    model = overflowing(TextGenerator(tiny_gpt2, "float32"))
    with pytest.raises(PredictionError, match="for prompt 1 is not"):
        model.generate(TEXTS, max_new_tokens=2, **options)


def test_language_model_refuses_a_loss_that_overflows(tiny_gpt2):
    with pytest.raises(PredictionError, match="the metric loss is not"):
        overflowing(TextGenerator(tiny_gpt2, "float32")).evaluate(tg.Dataset.from_lists(TEXTS))


def test_training_on_frozen_vectors_refuses_those_that_overflow(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["x", "y"], "float32")
    table = model.backbone.token_embedding.vectors
    table.assign(np.full(table.shape, HUGE, np.float32))
    with pytest.raises(TrainingError, match="an output of the backbone is not a finite float32"):
        model.fit(DATA, validation=DATA, fine_tune="none", progress=False)


def test_preset_with_a_weight_that_is_not_finite_is_refused(tiny_word_vectors):
    backbone = load_backbone(tiny_word_vectors)
    backbone.token_embedding.vectors.assign(np.full(backbone.token_embedding.vectors.shape, np.nan, np.float32))
    with pytest.raises(PresetError, match="the weight word_embedding/embeddings has a value that is not a finite"):
        backbone.require_finite_weights(backbone.network)


def test_row_of_a_ragged_output_is_found_behind_empty_rows():
    outputs = Ragged(np.array([[0.0], [np.nan]], np.float32), np.array([1, 0, 1]))
    with pytest.raises(PredictionError, match="the text 'c'"):
        require_finite_outputs(outputs, np.array([b"a", b"b", b"c"], object))


def test_pair_is_named_by_its_first_text():
    with pytest.raises(PredictionError, match="the text 'a'"):
        require_finite_outputs(np.array([[np.inf]], np.float32), np.array([[b"a", b"b"]], object))


def test_metrics_in_objects_and_lists_are_checked():
    require_finite_metrics({"texts": 1, "labels": ["x"], "f1_interval": [0.0, 1.0]})
    for metrics in ({"per_class": {"x": {"f1": np.nan}}}, {"f1_interval": [0.0, np.inf]}):
        with pytest.raises(PredictionError, match="the metric f1"):
            require_finite_metrics(metrics)
