"""Training, resuming and the references on each kind of kernels, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import TESTS

PATHS = {
    "Eigen": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "1"},
    "oneDNN limited to AVX2": {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}

REFERENCES = (
    "backbones/test_golden.py", "backbones/test_sentence_transformers.py", "backbones/test_hub_encoder.py",
    "tasks/test_published_heads.py", "generation/test_search.py",
)  # fmt: skip

TRAIN = """
import hashlib, sys
import textgraft as tg
from tests.helpers.reviews import reviews

preset, precision = sys.argv[1:]
model = tg.TextClassifier(preset, ["bad", "good"], precision=precision, seed=3)
model.fit(reviews(), validation=reviews(), epochs=2, batch_size=7, learning_rate=1e-3, head="gradient", progress=False)
digest = hashlib.sha256()
for name, weight in sorted(model.weights.items()):
    digest.update(name.encode() + weight.numpy().tobytes())
print(model.record["computation"]["kernels"], digest.hexdigest())
"""


@pytest.fixture(params=PATHS.values(), ids=PATHS)
def environment(request, tmp_path):
    """An environment that selects kernels."""
    inherited = {name: value for name, value in os.environ.items() if "ONEDNN" not in name}
    return {**inherited, **request.param, "TEXTGRAFT_CACHE": str(tmp_path / "cache")}


def run(environment, *arguments):
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, cwd=TESTS.parent, env=environment, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_two_trainings_end_with_the_same_bits(environment, two_layer_bert, precision):
    if precision == "mixed_bfloat16" and "ONEDNN_MAX_CPU_ISA" in environment:
        pytest.skip(
            "TensorFlow asks oneDNN for bfloat16 by the processor's features, and ends the process where it is limited"
        )
    first, second = (run(environment, "-c", TRAIN, two_layer_bert, precision) for _ in range(2))
    assert first == second
    assert first.startswith("Eigen" if environment["TF_ENABLE_ONEDNN_OPTS"] == "0" else "oneDNN")


@pytest.mark.slow
def test_resumed_runs_end_as_uninterrupted_ones(environment):
    tests = "tests/training/test_resume.py"
    assert "passed" in run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, "-k", "ends_as")


@pytest.mark.slow
@pytest.mark.parametrize("tests", REFERENCES)
def test_results_equal_the_references(environment, tests):
    file = Path("tests") / tests
    assert "passed" in run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", file)
