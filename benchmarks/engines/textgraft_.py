"""textgraft: `python -m benchmarks.engines.textgraft_ FOLDER auto|float32 REPETITIONS`."""

import math
from collections.abc import Callable

import numpy as np

import textgraft as tg
from benchmarks.engines import contract, op_times


def main() -> None:
    """Measure a batch of prediction and a training step, and the share of matrix products in the time of both."""
    folder, precision, repetitions = contract.arguments()
    model = new_model(folder, precision)
    works = {contract.FORWARD: lambda *shape: forward(model, *shape), contract.STEP: lambda *s: _step(model, *s)}
    shares = {
        name: {contract.shape_name(*shape): op_times.product_share(work(*shape)) for shape in contract.SHAPES}
        for name, work in works.items()
    }
    contract.print_seconds(works, repetitions, precision=model.precision, product_time_share=shares)


def new_model(folder: str, precision: str) -> tg.TextClassifier:
    """A classifier that takes texts of all shapes."""
    labels = [f"label {index}" for index in range(contract.CLASSES)]
    longest = max(tokens for _, tokens in contract.SHAPES)
    return tg.TextClassifier(folder, labels, sequence_length=longest, precision=precision)


def forward(model: tg.TextClassifier, texts: int, tokens: int) -> Callable[[], object]:
    """A call that does what `predict` does with the token ids of a batch."""
    inputs = _token_ids(texts, tokens)
    return lambda: model._compute_outputs(inputs)


def _token_ids(texts: int, tokens: int) -> object:
    from textgraft.training.token_ids import TokenIds, TruncationCount

    return TokenIds(contract.token_ids(texts, tokens).ravel(), np.full(texts, tokens), TruncationCount())


def _step(model: tg.TextClassifier, texts: int, tokens: int) -> Callable[[], object]:
    """What `fit` does for a batch, on a table of the used token embeddings as in `fit`."""
    from textgraft.training.embedding_subset import EmbeddingSubset
    from textgraft.training.examples import Examples
    from textgraft.training.step import Network, TrainingStep

    inputs, rows = _token_ids(texts, tokens), np.arange(texts)
    config = model.training_config({})
    subset = EmbeddingSubset(model.backbone.token_embedding, inputs.ids, inputs.ids[:0], contract.WEIGHT_DECAY)
    network = Network(model.model, model.forward, model.objective, embedding_subset=subset)
    step = TrainingStep(network, Examples(inputs, contract.targets(texts)), config)

    def run() -> object:
        result = step(rows, contract.LEARNING_RATE, 0)
        if not math.isfinite(result.norm):
            raise ValueError("the gradients are not finite")
        return result

    return run


if __name__ == "__main__":
    main()
