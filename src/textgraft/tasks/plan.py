"""The estimated cost of a training run."""

import resource
import sys
from dataclasses import dataclass

from textgraft.tasks.co_training import expected_run
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.fine_tuning.frozen import feature_extractor
from textgraft.tasks.ngrams import estimate_ngram_seconds
from textgraft.training.token_ids import TruncationCount


@dataclass(frozen=True)
class Plan:
    """Estimated cost of a run.

    Attributes:
        texts: number of texts per split.
        tokens: number of tokens per split, special tokens included, after truncation.
        truncated: truncated texts and tokens per split.
        steps: optimizer steps of all epochs, and of as many of a refit.
        trainable: number of trained parameters.
        parameters: number of all parameters.
        seconds: time until the end of the last validation, with feature extraction, without the final test.
        memory: peak, in bytes.
        notices: lines for the user about the examples.
    """

    texts: dict[str, int]
    tokens: dict[str, int]
    truncated: dict[str, TruncationCount]
    steps: int
    trainable: int
    parameters: int
    seconds: float
    memory: int
    notices: tuple[str, ...] = ()


def estimate_cost(run: Run) -> Plan:
    """Time some texts and steps of a run; no weight changes."""
    run = expected_run(run)
    mode, config = run.mode, run.mode.config
    tokens = {name: examples.inputs.tokens for name, examples in run.examples.items()}
    seconds, state_bytes = mode.estimate(run.examples)
    if config.head == "logistic" and mode.has_steps:
        seconds += feature_extractor(mode).estimate_seconds(tokens["train"])
    if run.unlabelled:
        tokens["unlabelled"] = run.unlabelled.examples.inputs.tokens
        seconds += feature_extractor(mode).estimate_seconds(tokens["unlabelled"])
    if config.ngrams:
        seconds += estimate_ngram_seconds(run)
    steps = run.steps_per_epoch * (config.epochs or 1) if mode.has_steps else 0
    if run.refit:
        all_tokens = run.refit.examples["train"].inputs.tokens.lengths.sum()
        seconds *= 1 + float(all_tokens / max(1, tokens["train"].lengths.sum()))
        steps += run.refit.steps_per_epoch * (config.epochs or 1)
    trainable, parameters = mode.parameter_counts()
    return Plan(
        texts={name: len(dataset) for name, dataset in run.all_data.items()},
        tokens={name: int(ids.lengths.sum()) for name, ids in tokens.items()},
        truncated={name: ids.truncated for name, ids in tokens.items()},
        steps=steps,
        trainable=trainable,
        parameters=parameters,
        seconds=seconds,
        memory=_peak_memory() + state_bytes,
        notices=tuple(notice for examples in run.examples.values() for notice in examples.notices),
    )


def _peak_memory() -> int:
    """Peak memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
