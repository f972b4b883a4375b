"""Fixed weights: the predictions of a model, from copies of its weights and without padding."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.golden.texts import SHORT
from tests.helpers.families import TRANSFORMERS
from tests.helpers.token_vectors import packed
from textgraft.backbones.keras_private import fixed_weights
from textgraft.backbones.presets import load_backbone
from textgraft.backbones.row_layout import RowLayout
from textgraft.engines.inference_encoder import InferenceEncoder
from textgraft.errors import ConfigError
from textgraft.tasks.text_classification import TextClassifier
from textgraft.text.packing import PairRows

GOLDEN = Path(__file__).parents[1] / "golden"
TEXTS = ["a great film", "bad", "", "It was dull, and much too long for what it had to say."]
# Others compute attention by differences of positions, or only that to earlier tokens.
PADDED = {"deberta_v3", "gpt2", "opt"}
# One of each kind of attention, in every run.
QUICK = ("bert", "deberta_v3", "gpt2")


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in TRANSFORMERS]
)
def test_token_vectors_equal_those_of_the_backbone(family):
    backbone = load_backbone(GOLDEN / family)
    token_ids = packed(backbone, SHORT)[:, : backbone.max_sequence_length]
    rows = PairRows(token_ids, token_ids.row_lengths() // 2)  # the second half of each text in segment 1
    encoder = InferenceEncoder(backbone)
    expected, mask = backbone.vectors(rows)
    vectors, same_mask = tf.function(encoder.vectors)(rows)
    np.testing.assert_array_equal(mask, same_mask)
    is_token = mask.numpy().astype(bool)
    np.testing.assert_allclose(vectors.numpy()[is_token], expected.numpy()[is_token], rtol=2e-6, atol=2e-6)
    assert encoder.joins_rows == (family not in PADDED)


@pytest.mark.parametrize("max_constant_bytes", [0, 1000, 1 << 26])
def test_fixed_weights_give_the_same_bits_as_their_casts_in_each_call(tiny_bert, max_constant_bytes):
    backbone = load_backbone(tiny_bert, "mixed_bfloat16")
    rows = packed(backbone, TEXTS)

    @tf.function(autograph=False)
    def vectors():
        with fixed_weights(max_constant_bytes):
            return backbone.vectors(rows)[0]

    expected = tf.function(lambda: backbone.vectors(rows)[0], autograph=False)()
    np.testing.assert_array_equal(tf.cast(vectors(), tf.float32), tf.cast(expected, tf.float32))
    operations = vectors.get_concrete_function().graph.get_operations()
    cast = [operation.inputs[0].op.type for operation in operations if operation.type == "Cast"]
    assert "ReadVariableOp" not in cast


def test_layout_separates_rows_and_joins_them_again():
    rows = tf.ragged.constant([[7, 8], [], [9, 9, 9]], dtype=tf.int32)
    layout = RowLayout(rows)
    values = layout.filled(rows.values, -1)
    assert layout.positions.numpy().tolist() == [0, 1, 0, 1, 2] + [0] * 11
    assert values.numpy().tolist() == [7, 8, 9, 9, 9] + [-1] * 11
    assert layout.mask.numpy().tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]
    padded = layout.pad(values[:, None])
    assert padded.numpy()[..., 0].tolist()[::2] == [[7, 8, 8], [9, 9, 9]]
    assert layout.join(padded).numpy()[:5, 0].tolist() == [7, 8, 9, 9, 9]


@pytest.mark.parametrize("size", [0, 1, 15, 16])
def test_rows_of_any_total_length_are_computed(tiny_bert, size):
    backbone = load_backbone(tiny_bert, "float32")
    rows = tf.ragged.constant([[5] * size, []], dtype=tf.int32, ragged_rank=1)
    expected, mask = backbone.vectors(rows)
    vectors, same_mask = InferenceEncoder(backbone).vectors(rows)
    np.testing.assert_array_equal(mask, same_mask)
    np.testing.assert_allclose(vectors[0, :size], expected[0, :size], atol=2e-6)


def test_vector_that_is_not_finite_stays_in_its_text(tiny_bert):
    backbone = load_backbone(tiny_bert, "float32")
    table = backbone.token_embedding.vectors
    table.assign(tf.tensor_scatter_nd_update(tf.convert_to_tensor(table), [[9]], tf.fill([1, table.shape[1]], np.nan)))
    rows = tf.ragged.constant([[9], [5, 6, 7, 8], [5]], dtype=tf.int32)
    vectors, _ = InferenceEncoder(backbone).vectors(rows)
    assert np.isnan(vectors[0]).all()
    assert np.isfinite(vectors[1]).all()
    assert np.isfinite(vectors[2]).all()


@pytest.mark.parametrize("options", [{}, {"truncation": "windows", "sequence_length": 8}])
def test_model_that_is_not_trainable_predicts_the_same_and_is_saved_the_same(tiny_bert, tmp_path, options):
    TextClassifier(tiny_bert, ["bad", "good"], "float32", **options).save(tmp_path / "model")
    model, fixed = tg.load(tmp_path / "model", "float32"), tg.load(tmp_path / "model", "float32", trainable=False)
    assert (model.has_fixed_weights, fixed.has_fixed_weights) == (False, True)
    np.testing.assert_allclose(fixed.predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-6)
    fixed.save(tmp_path / "again")
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("model", "again")]
    assert files[0] == files[1]


def test_entities_are_the_same(tiny_bert):
    model = tg.TokenClassifier(tiny_bert, ["name", "place"], "float32")
    expected = model.predict(TEXTS)
    model.fix_weights()
    for entities, others in zip(model.predict(TEXTS), expected, strict=True):
        assert [entity[:4] for entity in entities] == [entity[:4] for entity in others]


def test_training_with_fixed_weights_is_refused(tiny_bert):
    model = TextClassifier(tiny_bert, ["bad", "good"], "float32")
    model.fix_weights()
    with pytest.raises(ConfigError, match="a model with fixed weights is not trained; load it without trainable=False"):
        model.fit(["good", "bad"] * 10, ["good", "bad"] * 10)


def test_predictions_follow_the_weights_unless_they_are_fixed(tiny_bert):
    embedder = tg.TextEmbedder(tiny_bert, "float32")
    embedder.fix_weights()
    before = embedder.predict(TEXTS)
    for weight in embedder.backbone.network.weights:
        weight.assign(weight * 1.5)
    np.testing.assert_allclose(embedder.predict(TEXTS), before, atol=1e-6)
    embedder.use_engine("tensorflow")
    assert np.abs(embedder.predict(TEXTS) - before).max() > 0.01


def test_word_vectors_stay_as_they_are(tiny_word_vectors):
    embedder = tg.TextEmbedder(tiny_word_vectors)
    embedder.fix_weights()
    assert not embedder.has_fixed_weights
