"""Modes of fine-tuning: which weights change, what is stored, and that the model is complete afterwards."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.paths import GOLDEN
from tests.helpers.resuming import RecordingCallback
from tests.helpers.reviews import TEXTS, reviews
from textgraft.errors import ConfigError, TrainingError
from textgraft.training.features import Activations, check_disk_space
from textgraft.training.history import History
from textgraft.training.loop import Training

FIT = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-2, "head": "gradient", "keep_reference": 0}
FAMILIES = ["bert", *(pytest.param(family, marks=pytest.mark.slow) for family in ("deberta_v3", "gpt2", "roberta"))]


def fresh(family="bert", **settings):
    return tg.TextClassifier(GOLDEN / family, ["bad", "good"], precision="float32", **settings)


def fit(model, **config):
    return model.fit(reviews(), validation=reviews(), callbacks=RecordingCallback(), **{**FIT, **config})


def weights(model):
    return {name: weight.numpy() for name, weight in model.weights.items()}


def moved(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_last_blocks_and_the_head_are_trained(family):
    model = fresh(family)
    before = weights(model)
    trainable, total = model.fine_tuning(fine_tune="last:1").parameter_counts()
    fit(model, fine_tune="last:1")
    changed = moved(before, weights(model))
    number = "layer_1/"
    assert all(
        name.startswith("head/") or number in name or "/layer_norm/" in name or "rel_embedding" in name
        for name in changed
    )
    assert any(number in name for name in changed)
    # A key's bias changes no share of attention: it has no gradient but rounding.
    assert trainable == sum(
        weight.size for name, weight in before.items() if name in changed or ("key/bias" in name and number in name)
    )
    assert total == sum(weight.size for weight in before.values())


@pytest.mark.slow
def test_all_blocks_are_trained_without_the_embeddings():
    model = fresh()
    before = weights(model)
    fit(model, fine_tune="last:2")
    assert not [name for name in moved(before, weights(model)) if "embedding" in name]


@pytest.mark.parametrize(
    ("family", "stored", "tolerance"),
    [
        pytest.param("bert", "float32", 1e-5, marks=pytest.mark.slow),
        pytest.param("gpt2", "float16", 1e-3, marks=pytest.mark.slow),
        pytest.param("gpt2", "float32", 1e-5, marks=pytest.mark.slow),
    ],
)
def test_stored_activations_change_no_loss(family, stored, tolerance):
    model, other = fresh(family), fresh(family)
    config = {**FIT, "fine_tune": "last:1", "head": "gradient"}
    history = fit(model, **config, cache_dtype=stored)
    run = other._prepare_run(reviews(), reviews(), config)
    split = other.backbone.split(1)
    network, _, _ = run.mode.build(run.examples, RecordingCallback())

    def forward(batch, training=False):
        return other.head(other.pooling(*split.vectors(split.apply_frozen(batch), training)), training=training)

    network = replace(network, forward=forward)
    plain = Training(network, *run.examples.values(), run.mode.config, RecordingCallback()).run()
    for one, another in zip(history.records, plain.records, strict=True):
        for name in ("loss", "val_loss"):
            assert one[name] == pytest.approx(another[name], abs=tolerance)
    assert isinstance(plain, History)


@pytest.mark.parametrize("fine_tune", [pytest.param("last:1", marks=pytest.mark.slow), "lora:2"])
def test_model_is_complete_after_fine_tuning(tmp_path, fine_tune, tiny_bert):
    model = tg.TextClassifier(tiny_bert, ["bad", "good"], precision="float32")
    names = list(weights(model))
    fit(model, fine_tune=fine_tune)
    assert list(weights(model)) == names
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    np.testing.assert_allclose(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-6)


@pytest.mark.slow
def test_model_can_be_trained_in_another_mode_afterwards():
    model = fresh()
    fit(model, fine_tune="lora:2")
    before = weights(model)
    fit(model, fine_tune="all")
    assert moved(before, weights(model)) == set(before)


@pytest.mark.parametrize(
    "family", ["bert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("albert", "gpt2"))]
)
def test_lora_trains_queries_and_values(family):
    model = fresh(family)
    before = weights(model)
    layers = 1 if family == "albert" else 2
    trainable, total = model.fine_tuning(fine_tune="lora:3").parameter_counts()
    beside = 32 * 2 * 3 + 3 * 16 + 32  # of (dim, heads, rank) and (rank, width), and the bias
    assert trainable == layers * 2 * beside + model.head.count_params()
    assert total == sum(weight.size for weight in before.values())
    assert moved(before, weights(model)) == set()
    fit(model, fine_tune="lora:3")
    changed = moved(before, weights(model))
    assert changed
    assert all(name.startswith("head/") or "/query/" in name or "/value/" in name for name in changed)


def test_merged_lora_updates_compute_the_same():
    model = fresh()
    rows = model.text_graph.pack(tf.constant(TEXTS)).token_ids
    with model.backbone.lora(2, seed=0):
        for layer in model.backbone._encoder._flatten_layers():
            if getattr(layer, "lora_enabled", False):
                layer.lora_kernel_b.assign(np.full(layer.lora_kernel_b.shape, 0.1))
        adapted = model.forward(rows)
    assert np.abs(adapted - fresh().forward(rows)).max() > 1e-3
    np.testing.assert_allclose(model.forward(rows), adapted, atol=1e-5)


def test_lora_updates_are_merged_in_float32():
    model = tg.TextClassifier(GOLDEN / "bert", ["bad", "good"], precision="mixed_bfloat16")
    before = weights(model)
    with model.backbone.lora(2, seed=0):
        pass
    assert moved(before, weights(model)) == set()


def test_learning_rate_decays_from_block_to_block():
    model = fresh(dropout=0)
    before = weights(model)
    history = model.fit(
        reviews(), validation=reviews(), callbacks=RecordingCallback(), epochs=1, batch_size=len(TEXTS),
        learning_rate=1e-3, schedule="constant", optimizer="adam", layer_decay=0.5, head="gradient",
    )  # fmt: skip
    assert len(history.records) == 1
    largest = {name: np.abs(after - before[name]).max() for name, after in weights(model).items()}
    # Adam's first step is the learning rate, in each element.
    for part, factor in (("head/", 1), ("layer_1/", 0.5), ("layer_0/", 0.25), ("embeddings", 0.125)):
        of_part = [value for name, value in largest.items() if part in name]
        assert max(of_part) == pytest.approx(1e-3 * factor, rel=1e-2)


@pytest.mark.slow
def test_gradual_unfreezing_adds_a_block_per_epoch():
    class EachEpoch(RecordingCallback):
        def on_epoch_end(self, record):
            seen.append([weight.numpy() for weight in model.backbone.network.trainable_variables])

    model = fresh("gpt2", dropout=0)
    paths = [weight.path for weight in model.backbone.network.trainable_variables]
    seen = [[weight.numpy() for weight in model.backbone.network.trainable_variables]]
    model.fit(
        reviews(), validation=reviews(), callbacks=EachEpoch(), epochs=4, batch_size=4,
        learning_rate=1e-3, schedule="constant", gradual_unfreezing=True, patience=9,
    )  # fmt: skip

    def changed(epoch):
        pairs = zip(paths, seen[epoch - 1], seen[epoch], strict=True)
        return {path for path, before, after in pairs if not np.array_equal(before, after)}

    assert changed(1) == set()
    assert changed(2)
    assert all("layer_1/" in path or path.startswith("layer_norm/") for path in changed(2))
    assert any("layer_0/" in path for path in changed(3))
    assert not any("embedding" in path for path in changed(3))
    assert any("position_embedding" in path for path in changed(4))


@pytest.mark.slow
def test_first_step_of_an_unfrozen_block_is_the_learning_rate():
    """Bias correction counts from the step in which the block is unfrozen."""
    model = fresh(dropout=0)
    before = weights(model)
    model.fit(
        reviews(), validation=reviews(), callbacks=RecordingCallback(), epochs=2, batch_size=len(TEXTS),
        learning_rate=1e-3, schedule="constant", optimizer="adam", gradual_unfreezing=True,
    )  # fmt: skip
    steps = {name: np.abs(after - before[name]).max() for name, after in weights(model).items()}
    assert max(step for name, step in steps.items() if "layer_1/" in name) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(
    ("family", "fine_tune", "message"),
    [
        ("bert", "last:3", "has 2 blocks"),
        pytest.param("albert", "last:1", "all blocks of albert share their weights", marks=pytest.mark.slow),
        ("bert", "last:0", "choose one of all, none, last:N, lora:R"),
        ("bert", "some", "choose one of all, none, last:N, lora:R"),
    ],
)
def test_impossible_mode_is_refused(family, fine_tune, message):
    with pytest.raises(ConfigError, match=message):
        fit(fresh(family), fine_tune=fine_tune)


def test_word_vectors_have_neither_blocks_nor_lora(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    for fine_tune in ("last:1", "lora:2"):
        with pytest.raises(ConfigError, match="set fine_tune to all or none"):
            fit(model, fine_tune=fine_tune)
    fit(model, gradual_unfreezing=True, layer_decay=0.5)


def test_disk_space_is_checked(monkeypatch):
    import shutil

    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(TrainingError, match="set TMPDIR to a larger disk"):
        check_disk_space(7, 8, "float16")


def test_disk_space_is_checked_before_the_extraction(monkeypatch):
    """For training and validation texts together, by the dry run too."""
    import shutil

    usage, texts, model = shutil.disk_usage("/"), reviews(), fresh()
    tokens = int(model.examples(texts).inputs.tokens.lengths.sum())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2 * tokens * 16 * 2 - 1))
    callback = RecordingCallback()
    for verb in (model.plan, partial(model.fit, callbacks=callback)):
        with pytest.raises(TrainingError, match="outputs of the frozen blocks need"):
            verb(texts, validation=texts, fine_tune="last:1", head="gradient")
    assert callback.texts == 0


def test_full_disk_is_reported():
    class Full:
        def seek(self, _):
            raise OSError(28, "No space left on device")

    activations = Activations(np.array([1]), 2, "float16")
    activations.file = Full()
    with pytest.raises(TrainingError, match="No space left on device; set TMPDIR to a larger disk"):
        activations.put(np.array([0]), np.ones((1, 2), np.float32))


def test_stored_activations_leave_no_file(monkeypatch, tmp_path):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    activations = Activations(np.array([2, 1]), 2, "float32")
    activations.put(np.array([1, 0]), np.arange(6, dtype=np.float32).reshape(3, 2))
    activations.finish_writing()
    assert activations.batch(np.array([0, 1])).to_list() == [[[2, 3], [4, 5]], [[0, 1]]]
    assert list(tmp_path.iterdir()) == []


def test_overflow_of_float16_is_refused():
    activations = Activations(np.array([1]), 2, "float16")
    with pytest.raises(TrainingError, match="is not a finite float16"):
        activations.put(np.array([0]), np.array([[1.0, 1e6]], np.float32))


def test_plan_counts_trained_parameters():
    model = fresh()
    before = weights(model)
    modes = ("none", "lora:2", "last:1", "all")
    counts = [model.fine_tuning(fine_tune=mode).parameter_counts()[0] for mode in modes]
    assert counts == sorted(set(counts))
    plan = model.plan(reviews(), validation=reviews(), fine_tune="last:1", **FIT)
    assert plan.trainable == counts[2]
    assert plan.steps == 7
    assert plan.seconds > 0
    assert moved(before, weights(model)) == set()


def test_layer_indices_rise_from_block_to_block():
    model = fresh()
    layer_indices = {weight.path: model.backbone.layer_index(weight) for weight in model.backbone.network.weights}
    assert {index for path, index in layer_indices.items() if "layer_0" in path} == {1}
    assert {index for path, index in layer_indices.items() if "layer_1" in path} == {2}
    assert {model.backbone.layer_index(weight) for weight in model.head.weights} == {3}
