"""int8 in predictions, which must prove itself: texts whose answers are compared with those in float32."""

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.data.dataset import Dataset
from textgraft.engines.engine import start_engine
from textgraft.engines.int8 import Quantization, processor_kind, weight_bits
from textgraft.engines.names import ONNX
from textgraft.errors import ConfigError, DataError, counted
from textgraft.tasks.row_results import RowResult

if TYPE_CHECKING:
    from textgraft.tasks.base import Task

MIN_AGREEMENT = 0.99
MAX_LOST = 0.003
MIN_TEXTS = 100
COSINE = "cosine similarity"
RANKING_TEXTS = 32  # by which products are ranked


class Agreement(NamedTuple):
    """How answers in int8 compare with those in float32.

    Attributes:
        agreement: share of equal answers, or mean cosine similarity of vectors.
        lost: of the metric, by the labels of the texts; 0 without labels.
        metric: name of the metric.
    """

    agreement: float
    lost: float
    metric: str

    @property
    def suffices(self) -> bool:
        """Whether int8 may answer."""
        return self.agreement >= MIN_AGREEMENT and self.lost <= MAX_LOST

    def require(self, texts: int, advice: str) -> None:
        """Raise a ConfigError, with the figures of a number of texts and with advice, when int8 may not answer."""
        if not self.suffices:
            raise ConfigError(
                f"int8 does not suffice: agreement {self.agreement:.4f} with float32 on {texts:,} texts, "
                f"{100 * self.lost:.2f} points of {self.metric} lost (limits: {MIN_AGREEMENT:g} and "
                f"{100 * MAX_LOST:g}); {advice}"
            )


def prove_by_labels(task: Any, data: Dataset, metric: str, with_progress: Any) -> dict[str, Any]:
    """Compute a model of labels in int8 from now on; see `prove_int8`.

    Args:
        task: a trainable task.
        data: labelled texts that it was not trained on.
        metric: that its `evaluate` returns.
        with_progress: of its `evaluate`.
    """

    def answer() -> tuple[list[Any], float]:
        answers: list[Any] = []
        metrics = task.evaluate(
            data, with_progress=with_progress, on_results=lambda _, results: answers.extend(map(_answer, results))
        )
        return answers, metrics[metric]

    task.use_engine(ONNX)
    expected, best = answer()

    def measure() -> Agreement:
        answers, score = answer()
        equal = sum(answer == reference for answer, reference in zip(answers, expected, strict=True))
        return Agreement(equal / len(expected), best - score, metric)

    tokens = task.examples(data.take(range(RANKING_TEXTS))).inputs.tokens
    return prove_int8(task, sample_rows(tokens.batch, len(tokens)), measure, data.source, len(data))


def _answer(result: RowResult) -> Any:
    """A prediction without its scores, to be compared with another one."""
    if isinstance(result.prediction, list):
        return [
            [item[name] for name in ("start", "end", "label")] if isinstance(item, dict) else item
            for item in result.prediction
        ]
    return result.prediction


def prove_int8(task: "Task", rows: Any, measure: Callable[[], Agreement], source: str, texts: int) -> dict[str, Any]:
    """Compute a model in int8 from now on, with as many products and tables in float32 as the limits ask for.

    First all products and tables are in int8; then the 1, 2, 4 ... that change token vectors most are in float32, at
    most half.

    Args:
        task: its engine is onnx, in float32; where int8 does not suffice, and after an error, it is so again.
        rows: packed rows of some of the texts.
        measure: compares answers of the task with those that it gave before.
        source: of the texts.
        texts: their number.

    Returns:
        the proof, as JSON values: an item of the field "int8" in a model folder's config.

    Raises:
        ConfigError: when int8 does not suffice.
    """
    bits, in_float32 = weight_bits(), 0
    ranked: list[str] = []
    while True:
        task.use_engine(ONNX, _quantization(bits, ranked[:in_float32]))
        try:
            result = measure()
        except BaseException:  # also an interruption: nothing is predicted in int8 without a proof
            task.use_engine(ONNX)
            raise
        if result.suffices:
            return {
                "processor": processor_kind(),
                "data": source,
                "texts": texts,
                **result._asdict(),
                "float32": ranked[:in_float32],
                "tables": True,
                "smoothed": True,
                "versions": {"onnxruntime": version("onnxruntime")},
            }
        ranked = ranked or _by_error(task, rows, bits)
        in_float32 = 2 * in_float32 or 1
        if in_float32 > len(ranked) // 2:
            task.use_engine(ONNX)
            result.require(texts, f"{ranked[0]} loses most; use precision float32")


def require_enough_texts(source: str, count: int) -> None:
    """Raise a DataError for too few texts of a source to prove int8 by."""
    if count < MIN_TEXTS:
        raise DataError(f"{source} has {counted(count, 'text')}; int8 is proved by at least {MIN_TEXTS}")


def stored_quantization(proofs: list[dict[str, Any]], folder: Any) -> Quantization:
    """The form of int8 that was proved on this kind of processor.

    Raises:
        ConfigError: when there is no such proof.
    """
    for proof in proofs:
        if proof["processor"] == processor_kind():
            newer = proof.get("tables", False), proof.get("smoothed", False)
            return Quantization(weight_bits(), frozenset(proof["float32"]), *newer)
    raise ConfigError(
        f"{folder} has no proof of int8 on this kind of processor ({processor_kind()}); run: textgraft quantize "
        f"{folder} FILE, with labelled texts that the model was not trained on"
    )


def _quantization(bits: int, in_float32: Iterable[str]) -> Quantization:
    """The form of int8 that is proved now."""
    return Quantization(bits, frozenset(in_float32), has_tables=True, smoothed=True)


def _by_error(task: "Task", rows: Any, bits: int) -> list[str]:
    """Names of the products and tables, the one first that alone changes the token vectors most."""
    reference = start_engine(ONNX, task.backbone)
    expected, mask = reference.vectors(rows)
    is_token = tf.cast(mask, tf.bool)
    errors = {}
    for product in reference.products:
        others = frozenset(reference.products) - {product}
        encoder = start_engine(ONNX, task.backbone, _quantization(bits, others))
        difference = tf.boolean_mask(encoder.vectors(rows)[0] - expected, is_token)
        errors[product] = float(tf.reduce_mean(tf.square(difference)))
    return sorted(errors, key=lambda product: -errors[product])


def sample_rows(batch: Callable[[np.ndarray], Any], count: int) -> Any:
    """The first packed rows of some inputs; windows are rows."""
    rows = batch(np.arange(min(RANKING_TEXTS, count)))
    return rows.values if isinstance(rows, tf.RaggedTensor) and rows.ragged_rank > 1 else rows
