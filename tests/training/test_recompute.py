"""Activations that are computed again: the same training but for rounding, and nothing that outlives it."""

import gc
import multiprocessing
import sys
import weakref
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from tools.make_tiny_presets import make_tiny_bert

import textgraft as tg
from tests.helpers.paths import GOLDEN
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing, final_state
from tests.helpers.reviews import TEXTS, reviews
from textgraft.backbones.keras_private import is_seed_state
from textgraft.backbones.recompute import RecomputingTape
from textgraft.errors import ConfigError

FIT = {"epochs": 2, "batch_size": 14, "learning_rate": 1e-3}


def fresh(preset, **settings):
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32", **settings)


def fit(model, callback=None, checkpoints=None, **options):
    callback = callback or RecordingCallback()
    options = {**FIT, "head": "gradient", "keep_reference": 0, **options}
    model.fit(reviews(), validation=reviews(), callbacks=callback, checkpoints=checkpoints, progress=False, **options)
    return model


@pytest.fixture
def calls(monkeypatch):
    """The names of the blocks whose calls were recorded."""
    blocks, call = [], RecomputingTape.call

    def record(tape, block, *args, **kwargs):
        blocks.append(block.name)
        return call(tape, block, *args, **kwargs)

    monkeypatch.setattr(RecomputingTape, "call", record)
    return blocks


def assert_same_training(fit, calls, tolerance=1e-6):
    """Compare losses, weights and draws; a step with other dropout masks would move weights by 1e-3."""
    model = fit()
    (expected, history, _), draws = final_state(model), seeds_drawn(model)
    assert not calls
    model = fit(recompute=True)
    weights, records, _ = final_state(model)
    assert calls
    assert seeds_drawn(model) == draws
    for record, other in zip(records, history, strict=True):
        assert record == pytest.approx(other, rel=tolerance, abs=tolerance)
    for name, weight in weights.items():
        if "key/bias" not in name:  # it changes no share of attention: Adam scales the rounding of its gradient
            np.testing.assert_allclose(weight, expected[name], atol=tolerance, err_msg=name)


def seeds_drawn(model):
    weights = model.backbone.network.non_trainable_variables
    return [int(weight.numpy()[1]) for weight in weights if is_seed_state(weight)]


@pytest.mark.parametrize(
    ("family", "options", "num_calls"),
    [
        ("tiny_bert", {"fine_tune": "lora:2"}, 1),
        pytest.param("bert", {"fine_tune": "lora:2"}, 2, marks=pytest.mark.slow),
        pytest.param("bert", {}, 2, marks=pytest.mark.slow),
        pytest.param("bert", {"fine_tune": "last:1"}, 1, marks=pytest.mark.slow),
        pytest.param("bert", {"batch_tokens": 64}, 2, marks=pytest.mark.slow),
        pytest.param("bert", {"gradual_unfreezing": True, "layer_decay": 0.8}, 4, marks=pytest.mark.slow),
        pytest.param("gpt2", {"fine_tune": "last:1", "cache_dtype": "float32"}, 1, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_recomputed_blocks_train_the_same_weights(calls, tiny_bert, family, options, num_calls):
    preset = tiny_bert if family == "tiny_bert" else GOLDEN / family
    assert_same_training(lambda **recompute: fit(fresh(preset), **options, **recompute), calls)
    assert len(calls) == num_calls


@pytest.mark.slow
def test_recomputed_windows_train_the_same_weights(calls):
    settings = {"truncation": "windows", "sequence_length": 8}
    assert_same_training(lambda **options: fit(fresh(GOLDEN / "bert", **settings), **options), calls)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "task"), [("gpt2", tg.TextGenerator), ("bert", tg.MaskFiller)])
def test_recomputed_language_models_train_the_same_weights(calls, family, task):
    texts = tg.Dataset.from_lists(TEXTS * 4)

    def fit_language(**options):
        model = task(GOLDEN / family, precision="float32", sequence_length=16)
        model.fit(texts, validation=texts, progress=False, **FIT, **options)
        return model

    assert_same_training(fit_language, calls)


@pytest.mark.slow
def test_resumed_run_with_recomputed_blocks_ends_as_an_uninterrupted_one(tmp_path):
    assert_resume_changes_nothing(
        lambda: fresh(GOLDEN / "bert"),
        lambda model, callback, checkpoints: fit(model, callback, checkpoints, recompute=True),
        3,
        tmp_path / "run",
    )


@pytest.mark.slow
def test_weights_are_freed_after_a_training_with_recomputed_blocks(tiny_bert):
    references = []
    for _ in range(2):
        model = fit(fresh(tiny_bert), epochs=1, recompute=True)
        references += [weakref.ref(weight) for weight in model.backbone.network.weights]
        references.append(weakref.ref(model.backbone.network))
        del model
    gc.collect()
    assert len(references) > 2
    assert [reference for reference in references if reference() is not None] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_recomputed_blocks_take_less_memory(tmp_path):
    preset = make_tiny_bert(tmp_path / "eight-layer-bert", num_layers=8)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        plain, recomputed = processes.map(peak_growth, repeat(preset), (False, True))
    assert recomputed < 0.6 * plain


def peak_growth(preset, recompute):
    """Memory of a step of 512 rows of 64 tokens, in KiB; in a process of its own."""
    model = fresh(preset)
    rows = tg.Dataset.from_lists(["film " * 80] * 512, ["bad", "good"] * 256)
    before = peak()
    options = {"batch_size": 512, "batch_tokens": 512 * 64, "epochs": 1, "head": "gradient", "recompute": recompute}
    model.fit(rows, validation=reviews(), progress=False, **options)
    return peak() - before


def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize(
    ("preset", "options", "message"),
    [
        ("tiny_bert", {"fine_tune": "none"}, "fine_tune none does not support recompute; drop one"),
        ("tiny_word_vectors", {}, "word_vectors has no blocks to recompute; drop recompute"),
    ],
)
def test_recompute_without_trained_blocks_is_reported(request, preset, options, message):
    with pytest.raises(ConfigError, match=message):
        fit(fresh(request.getfixturevalue(preset)), recompute=True, **options)
