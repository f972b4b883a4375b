"""The embedding subset and the optimizer against Keras's dense optimization of the full table."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools.make_hub_module import make_hub_module

import textgraft as tg
from tests.helpers.paths import GOLDEN
from textgraft.tasks.texts import as_batches
from textgraft.text.packing import pad_rows
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples
from textgraft.training.optimizer import weight_decay
from textgraft.training.step import Network, TrainingStep

STEPS, ROWS_PER_STEP = 6, 4
TEXTS = ["the film was good", "a dull plot", "very good , it was fine .", "not bad", "film film film was was", ""]
LABELS = ["good", "bad", "good", "good", "bad", "bad"]


@pytest.fixture(params=[pytest.param("tiny_bert", marks=pytest.mark.slow), "tiny_word_vectors"])
def model(request):
    preset = request.getfixturevalue(request.param)
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32", dropout=0)


def without_dropout(model):
    for layer in model.model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0


def keras_optimizer(config):
    clip = config.clip_norm or None
    if config.optimizer == "adam":
        return keras.optimizers.Adam(config.learning_rate, global_clipnorm=clip)
    optimizer = keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay, global_clipnorm=clip)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def dense_steps(model, tokens, targets, config, order):
    """The optimization by Keras over everything; the weights before are put back."""
    variables = model.model.trainable_variables
    before = [variable.numpy() for variable in variables]
    optimizer = keras_optimizer(config)
    for rows in order:
        padded = pad_rows(tokens.batch(rows), model.text_graph.pad_id)
        with tf.GradientTape() as tape:
            outputs = model.model({name: padded[name] for name in model.model.input}, training=True)
            loss = tf.reduce_mean(model.objective.loss(tf.constant(targets[rows]), outputs))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients], variables)
    after = [variable.numpy() for variable in variables]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return after


@pytest.mark.parametrize(
    ("optimizer", "clip_norm"),
    [
        ("adamw", 0.5),
        *(pytest.param(*slow, marks=pytest.mark.slow) for slow in (("adam", 0.5), ("adam", 0.0), ("adamw", 0.0))),
    ],
)
def test_training_equals_the_dense_optimization(model, optimizer, clip_norm):
    config = TrainingConfig(
        optimizer=optimizer, clip_norm=clip_norm, learning_rate=1e-3, weight_decay=0.1, batch_tokens=1 << 20
    )
    without_dropout(model)
    tokens = model.tokenize(as_batches(TEXTS))
    targets = np.array([label == "good" for label in LABELS], np.int32)
    random = np.random.default_rng(0)
    order = [random.permutation(len(TEXTS))[:ROWS_PER_STEP] for _ in range(STEPS)]
    expected = dense_steps(model, tokens, targets, config, order)

    pretrained = model.backbone.token_embedding.vectors.numpy()
    subset = EmbeddingSubset(model.backbone.token_embedding, tokens.ids, tokens.ids[:0], weight_decay(config))
    assert subset.vectors.shape[0] < len(pretrained)  # no text uses the other rows
    network = Network(model.model, model.forward, model.objective, embedding_subset=subset)
    step = TrainingStep(network, Examples(tokens, targets), config)
    for number, rows in enumerate(order):
        step(rows, config.learning_rate, number)
    subset.write_back(np.full(STEPS, config.learning_rate))

    for variable, value in zip(model.model.trainable_variables, expected, strict=True):
        if "key/bias" not in variable.path:  # its gradient is zero but for rounding, which Adam makes large
            np.testing.assert_allclose(variable.numpy(), value, rtol=1e-6, atol=1e-6, err_msg=variable.path)
    moved = np.any(model.backbone.token_embedding.vectors.numpy() != pretrained, axis=1)
    assert moved.all() == (optimizer == "adamw")


def test_other_words_have_their_pretrained_vectors(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], dropout=0)
    before = tg.TextEmbedder(model.backbone, pooling="sqrtn").predict(["dull", "good"])
    data = tg.Dataset.from_lists(["good film", "good plot", "bad film", "bad plot"], ["good", "good", "bad", "bad"])
    model.fit(data, validation=data, epochs=3, batch_size=2, learning_rate=1e-2)
    after = tg.TextEmbedder(model.backbone, pooling="sqrtn").predict(["dull", "good"])
    np.testing.assert_array_equal(after[0], before[0])
    assert not np.allclose(after[1], before[1], atol=1e-3)


def test_layer_is_restored_after_an_error(model):
    table = model.backbone.token_embedding
    ids = tf.constant([[5, 6, 7]])
    before = table.layer(ids).numpy()
    subset = EmbeddingSubset(table, np.array([5, 7]), np.array([6]), 0.0)
    with pytest.raises(RuntimeError), subset.in_training():
        raise RuntimeError
    np.testing.assert_array_equal(table.layer(ids).numpy(), before)
    assert "call" not in vars(table.layer)


def test_full_table_is_never_cast(tiny_bert):
    model = tg.TextClassifier(tiny_bert, ["bad", "good"], precision="mixed_bfloat16")
    tokens = model.tokenize(as_batches(TEXTS))
    subset = EmbeddingSubset(model.backbone.token_embedding, tokens.ids, tokens.ids[:0], 0.0)
    network = Network(model.model, model.forward, model.objective, embedding_subset=subset)
    step = TrainingStep(network, Examples(tokens, np.zeros(len(TEXTS), np.int32)), TrainingConfig(batch_tokens=1 << 20))
    casts = [
        op.outputs[0].shape
        for op in step._graph("_update", step._schedule.unfrozen(0)).graph.get_operations()
        if op.type == "Cast"
    ]
    assert casts
    assert subset.vectors.shape not in [tuple(shape) for shape in casts if shape.rank == 2]


@pytest.mark.parametrize("optimizer", [pytest.param("adam", marks=pytest.mark.slow), "adamw"])
def test_accumulated_gradients_equal_one_step(model, optimizer):
    """Gradient accumulation: the same step, whatever goes through the network at once."""
    without_dropout(model)
    tokens = model.tokenize(as_batches(TEXTS))
    targets = np.array([label == "good" for label in LABELS], np.int32)
    before = [variable.numpy() for variable in model.model.trainable_variables]
    ends, outputs = [], []
    for batch_tokens in (1 << 20, 12):
        config = TrainingConfig(optimizer=optimizer, clip_norm=1.0, learning_rate=1e-3, batch_tokens=batch_tokens)
        for variable, value in zip(model.model.trainable_variables, before, strict=True):
            variable.assign(value)
        network = Network(model.model, model.forward, model.objective)
        step = TrainingStep(network, Examples(tokens, targets), config)
        results = [step(np.array([5, 0, 2, 3, 1]), 1e-3, number) for number in range(5)]
        ends.append([variable.numpy() for variable in model.model.trainable_variables])
        outputs.append(results[0])
        assert step.graphs == (1 if batch_tokens == 1 << 20 else 2)
    assert outputs[1].loss == pytest.approx(outputs[0].loss, abs=1e-6)
    assert outputs[1].norm == pytest.approx(outputs[0].norm, rel=1e-5)
    np.testing.assert_allclose(outputs[1].outputs, outputs[0].outputs, atol=1e-5)
    for weight, expected in zip(ends[1], ends[0], strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("optimizer", [pytest.param("adam", marks=pytest.mark.slow), "adamw"])
def test_validation_loss_equals_that_of_the_trained_model(model, optimizer):
    """With validation texts that have words which no training text has."""
    data = tg.Dataset.from_lists(TEXTS[:3] * 4, LABELS[:3] * 4)
    others = tg.Dataset.from_lists(["bad plot", "dull", "not very fine"] * 3, ["bad", "bad", "good"] * 3)
    fit = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-2, "weight_decay": 1.0, "optimizer": optimizer}
    history = model.fit(data, validation=others, **fit)
    model.objective.temperature = 1.0  # as in the history
    assert model.evaluate(others)["loss"] == pytest.approx(history.records[0]["val_loss"], abs=1e-5)


def test_word_vectors_train_as_in_tensorflow_1(tmp_path):
    """Against tools/make_hub_golden.py."""
    rate = 1e-2
    golden = np.load(GOLDEN / "hub_training.npz")
    words = golden["words"].tolist()
    make_hub_module(tmp_path / "module", words, golden["vectors"], len(golden["vectors"]) - len(words), normalize=True)
    model = tg.TextClassifier(
        tmp_path / "module", ["no", "yes"], precision="float32", hidden=(16,), dropout=0, trust_savedmodel=True
    )
    layers = {name: model.head.get_layer(layer) for name, layer in (("hidden", "hidden_0"), ("logits", "logits"))}
    for name, layer in layers.items():
        layer.set_weights([golden[name], np.zeros(golden[name].shape[1], np.float32)])

    tokens = model.tokenize(as_batches(golden["texts"].tolist()))
    subset = EmbeddingSubset(model.backbone.token_embedding, tokens.ids, tokens.ids[:0], weight_decay=0.0)
    network = Network(model.model, model.forward, model.objective, embedding_subset=subset)
    config = TrainingConfig(optimizer="adam", clip_norm=0.0, learning_rate=rate, batch_tokens=1 << 20)
    step = TrainingStep(network, Examples(tokens, golden["targets"]), config)
    for index, rows in enumerate(golden["order"]):
        step(rows, rate, index)
    subset.write_back(np.full(len(golden["order"]), rate))

    table = model.backbone.token_embedding.vectors.numpy()
    np.testing.assert_allclose(table, golden["vectors_after"], atol=1e-5)
    for name, layer in layers.items():
        kernel, bias = layer.get_weights()
        np.testing.assert_allclose(kernel, golden[f"{name}_after"], atol=1e-5)
        np.testing.assert_allclose(bias, golden[f"{name}_bias_after"], atol=1e-5)
    unmoved = (table == golden["vectors"]).all(axis=1)
    assert 0 < unmoved.sum() < len(table)
