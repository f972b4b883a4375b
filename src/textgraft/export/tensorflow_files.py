"""Errors of files that TensorFlow writes."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from textgraft.errors import error_summary


@contextmanager
def tensorflow_file_errors() -> Iterator[None]:
    """Raise an OSError, of the system's number if TensorFlow's message has its text, for TensorFlow's errors."""
    try:
        yield
    except tf.errors.OpError as error:
        message = error_summary(error)
        code = next((code for code in errno.errorcode if f"; {os.strerror(code)}" in message), None)
        raise OSError(message) if code is None else OSError(code, os.strerror(code)) from error
