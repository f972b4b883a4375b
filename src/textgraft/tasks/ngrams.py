"""N-grams beside the network of a text classifier: fitting, and the decision whether they are used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.ngrams.combination import equal_combination, fit_combination
from textgraft.ngrams.fitting import NgramRegression, assign_folds
from textgraft.ngrams.matrix import count_texts
from textgraft.ngrams.model import NgramModel
from textgraft.task_specs import TaskSpec, task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import FineTuning, Run
from textgraft.tasks.held_out import HeldOut, training_folds
from textgraft.tasks.texts import WINDOW
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import TrainingConfig
from textgraft.training.log_loss import label_logits

if TYPE_CHECKING:
    import scipy.sparse as sp

# Held-out texts below which the weight of the n-grams would be a matter of chance.
MIN_HELD_OUT = 30
# Training texts beyond which n-grams are not fitted by default: their counts, like the texts, would take gigabytes.
_MAX_DEFAULT_TEXTS = 50_000
_SAMPLE = 256  # texts that a dry run fits


class Ngrams(NamedTuple):
    """The n-gram model of a text classifier, whose logits are added to the network's.

    Attributes:
        model: strings to logits.
        facts: what the model folder's config says about it, as JSON values; see `model_folder.ngrams`.
    """

    model: NgramModel
    facts: Mapping[str, Any]


class FittedBeside(NamedTuple):
    """N-grams fitted beside a network.

    Attributes:
        ngrams: with the weight folded in.
        temperature: of the sum of the logits of network and n-grams.
        logits: that sum for the validation texts, or without these for the cross-validated ones, float32 (n, width).
        summary: numbers for the log, which begin with the log loss of the held-out texts.
    """

    ngrams: Ngrams
    temperature: float
    logits: np.ndarray
    summary: str


def why_no_ngrams(spec: TaskSpec, settings: Mapping[str, Any], config: TrainingConfig) -> str:
    """Why a task with these settings cannot be trained with n-grams; empty where it can."""
    if not spec.takes_ngrams(settings):
        return "ngrams needs one label per single text; drop ngrams"
    return "" if config.balance == "none" else "ngrams does not support balance; drop one"


def drop_ngrams(model: Any) -> None:
    """Let a `TextClassifier` with n-grams answer by its network alone, at the temperature of that."""
    model.objective.temperature = model.ngrams.facts["network_temperature"]
    model.ngrams = None


def has_default_ngrams(task: Task, mode: FineTuning, splits: Mapping[str, Dataset], has_refit: bool) -> bool:
    """Whether n-grams are fitted where the user does not say: where enough texts that are held out can weigh them.

    Args:
        task: to be trained.
        mode: of its training.
        splits: the texts that train it and, unless a refit takes these too, "validation".
        has_refit: whether all texts are to train it.
    """
    if why_no_ngrams(task_spec(task.name), task.settings(), mode.config) or (has_refit and mode.has_steps):
        return False
    if mode.earlier or mode.config.keep_replay:  # a model that is extended has no texts to fit them to
        return False
    held_out = len(splits.get("validation", ())) + (0 if mode.has_steps else len(splits["train"]))
    return held_out >= MIN_HELD_OUT and len(splits["train"]) <= _MAX_DEFAULT_TEXTS


def fit_ngrams(run: Run, validation: HeldOut | None, cross_validated: HeldOut | None) -> FittedBeside | str:
    """Fit an n-gram model to the training texts, and its weight beside the network to held-out texts.

    Args:
        run: a trained run of a task with one label per single text.
        validation: the validation texts with the network's logits, if there are any.
        cross_validated: what `cross_validate` returns; there is at least one of the two.

    Returns:
        why the n-grams are not used, where they do not lower the log loss or cannot be fitted.
    """
    held_out = [part for part in (validation, cross_validated) if part]
    texts, folds = sum(len(part.targets) for part in held_out), training_folds(run)
    co_trained, cleaning = run.mode.ngrams, run.mode.task.architecture.cleaning
    if co_trained:
        fitted, held_out_logits = co_trained
    else:
        width = held_out[0].outputs.shape[1]
        regression = NgramRegression(count(run.data["train"], cleaning), np.asarray(run.targets), width, folds)
        if not regression.is_possible:
            return "too few training texts have an n-gram or a label in common"
        if texts < MIN_HELD_OUT:
            return f"{texts} validation texts are too few to weigh them, at least {MIN_HELD_OUT} are needed"
        settings = regression.choose_settings()
        fitted = regression.fit(settings)
        held_out_logits = regression.held_out_logits(settings) if cross_validated else np.empty(0)
    ngram_logits = []
    if validation:
        ngram_logits.append(fitted.logits(count(validation.data, cleaning)))
    if cross_validated:
        ngram_logits.append(held_out_logits[folds >= 0])
    pooled = [label_logits(np.concatenate(parts)) for parts in ([part.outputs for part in held_out], ngram_logits)]
    pooled_targets = np.concatenate([part.targets for part in held_out])
    if co_trained:
        combination = equal_combination(pooled_targets, *pooled)
    else:
        folds_of_pooled = assign_folds(np.arange(texts), pooled_targets, run.mode.config.seed)
        combination = fit_combination(pooled_targets, pooled[0], pooled[1], folds_of_pooled)
    losses = f"log loss of {texts:,} held-out texts {combination.network_loss:.3f} -> {combination.combined_loss:.3f}"
    if not (co_trained or combination.is_better):
        return losses
    weights = combination.weights
    factor = weights.ngrams * weights.temperature
    model = fitted.to_model(factor, cleaning)
    facts = {
        "features": model.features,
        "weight": weights.ngrams,
        "network_temperature": combination.network_temperature,
        **asdict(fitted.settings),
    }
    combined = (held_out[0].outputs + factor * ngram_logits[0]).astype(np.float32)
    summary = (
        f"{losses}; {model.features:,} n-grams, weight {weights.ngrams:.2f}, temperature {weights.temperature:.2f}"
    )
    return FittedBeside(Ngrams(model, facts), weights.temperature, combined, summary)


def estimate_ngram_seconds(run: Run) -> float:
    """The time of `fit_ngrams`, extrapolated from some texts."""
    texts = len(run.data["train"])
    sample = run.data["train"].take(range(min(_SAMPLE, texts)))
    start = time.monotonic()
    targets = np.asarray(run.examples["train"].targets[: len(sample)])
    folds = assign_folds(sample.digests(), targets, run.mode.config.seed)
    counts = count(sample, run.mode.task.architecture.cleaning)
    regression = NgramRegression(counts, targets, run.mode.task.head.layers[-1].units, folds)
    if regression.is_possible:
        regression.fit(regression.choose_settings())
    return (time.monotonic() - start) * texts / len(sample)


def count(data: Dataset, cleaning: Cleaning) -> sp.csr_matrix:
    """Counts of n-grams, float32 (n, `BUCKETS`), of single texts."""
    return count_texts((batch.inputs for batch in data.batches(WINDOW)), cleaning)
