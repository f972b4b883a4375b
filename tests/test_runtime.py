"""The precision that is chosen for a machine."""

import pytest
import tensorflow as tf

from textgraft import runtime
from textgraft.errors import ConfigError


@pytest.fixture
def machine(monkeypatch):
    """Sets what the machine has: a GPU's compute capability, or a processor's flags; and whether bfloat16 loses."""

    def set_machine(gpu=None, flags="", slower=False):
        gpus = ["gpu"] if gpu else []
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else ["cpu"])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: {"compute_capability": gpu})
        monkeypatch.setattr(runtime.Path, "read_text", lambda _: f"processor : 0\nflags : fpu {flags} sse2\n")
        monkeypatch.setattr(runtime, "_bfloat16_is_slower", lambda: slower)
        runtime._multiplies_bfloat16.cache_clear()

    yield set_machine
    runtime._multiplies_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("found", "precision"),
    [
        ({"flags": "avx2 avx512_bf16"}, "mixed_bfloat16"),
        ({"flags": "amx_bf16"}, "mixed_bfloat16"),
        ({"flags": "avx512_bf16", "slower": True}, "float32"),
        ({"flags": "avx2 avx512f"}, "float32"),
        ({"gpu": (8, 0)}, "mixed_bfloat16"),
        ({"gpu": (9, 0), "slower": True}, "float32"),
        ({"gpu": (7, 5), "flags": "avx512_bf16"}, "float32"),
    ],
    ids=str,
)
def test_auto_is_what_the_machine_multiplies(machine, found, precision):
    machine(**found)
    assert runtime.choose_precision("auto") == precision


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_what_is_asked_for_is_given_whatever_the_machine_has(machine, precision):
    machine(flags="avx2")
    assert runtime.choose_precision(precision) == precision


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="precision 'half' is unknown; choose one of auto, float32, mixed_bfloat16"):
        runtime.choose_precision("half")
