"""Start TensorFlow without its log, and choose threads, determinism and precision."""

import logging
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock

from textgraft.computation import THREADS_VARIABLE, misses_onednn, prefer_onednn
from textgraft.errors import ConfigError, TextgraftError, warn
from textgraft.processor import processor

DTYPE_POLICIES = ("float32", "mixed_bfloat16")
PRECISIONS = ("auto", *DTYPE_POLICIES)

_STARTING = Lock()  # held by the thread that starts TensorFlow


def set_threads(threads: int) -> None:
    """Set the number of CPU threads; a ConfigError when TensorFlow, which reads it at start-up, is imported already."""
    if "tensorflow" in sys.modules:
        raise ConfigError("threads must be set before TensorFlow is imported")
    os.environ[THREADS_VARIABLE] = os.environ["TF_NUM_INTEROP_THREADS"] = str(threads)


def start_tensorflow(deterministic: bool = False) -> None:
    """Import TensorFlow, Keras and KerasHub, and show their start-up log only when an import fails.

    `deterministic` restricts TensorFlow to deterministic operations, in the whole process.
    """
    _start()
    require_own_process()
    if deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def require_own_process() -> None:
    """Refuse to use TensorFlow in a fork of the process where it started: it would wait forever for threads.

    Raises:
        TextgraftError: in such a process.
    """
    if os.getpid() != _start():
        raise TextgraftError(
            "this process was forked after TensorFlow had started, which does not work in forks; use the start method "
            '"spawn", or create and load models in the worker processes only'
        )


@cache
def thread_pool() -> ThreadPoolExecutor:
    """Threads that compute side by side, one per core, for the life of the process.

    TensorFlow keeps about 1 KB for each thread that has ever called it, so threads are not made for each call.
    """
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="textgraft")


def provide_standard_streams() -> None:
    """Open what is closed of standard input and output: input ends at once, and writing fails with an OSError.

    The numbers of all three are taken, so that no file that is opened later gets one, and what is printed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (for the life of the process)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def provide_home() -> None:
    """Give libraries, which write to the home folder, a private temporary folder where there is none to write to."""
    try:
        home = Path.home()
    except RuntimeError:  # HOME is not set, and the user has no entry in the password file
        os.environ["HOME"] = str(_private_folder())
        return
    if not os.access(home, os.W_OK):
        for name in ("KERAS_HOME", "MPLCONFIGDIR"):
            os.environ.setdefault(name, str(_private_folder()))


def _private_folder() -> Path:
    """A temporary folder of this user, the same in each process unless another user has taken its name."""
    folder = Path(tempfile.gettempdir()) / f"textgraft-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    is_private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    return folder if is_private else Path(tempfile.mkdtemp(prefix="textgraft-"))


def _start() -> int:
    """Import everything, once; returns the id of the process that did."""
    with _STARTING:
        return _import_everything()


@cache
def _import_everything() -> int:
    provide_home()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prefer_onednn()
    with suppressed_native_stderr():
        import keras_hub  # noqa: F401
        import tensorflow as tf
        import tensorflow_text  # noqa: F401

        tf.config.list_logical_devices()
        for logger in ("tensorflow", "absl"):
            logging.getLogger(logger).setLevel(logging.ERROR)
    if misses_onednn():
        warn(
            "TensorFlow was imported before textgraft, and computes without oneDNN, which is faster on this processor; "
            "set the environment variable TF_ENABLE_ONEDNN_OPTS to 1, or to 0 to keep it so"
        )
    return os.getpid()


def choose_precision(precision: str) -> str:
    """The Keras dtype policy for a precision: "auto", "float32" or "mixed_bfloat16"; others raise a ConfigError.

    "auto" selects mixed_bfloat16 where the first GPU (compute capability 8 or higher) or the CPU (AVX-512 BF16 or AMX)
    multiplies bfloat16 in hardware, unless float32 is over 1.5 times as fast in a short benchmark.
    """
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ConfigError(
            f"precision {' '.join(repr(precision).split()):.60} is unknown; choose one of {', '.join(PRECISIONS)}"
        )
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if _multiplies_bfloat16() and not _bfloat16_is_slower() else "float32"


def versions() -> dict[str, str]:
    """Versions of the packages that determine numerical results.

    They are asked from the modules, since TensorFlow is also installed under other names, such as tensorflow-cpu.
    """
    names = ("textgraft", "tensorflow", "tensorflow-text", "keras", "keras-hub", "numpy")
    return {name: import_module(name.replace("-", "_")).__version__ for name in names}


@cache
def _multiplies_bfloat16() -> bool:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return tuple(tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))) >= (8, 0)
    return processor().multiplies_bfloat16 and not _onednn_lacks_bfloat16()


def _onednn_lacks_bfloat16() -> bool:
    """Whether the user limits oneDNN to instructions without bfloat16, whose products then end the process."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper()
    return not any(name in limit for name in ("BF16", "FP16", "AMX", "ALL", "DEFAULT"))


@cache
def _bfloat16_is_slower() -> bool:
    """Whether a matrix product takes over 1.5 times as long as in float32; the margin absorbs the machine's load."""
    import tensorflow as tf

    def fastest(dtype: tf.DType) -> float:
        vectors, weights = tf.ones((1024, 384), dtype), tf.ones((384, 1536), dtype)
        seconds = []
        for _ in range(9):
            start = time.perf_counter()
            tf.linalg.matmul(vectors, weights).numpy()
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    return fastest(tf.bfloat16) > 1.5 * fastest(tf.float32)


@contextmanager
def suppressed_native_stderr() -> Iterator[None]:
    """Suppress what is written to file descriptor 2, such as by native code, and print it after an error."""
    if sys.stderr:
        sys.stderr.flush()
    try:
        stderr = os.dup(2)
        file = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    except OSError:  # standard error is closed, or the disk is full
        yield
        return
    with file as buffer:
        os.dup2(buffer.fileno(), 2)
        try:
            yield
        except Exception:
            buffer.seek(0)
            os.write(stderr, buffer.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
