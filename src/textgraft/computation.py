"""What determines the last bits of results beside versions: kernels, processor, threads and precision.

TensorFlow multiplies on the processor with its own kernels, Eigen's, or with those of oneDNN.
"""

import os
import sys
from dataclasses import dataclass

from textgraft.processor import Processor, processor

_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
THREADS_VARIABLE = "TF_NUM_INTRAOP_THREADS"

# Variables of the environment that change the results of oneDNN's kernels.
_ONEDNN_SETTINGS = ("ONEDNN_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE")


@dataclass(frozen=True)
class Computation:
    """How this process computes.

    Attributes:
        kernels: "oneDNN", with settings of it from the environment; "Eigen"; or "CUDA", where there is a GPU.
        processor: see `Processor.kind`.
        threads: number of threads of one operation.
        precision: Keras dtype policy.
        workers: number of processes that share the steps of a training.
    """

    kernels: str
    processor: str
    threads: int
    precision: str
    workers: int = 1

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        workers = f"{self.workers} workers, " if self.workers > 1 else ""
        return f"{workers}{self.kernels} kernels, {self.processor} processor, {threads}, {self.precision}"


def current_computation(precision: str) -> Computation:
    """How this process computes in a precision, a Keras dtype policy; imports TensorFlow."""
    return Computation(_kernels(), processor().kind, operation_threads(), precision)


def prefer_onednn() -> None:
    """Select oneDNN's kernels where they are faster, unless the user has chosen; TensorFlow reads it at its import.

    By itself TensorFlow selects them only for processors with AVX-512 VNNI, AVX-VNNI, AVX-512 BF16 or AMX.
    """
    if "tensorflow" not in sys.modules and suits_onednn(processor(), sys.platform):
        os.environ.setdefault(_ONEDNN, "1")


def prefer_one_thread(calls: int) -> None:
    """Let one thread compute an operation where calls side by side occupy all cores, unless the user has chosen.

    Threads that divide operations would wait for each other. TensorFlow reads it at its import.
    """
    if _cores() <= calls:
        os.environ.setdefault(THREADS_VARIABLE, "1")


def misses_onednn() -> bool:
    """Whether TensorFlow was imported without oneDNN's kernels where they are faster and the user has not chosen."""
    is_chosen = _ONEDNN in os.environ
    return not is_chosen and suits_onednn(processor(), sys.platform) and _kernels() == "Eigen"


def suits_onednn(processor: Processor, system: str) -> bool:
    """Whether oneDNN's kernels are faster than Eigen's; `system` is `sys.platform`. TensorFlow for macOS has none."""
    return system == "linux" and ("avx2" in processor.features or processor.machine == "aarch64")


def _kernels() -> str:
    import tensorflow as tf
    from tensorflow.python.util import _pywrap_util_port  # the only place that reports the choice of the import

    if tf.config.list_physical_devices("GPU"):
        return "CUDA"
    if not _pywrap_util_port.IsMklEnabled():
        return "Eigen"
    settings = [f"{name}={os.environ[name]}" for name in _ONEDNN_SETTINGS if os.environ.get(name)]
    return f"oneDNN ({', '.join(settings)})" if settings else "oneDNN"


def operation_threads() -> int:
    """Number of threads of one operation, as TensorFlow determines it.

    It is what the program has set, then the environment, then the cores of the process.
    """
    import tensorflow as tf

    variable = os.environ.get(THREADS_VARIABLE, "")
    threads = tf.config.threading.get_intra_op_parallelism_threads() or (int(variable) if variable.isdecimal() else 0)
    return int(threads or _cores())


def _cores() -> int:
    """Number of cores of the process."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()) or 1
