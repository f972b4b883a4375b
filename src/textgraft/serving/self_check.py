"""The check of a model before it is served: texts that break tokenizers, in a batch and each by itself."""

import time
from collections.abc import Sequence

from textgraft.errors import TextgraftError
from textgraft.export.answer_comparison import largest_difference
from textgraft.export.format import Answers, Text
from textgraft.export.golden_texts import golden_texts
from textgraft.serving.answers import join_rows_of
from textgraft.serving.served_model import ServedModel
from textgraft.training.token_ids import TruncationCount


def check_answers(model: ServedModel) -> None:
    """Require finite answers to the golden texts that do not depend on the texts beside them.

    The answers are compared in float32; in other precisions the rounding of a batch depends on its size. The graph is
    traced and the first estimate of times is made along the way.

    Raises:
        PredictionError: for an answer that is not finite.
        TextgraftError: for an answer that differs.
    """
    texts = golden_texts(model.task.pairs)
    model.answers(texts, TruncationCount())
    together = _timed(model, texts)
    alone = join_rows_of([_timed(model, [text]) for text in texts])
    if model.task.precision != "float32" or model.task.quantization is not None:
        return
    try:
        largest_difference(together, {name: values.tolist() for name, values in alone.items()}, texts)
    except ValueError as error:
        raise TextgraftError(f"{model.source} is not served: its answers depend on the batch: {error}") from error


def _timed(model: ServedModel, texts: Sequence[Text]) -> Answers:
    started = time.monotonic()
    answers = model.answers(texts, TruncationCount())
    model.times.add(sum(map(model.cost, texts)), time.monotonic() - started)
    return answers
