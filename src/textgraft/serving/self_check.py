"""The check of a model before it is served: texts that break tokenizers, in a batch and each by itself."""

import time
from collections.abc import Sequence

from textgraft.data.golden_texts import golden_texts
from textgraft.errors import TextgraftError
from textgraft.evaluation.answer_comparison import as_lists, largest_difference
from textgraft.export.format import Answers, Text
from textgraft.serving.answers import join_rows_of
from textgraft.serving.served_model import ServedModel
from textgraft.tasks.golden_answers import compare_with_golden
from textgraft.training.token_ids import TruncationCount


def check_answers(model: ServedModel) -> None:
    """Require finite answers to the golden texts that do not depend on the texts beside them, and are those stored.

    The answers of a batch are compared in float32; in other precisions their rounding depends on its size. The graph is
    traced and the first estimate of times is made along the way.

    Raises:
        PredictionError: for an answer that is not finite.
        TextgraftError: for an answer that differs.
    """
    texts = model.golden.texts if model.golden else golden_texts(model.task.pairs)
    model.answers(texts, TruncationCount())
    together = _timed(model, texts)
    alone = [_timed(model, [text]) for text in texts]
    in_float32 = model.task.precision == "float32" and model.task.quantization is None
    if in_float32:
        try:
            largest_difference(together, as_lists(join_rows_of(alone)), texts)
        except ValueError as error:
            raise TextgraftError(f"{model.source} is not served: its answers depend on the batch: {error}") from error
    if model.golden:
        try:
            compare_with_golden(model.golden, alone, in_float32)
        except ValueError as error:
            raise TextgraftError(
                f"{model.source} is not served: {error}; compare processor and versions with those that `textgraft "
                "info` shows, or train it again here"
            ) from error


def _timed(model: ServedModel, texts: Sequence[Text]) -> Answers:
    started = time.monotonic()
    answers = model.answers(texts, TruncationCount())
    model.times.add(sum(map(model.cost, texts)), time.monotonic() - started)
    return answers
