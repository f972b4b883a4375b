"""LiteRT, which TensorFlow Lite became: a network from token ids to outputs, for phones and small devices.

`model.tflite` has one signature per length, `length_N`: `input_ids`, `attention_mask` and, where the network has
segments, `token_type_ids`, int32 (1, N), to `logits`, float32 (1, outputs), or `vector`, float32 (1, dim). Its
operations are those of every LiteRT runtime. config.json and the tokenizer's files are those of a Hugging Face folder.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.errors import ConfigError, error_summary
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.hugging_face_answers import require_plain_texts, text_objective, text_settings
from textgraft.export.hugging_face_files import CONFIG, TOKENIZER, hugging_face_files
from textgraft.export.tensorflow_files import tensorflow_file_errors
from textgraft.export.wheel_runtime.rows import TextRows
from textgraft.storage.preset_files import read_json
from textgraft.storage.syncing import write_file
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier
from tokenizers import Tokenizer

NETWORK = "model.tflite"
LOGITS, VECTOR = "logits", "vector"

_PACKAGE = "ai_edge_litert"
_SIGNATURE, _SHORT_LENGTHS = "length_", (32, 128)
_INPUTS = {"token_ids": "input_ids", "padding_mask": "attention_mask", "segment_ids": "token_type_ids"}


class LiteRt(ExportFormat):
    """A folder for an interpreter of LiteRT and a tokenizer; batches have one text."""

    def require_packages(self, to: str) -> None:
        if find_spec(_PACKAGE) is None:
            raise ConfigError(f"format {to} needs the package ai-edge-litert; install textgraft[litert]")

    def write(self, model: Task, folder: Path) -> Requirements:
        if not model.pooled:
            raise ConfigError(f"models for {model.name} are not exported to litert; use savedmodel")
        require_plain_texts(model)
        if prompt := model.settings().get("prompt"):
            raise ConfigError(f"tokenizer.json has no prompt such as {prompt!r:.60}; use savedmodel")
        files = hugging_face_files(model)
        config = {**json.loads(files[CONFIG]), **(text_settings(model) if isinstance(model, TextClassifier) else {})}
        files[CONFIG] = f"{json.dumps(config, ensure_ascii=False, indent=1)}\n".encode()
        for name, content in files.items():
            write_file(folder / name, [content])
        write_file(folder / NETWORK, [_convert(model, folder)])
        return Requirements()

    def takes(self, model: Task, text: Text) -> bool:
        """Networks with fixed lengths take at least one token."""
        return any(text) or model.backbone.special_tokens.start is not None

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(folder / NETWORK))
        tokenizer, config = Tokenizer.from_file(str(folder / TOKENIZER)), read_json(folder / CONFIG)
        text_rows = TextRows(tokenizer, {"sequence_length": tokenizer.truncation["max_length"], "truncation": "head"})
        runners = {
            int(name.removeprefix(_SIGNATURE)): interpreter.get_signature_runner(name)
            for name in interpreter.get_signature_list()
        }

        def answer(texts: Sequence[Text]) -> Answers:
            rows = text_rows.pack(texts)
            outputs = [_run(runners, *row) for row in zip(rows.ids, rows.segments, strict=True)]
            values = np.concatenate([next(iter(output.values())) for output in outputs])
            return text_objective(config).named_answers(values) if "id2label" in config else {VECTOR: values}

        return answer


def _convert(model: Task, temporary: Path) -> bytes:
    """The converted network, pooling and head; a folder in `temporary` has its SavedModel meanwhile."""
    limit = model.architecture.sequence_length or 0
    lengths = [*(length for length in _SHORT_LENGTHS if length < limit), limit]
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights.values()]
    signatures = {f"{_SIGNATURE}{length}": _function(model, length) for length in lengths}
    with tempfile.TemporaryDirectory(dir=temporary) as folder:
        with tensorflow_file_errors():
            tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return bytes(converter.convert())
        except Exception as error:  # the converter raises an error of its own class, or of Python
            raise ConfigError(
                f"LiteRT has no form for {model.backbone.family}: {error_summary(error):.200}; use savedmodel"
            ) from error


def _function(model: Task, length: int) -> Any:
    """The function of a signature."""
    network = model.backbone.network
    names = [name for name in _INPUTS if name in network.input]
    output_map = model.output_map()

    def compute(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = {name: inputs[_INPUTS[name]] for name in names}
        outputs = model.head(_pool(network(rows), rows["padding_mask"], model.pooling.method))
        if output_map is None:
            return {VECTOR: outputs}
        factors, offsets = (tf.constant(array, tf.float32) for array in output_map)
        return {LOGITS: tf.matmul(outputs, factors) + offsets}

    specs = {_INPUTS[name]: tf.TensorSpec([1, length], tf.int32, _INPUTS[name]) for name in names}
    return tf.function(compute, autograph=False).get_concrete_function(**specs)


def _pool(vectors: tf.Tensor, mask: tf.Tensor, method: str) -> tf.Tensor:
    """Pooled vectors (1, dim) in float32, of at least one token; see `tasks.pooling`, which sums in float64."""
    weights = tf.cast(mask, tf.float32)[:, :, tf.newaxis]  # (1, t, 1)
    count = tf.reduce_sum(weights, axis=1)  # (1, 1)
    if method == "cls":
        return vectors[:, 0]
    if method == "last":
        following = tf.pad(weights[:, 1:], [[0, 0], [0, 1], [0, 0]])
        return tf.reduce_sum(vectors * (weights - following), axis=1)
    if method == "max":
        return tf.reduce_max(tf.where(weights > 0, vectors, tf.fill(tf.shape(vectors), vectors.dtype.min)), axis=1)
    total = tf.reduce_sum(vectors * weights, axis=1)
    return total / (tf.sqrt(count) if method == "sqrtn" else count)


def _run(runners: dict[int, Any], ids: list[int], segments: list[int]) -> dict[str, np.ndarray]:
    """The outputs for a row of tokens, at the shortest length that has space for them."""
    length = next(length for length in sorted(runners) if length >= len(ids))
    columns = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": segments}
    rows = {
        name: np.array([[*columns[name], *[0] * (length - len(ids))]], np.int32)
        for name in runners[length].get_input_details()
    }
    return dict(runners[length](**rows))
