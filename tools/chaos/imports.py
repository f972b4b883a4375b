"""Imports what commands import, for processes to be forked from: no thread and no device of TensorFlow is started."""

from textgraft.runtime import suppressed_native_stderr

with suppressed_native_stderr():
    import keras_hub  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import optuna  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import tensorflow  # noqa: F401
    import tensorflow_text  # noqa: F401

    import textgraft.cli.app
    import textgraft.cli.inputs
    import textgraft.tasks.text_classification  # noqa: F401
