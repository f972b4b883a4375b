"""The contract of tasks, on every backbone family."""

import pkgutil
from functools import cache
from itertools import product

import numpy as np
import pytest

from textgraft import registry
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError
from textgraft.task_specs import task_spec
from textgraft.tasks.loading import load

# What a constructor needs beside the preset.
SETTINGS = {
    "text_classification": {"labels": ["a", "b", "c"]},
    "token_classification": {"labels": ["a", "b"]},
    "feature_extraction": {"normalize": True},
    "text_generation": {},
    "fill_mask": {},
}
# What a task needs of a backbone, and what it says where that is not so.
NEEDS = {
    "text_generation": (lambda backbone: backbone.is_causal, "does not predict the next token"),
    "fill_mask": (lambda backbone: backbone.special_tokens.mask is not None, "has no mask token"),
}
CAUSAL, MASKED = {"text_generation"}, {"fill_mask"}
# More of them, where a task has several kinds of answers.
MORE = [
    ("text_classification", {"problem": "multi-label", "labels": ["a", "b"], "thresholds": [0.1, 0.9]}),
    ("text_classification", {"problem": "regression", "mean": 5.0, "scale": 2.5}),
    ("text_classification", {"labels": ["a", "b"], "truncation": "windows", "sequence_length": 8}),
]
TEXTS = np.array([b"the film was good", b"", "a dull plot \U0001f600".encode()], object)


# Every task with one family of each kind; other combinations are slow.
FAST = {
    *product(("bert", "word_vectors"), registry.names("task_specs")),
    ("gpt2", "text_generation"), ("gpt2", "fill_mask"),
}  # fmt: skip
COMBINATIONS = [
    pytest.param(family, task, marks=() if (family, task) in FAST else pytest.mark.slow)
    for family, task in product(registry.names("backbones.families"), registry.names("task_specs"))
]


loaded_once = cache(load_backbone)  # nothing here trains it


def flat(rows):
    """The values of rows, ragged or not."""
    return getattr(rows, "values", rows)


@pytest.mark.parametrize(("family", "name"), COMBINATIONS)
def test_loaded_model_has_the_same_outputs(family, name, request, tmp_path):
    _assert_same_when_loaded(name, SETTINGS[name], request.getfixturevalue(f"tiny_{family}"), tmp_path / "model")


@pytest.mark.parametrize(
    "family", ["word_vectors", *(pytest.param(family, marks=pytest.mark.slow) for family in ("bert", "gpt2"))]
)
@pytest.mark.parametrize(("name", "settings"), MORE)
def test_loaded_model_of_other_settings_has_the_same_outputs(name, settings, family, request, tmp_path):
    _assert_same_when_loaded(name, settings, request.getfixturevalue(f"tiny_{family}"), tmp_path / "model")


def _assert_same_when_loaded(name, settings, preset, folder):
    kind = pkgutil.resolve_name(task_spec(name.replace("_", "-")).class_path)
    assert kind.name == name.replace("_", "-")
    backbone = loaded_once(preset)
    suits, message = NEEDS.get(name, (lambda _: True, ""))
    if not suits(backbone):
        with pytest.raises(ConfigError, match=message):
            kind(backbone, precision="float32", **settings)
        return
    task = kind(backbone, precision="float32", **settings)
    texts = TEXTS
    if name in MASKED:
        mask = backbone.token(backbone.mask)
        texts = np.array([f"the {mask} was {mask}".encode(), b"", f"{mask} \U0001f600".encode()], object)
    (outputs,) = task.outputs([texts])
    assert len(outputs) == len(texts)
    assert len(flat(outputs))
    assert flat(outputs).dtype == np.float32
    task.save(folder)
    loaded = load(folder, precision="float32")
    assert type(loaded) is kind
    np.testing.assert_array_equal(flat(next(loaded.outputs([texts]))), flat(outputs))
    assert loaded.settings() == task.settings()
