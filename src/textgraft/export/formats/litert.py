"""LiteRT, which TensorFlow Lite became: a network from token ids to outputs, for phones and small devices.

`model.tflite` has one signature per length, `length_N`: `input_ids`, `attention_mask` and, where the network has
segments, `token_type_ids`, int32 (1, N), to `logits`, float32 (1, outputs), or `vector`, float32 (1, dim). Its
operations are those of every LiteRT runtime. config.json and the tokenizer's files are those of a Hugging Face folder.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tensorflow as tf

from textgraft.errors import ConfigError, error_summary
from textgraft.evaluation.answer_comparison import as_int8
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.hugging_face_answers import SETTINGS, require_plain_texts, text_settings
from textgraft.export.hugging_face_files import CONFIG, hugging_face_files
from textgraft.export.inference import threshold_needs
from textgraft.export.litert_network import NETWORK, SIGNATURE, VECTOR, LiteRtNetwork
from textgraft.export.litert_proof import read_proof
from textgraft.export.quantized import tolerance
from textgraft.export.tensorflow_files import tensorflow_file_errors
from textgraft.storage.syncing import write_file
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier

LOGITS = "logits"

_PACKAGE = "ai_edge_litert"
_SHORT_LENGTHS = (32, 128)
_INPUTS = {"token_ids": "input_ids", "padding_mask": "attention_mask", "segment_ids": "token_type_ids"}


class LiteRt(ExportFormat):
    """A folder for an interpreter of LiteRT and a tokenizer; batches have one text."""

    options = ("int8", "proof")
    _proved: Callable[[Sequence[Text]], Answers] | None = None  # the written network in int8

    def require_packages(self, to: str) -> None:
        if find_spec(_PACKAGE) is None:
            raise ConfigError(f"format {to} needs the package ai-edge-litert; install textgraft[litert]")

    def check(self, to: str) -> None:
        super().check(to)
        if self.selected.int8 != (self.selected.proof is not None):
            raise ConfigError(
                f"format {to} needs both --int8 and --proof FILE, labelled texts that the model was not trained on, or "
                "neither"
            )

    def write(self, model: Task, folder: Path) -> Requirements:
        if not model.pooled:
            raise ConfigError(f"models for {model.name} are not exported to litert; use savedmodel")
        require_plain_texts(model)
        if prompt := model.settings().get("prompt"):
            raise ConfigError(f"tokenizer.json has no prompt such as {prompt!r:.60}; use savedmodel")
        files = hugging_face_files(model)
        config = {**json.loads(files[CONFIG]), **(text_settings(model) if isinstance(model, TextClassifier) else {})}
        files[CONFIG] = f"{json.dumps(config, ensure_ascii=False, indent=1)}\n".encode()
        needs = threshold_needs(config.get(SETTINGS, {}), CONFIG)
        for name, content in files.items():
            write_file(folder / name, [content])
        if self.selected.proof is None:
            write_file(folder / NETWORK, [_convert(model, folder)])
            return Requirements(needs)
        proof = read_proof(model, self.selected.proof)  # before the conversion, which takes long
        write_file(folder / NETWORK, [_convert(model, folder, int8=True)])
        self._proved = self.open(folder)
        return Requirements(needs, proof=proof.check(LiteRtNetwork(folder)))

    def takes(self, model: Task, text: Text) -> bool:
        """Networks with fixed lengths take at least one token."""
        return any(text) or model.backbone.special_tokens.start is not None

    def reference(self, model: Task, texts: Sequence[Text]) -> Answers:
        """In int8 the answers of the written network, since no other program rounds as LiteRT does."""
        return self._proved(texts) if self._proved else model.reference_answers(texts)

    @staticmethod
    def tolerance(name: str) -> float:
        return tolerance(name)

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        network = LiteRtNetwork(folder)
        return partial(as_int8, network.answers) if network.is_int8 else network.answers


def _convert(model: Task, temporary: Path, int8: bool = False) -> bytes:
    """The converted network, pooling and head; a folder in `temporary` has its SavedModel meanwhile.

    In int8, weights of more than 1,024 values are rounded with a scale for each output; the other factors of their
    products are rounded while they are computed.
    """
    limit = model.architecture.sequence_length or 0
    lengths = [*(length for length in _SHORT_LENGTHS if length < limit), limit]
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights.values()]
    signatures = {f"{SIGNATURE}{length}": _function(model, length) for length in lengths}
    with tempfile.TemporaryDirectory(dir=temporary) as folder:
        with tensorflow_file_errors():
            tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if int8 else []
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
