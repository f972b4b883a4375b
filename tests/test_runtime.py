"""The precision that is chosen for a machine, and the number of threads."""

import os
import sys
from importlib import metadata
from typing import Annotated

import pytest
import tensorflow as tf

from textgraft import runtime
from textgraft.cli import parameters
from textgraft.cli.options import Group, RuntimeOptions
from textgraft.errors import ConfigError
from textgraft.processor import Processor


@pytest.fixture
def machine(monkeypatch):
    """Sets what the machine has: a GPU's compute capability, or a processor's flags; and whether bfloat16 loses."""

    def set_machine(gpu=None, flags="", slower=False):
        gpus = ["gpu"] if gpu else []
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else ["cpu"])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: {"compute_capability": gpu})
        monkeypatch.setattr(runtime, "processor", lambda: Processor("", "x86_64", frozenset(flags.split())))
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


@pytest.mark.parametrize(
    ("limit", "precision"), [("AVX2", "float32"), ("avx512_core_bf16", "mixed_bfloat16"), ("ALL", "mixed_bfloat16")]
)
def test_limited_onednn_does_not_multiply_bfloat16(machine, monkeypatch, limit, precision):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    machine(flags="avx2 avx512_bf16")
    assert runtime.choose_precision("auto") == precision


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_what_is_asked_for_is_given_whatever_the_machine_has(machine, precision):
    machine(flags="avx2")
    assert runtime.choose_precision(precision) == precision


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="precision 'half' is unknown; choose one of auto, float32, mixed_bfloat16"):
        runtime.choose_precision("half")


def test_threads_are_set_before_a_command_opens_data(monkeypatch):
    calls = []
    monkeypatch.setattr(parameters, "set_threads", lambda threads: calls.append(f"{threads} threads"))

    def command(options: Annotated[RuntimeOptions, Group(only=("threads",))]) -> None:
        calls.append("data")

    parameters.as_command(command)(threads=3)
    assert calls == ["3 threads", "data"]


def test_threads_are_read_when_tensorflow_starts(monkeypatch):
    for name in ("INTRAOP", "INTEROP"):
        monkeypatch.setenv(f"TF_NUM_{name}_THREADS", "1")
    with pytest.raises(ConfigError, match="before TensorFlow is imported"):
        runtime.set_threads(3)
    monkeypatch.delitem(sys.modules, "tensorflow")
    runtime.set_threads(3)
    assert {os.environ[f"TF_NUM_{name}_THREADS"] for name in ("INTRAOP", "INTEROP")} == {"3"}


@pytest.mark.parametrize(("option", "value"), [("threads", 0), ("precision", "half")])
def test_invalid_runtime_options_are_reported(option, value):
    with pytest.raises(ConfigError, match=f"{option} .*{value}"):
        RuntimeOptions(**{option: value})


def test_closed_standard_error_is_no_fault(monkeypatch):
    def closed(_):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(os, "dup", closed)
    with runtime.suppressed_native_stderr():
        pass


def test_tensorflow_may_be_installed_under_another_name(monkeypatch):
    def installed(name):
        if name == "tensorflow":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    version = metadata.version
    expected = {name: version(name) for name in runtime.versions()}
    monkeypatch.setattr(metadata, "version", installed)
    assert runtime.versions() == expected
