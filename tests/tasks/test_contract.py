"""What every task keeps to, on every backbone family."""

import numpy as np
import pytest

from textgraft import registry
from textgraft.tasks.base import Task, load

# What a constructor needs beside the preset.
SETTINGS = {"text_classification": {"labels": ["a", "b", "c"]}, "feature_extraction": {"normalize": True}}
TEXTS = np.array([b"the film was good", b"", "a dull plot \U0001f600".encode()], object)


@pytest.fixture(scope="module", params=registry.names("backbones"))
def preset(request):
    return request.getfixturevalue(f"tiny_{request.param}")


@pytest.mark.parametrize("name", registry.names("tasks"))
def test_saved_and_loaded_it_gives_the_same_outputs(name, preset, tmp_path):
    kind = registry.implementation("tasks", name, Task)
    assert kind.name == name.replace("_", "-")
    task = kind(preset, precision="float32", **SETTINGS[name])
    (outputs,) = task.outputs([TEXTS])
    assert len(outputs) == len(TEXTS)
    assert outputs.dtype == np.float32
    task.save(tmp_path / "model")
    loaded = load(tmp_path / "model", precision="float32")
    assert type(loaded) is kind
    np.testing.assert_array_equal(next(loaded.outputs([TEXTS])), outputs)
