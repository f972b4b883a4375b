"""TensorFlow's SavedModel, from strings to answers, for TensorFlow Serving and programs in any language."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.data.golden_texts import ORDINARY
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.tensorflow_files import tensorflow_file_errors
from textgraft.export.warm_up import write_warm_up
from textgraft.tasks.base import Task
from textgraft.text.core_operations import core_operations

_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_INPUTS = ("text", "text_pair")
# The programs that have operations which are not TensorFlow's own.
_TEXT_RUNTIMES = "TensorFlow Text ({operations}): tensorflow_text in Python, or TensorFlow Serving from version 2.11"
_REPETITIONS = 8  # about 1,000 tokens


class SavedModel(ExportFormat):
    """A folder with the signature `serving_default`: `text` and, for pairs, `text_pair`, string (n,), to answers."""

    options, has_ngrams, has_rejection = ("ops",), True, True

    def write(self, model: Task, folder: Path) -> Requirements:
        specs = [tf.TensorSpec([None], tf.string, name) for name in _INPUTS[: 1 + model.pairs]]
        with core_operations() if self.selected.ops == "core" else nullcontext():
            serve = tf.function(model.serve, input_signature=specs, autograph=False).get_concrete_function()
        module = tf.Module()
        # The variables and tables that the graph reads must be attributes.
        module.weights = [weight.value for weight in model.weights.values()]
        module.tables = model.backbone.tables
        with tensorflow_file_errors():
            tf.saved_model.save(module, str(folder), signatures={_SIGNATURE: serve})
            write_warm_up(folder, _SIGNATURE, _warm_up_requests(model.pairs))
        operations = _operations(serve.graph.as_graph_def())
        others = [name for name in operations if not hasattr(tf.raw_ops, name)]
        return Requirements([_TEXT_RUNTIMES.format(operations=", ".join(others))] if others else [], operations)

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        import tensorflow_text  # noqa: F401  (registers its operations)

        return partial(_answer, tf.saved_model.load(str(folder)))


def _warm_up_requests(pairs: bool) -> list[dict[str, Sequence[str]]]:
    """A request of one short text, one of several, and one of a text that is longer than most models take."""
    batches = [ORDINARY[:1], ORDINARY, [" ".join(ORDINARY * _REPETITIONS)]]
    return [dict.fromkeys(_INPUTS[: 1 + pairs], texts) for texts in batches]


def _answer(loaded: Any, texts: Sequence[Text]) -> Answers:
    columns = np.array(texts, object).reshape(len(texts), -1).T  # (1 or 2, n)
    inputs = {name: tf.constant(column, tf.string) for name, column in zip(_INPUTS, columns, strict=False)}
    return {name: output.numpy() for name, output in loaded.signatures[_SIGNATURE](**inputs).items()}


def _operations(graph: tf.compat.v1.GraphDef) -> list[str]:
    """Names of all operations."""
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    functions = {function.signature.name for function in graph.library.function}
    return sorted({node.op for node in nodes} - functions)
