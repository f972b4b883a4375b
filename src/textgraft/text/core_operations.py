"""Whether graphs are traced with TensorFlow's own operations only, as those of exported models are.

Training uses the operations of TensorFlow Text, which are faster, and give the same results.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_ON: ContextVar[bool] = ContextVar("core_operations", default=False)


@contextmanager
def core_operations() -> Iterator[None]:
    """Trace graphs in the context with TensorFlow's own operations only."""
    token = _IS_ON.set(True)
    try:
        yield
    finally:
        _IS_ON.reset(token)


def uses_core_operations() -> bool:
    """Whether the caller is in such a context."""
    return _IS_ON.get()
