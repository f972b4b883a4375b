"""The names of engines and of their precisions; importing this file does not import numpy or TensorFlow."""

from importlib.util import find_spec

from textgraft.errors import ConfigError
from textgraft.runtime import PRECISIONS

TENSORFLOW, ONNX = "tensorflow", "onnx"
INT8 = "int8"

ENGINES = (TENSORFLOW, ONNX)
PREDICTION_PRECISIONS = (*PRECISIONS, INT8)

_PACKAGES = ("onnx", "onnxruntime")


def check_engine(engine: str, precision: str) -> None:
    """Check that an engine is known, computes in a precision, and has its packages.

    Raises:
        ConfigError: when it is not so.
    """
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ConfigError(f"engine {_shown(engine)} is unknown; choose one of {', '.join(ENGINES)}")
    if is_int8(precision) and engine == TENSORFLOW:
        raise ConfigError("precision int8 needs engine onnx; add it, or choose another precision")
    if engine != ONNX:
        return
    if not isinstance(precision, str) or precision not in ("auto", "float32", INT8):
        raise ConfigError(f"engine onnx computes in float32 and int8, not in precision {_shown(precision)}")
    require_packages("engine onnx")


def require_packages(user: str) -> None:
    """Check that the packages of engine onnx are installed; a ConfigError says what needs them."""
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ConfigError(f"{user} needs {' and '.join(missing)}; run: pip install 'textgraft[onnx]'")


def is_int8(precision: object) -> bool:
    """Whether a precision, or what a user passes for it, is int8."""
    return isinstance(precision, str) and precision == INT8


def network_precision(engine: str, precision: str) -> str:
    """The precision of a model whose backbone an engine computes, for `runtime.choose_precision`.

    Raises:
        ConfigError: see `check_engine`.
    """
    check_engine(engine, precision)
    return precision if engine == TENSORFLOW else "float32"


def _shown(value: object) -> str:
    from textgraft.data.python_inputs import one_line

    return one_line(value)
