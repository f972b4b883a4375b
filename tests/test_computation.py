"""The choice of kernels before TensorFlow is imported, and the report of those in use."""

import json
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from textgraft import computation, runtime
from textgraft.computation import Computation, current_computation, prefer_one_thread, prefer_onednn, suits_onednn
from textgraft.errors import TextgraftWarning
from textgraft.processor import Processor

AVX2 = Processor("", "x86_64", frozenset({"avx", "avx2"}))
ARM = Processor("", "aarch64", frozenset({"asimd"}))
AVX = Processor("", "x86_64", frozenset({"avx"}))

SETTINGS = ("ONEDNN_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE")


@pytest.fixture
def before_the_import(monkeypatch):
    """An environment without settings of oneDNN, as if TensorFlow were not imported, on a processor with AVX2."""
    for name in (*SETTINGS, "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(computation, "processor", lambda: AVX2)
    monkeypatch.setattr(computation.sys, "platform", "linux")
    monkeypatch.delitem(sys.modules, "tensorflow")


@pytest.mark.parametrize(
    ("processor", "system", "suits"),
    [
        (AVX2, "linux", True),
        (Processor("", "x86_64", frozenset({"avx2", "avx512f", "avx512_bf16", "amx_bf16"})), "linux", True),
        (ARM, "linux", True),
        (AVX, "linux", False),
        (Processor("", "riscv64"), "linux", False),
        (AVX2, "darwin", False),
        (Processor("", "arm64"), "darwin", False),
    ],
    ids=["AVX2", "AMX", "Arm", "AVX only", "riscv64", "Mac with AVX2", "Mac with Arm"],
)
def test_onednn_suits_processors_with_avx2_and_64_bit_arm_on_linux(processor, system, suits):
    assert suits_onednn(processor, system) is suits


@pytest.mark.parametrize(("processor", "variable"), [(AVX2, "1"), (AVX, None)], ids=["AVX2", "AVX only"])
def test_onednn_is_selected_where_it_suits_the_processor(before_the_import, monkeypatch, processor, variable):
    monkeypatch.setattr(computation, "processor", lambda: processor)
    prefer_onednn()
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == variable


def test_choice_of_the_user_is_kept(before_the_import, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    prefer_onednn()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_nothing_is_selected_after_tensorflow_is_imported(before_the_import, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", tf)
    prefer_onednn()
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ


@pytest.mark.parametrize(("variable", "warnings"), [(None, 1), ("0", 0)], ids=["no choice", "Eigen chosen"])
def test_earlier_import_without_onednn_is_reported(before_the_import, monkeypatch, recwarn, variable, warnings):
    monkeypatch.setitem(sys.modules, "tensorflow", tf)
    monkeypatch.setattr(computation, "_kernels", lambda: "Eigen")
    if variable:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", variable)
    runtime._import_everything.__wrapped__()
    messages = [str(warning.message) for warning in recwarn if warning.category is TextgraftWarning]
    assert len(messages) == warnings
    assert all("set the environment variable TF_ENABLE_ONEDNN_OPTS to 1, or to 0" in line for line in messages)


def test_settings_of_onednn_are_part_of_the_kernels(before_the_import, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", tf)
    kernels = computation._kernels()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    expected = {"oneDNN": "oneDNN (ONEDNN_MAX_CPU_ISA=AVX2)"}
    assert computation._kernels() == expected.get(kernels, kernels)


def test_threads_are_those_of_the_environment_or_the_cores_of_the_process(before_the_import, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", tf)
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 0)
    monkeypatch.setattr(computation.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert current_computation("float32").threads == 3
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "5")
    assert current_computation("float32").threads == 5
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 2)
    assert current_computation("float32").threads == 2


@pytest.mark.parametrize(
    ("cores", "variable", "threads"), [(1, None, "1"), (2, None, "1"), (3, None, None), (2, "2", "2")]
)
def test_calls_side_by_side_have_one_thread_each_where_they_occupy_all_cores(
    before_the_import, monkeypatch, cores, variable, threads
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(cores), raising=False)
    if variable:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", variable)
    prefer_one_thread(2)
    assert os.environ.get("TF_NUM_INTRAOP_THREADS") == threads


def test_computation_is_described_in_one_line():
    line = "oneDNN kernels, AVX2 processor, {}, float32"
    assert str(Computation("oneDNN", "AVX2", 2, "float32")) == line.format("2 threads")
    assert str(Computation("oneDNN", "AVX2", 1, "float32")) == line.format("1 thread")


REPORT = """
import os, json
import tensorflow
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
from dataclasses import asdict
from textgraft.computation import current_computation
print(json.dumps(asdict(current_computation("float32"))))
"""


def test_reported_kernels_are_not_those_of_a_later_environment(monkeypatch):
    before = current_computation("float32")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1" if before.kernels == "Eigen" else "0")
    assert current_computation("float32") == before


@pytest.mark.slow
def test_reported_kernels_are_those_of_the_import():
    """Whatever the environment says later."""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTRAOP_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", REPORT], env=environment, check=True, capture_output=True, text=True)
    report = json.loads(result.stdout)
    assert (report["kernels"], report["threads"]) == ("Eigen", 1)
