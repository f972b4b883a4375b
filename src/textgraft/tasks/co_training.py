"""Unlabelled texts train a classifier too, by co-training, where held-out labelled texts support that."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from math import inf
from typing import Any, NamedTuple

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.metrics import SINGLE_LABEL
from textgraft.data.unlabelled import DEFAULT_BYTES, choose_unlabelled
from textgraft.errors import ConfigError, DataError
from textgraft.model_folder.co_training import CO_TRAINING, CO_TRAINING_SCHEMA, describe_co_training
from textgraft.ngrams.co_training import CoTrained, CoTraining, Views
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.schema import Integer, Object
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import CoTrainedNgrams, FineTuning, Run, Unlabelled
from textgraft.tasks.fine_tuning.co_trained_head import CoTrainedHead
from textgraft.tasks.fine_tuning.extended_head import ExtendedHead
from textgraft.tasks.fine_tuning.frozen import FrozenVectors, with_pooled_vectors
from textgraft.tasks.held_out import training_folds
from textgraft.tasks.label_descriptions import cosine_kernel, description_prior, label_vectors
from textgraft.tasks.ngrams import count
from textgraft.tasks.objectives.single_label import best_temperature
from textgraft.tasks.texts import as_batches
from textgraft.training.callbacks import Callback
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.config import TrainingConfig
from textgraft.training.epochs import extend_for_few_texts
from textgraft.training.examples import Examples
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.linear_head import LinearHead
from textgraft.training.log_loss import label_logits, losses_at_best_temperature
from textgraft.training.pseudo_labels import PseudoLabels, label_shares, most_confident
from textgraft.training.state_files import read_arrays, read_state

# A network is trained on the texts that the head labels with at least this probability, calibrated on held-out texts:
# on 1,000 at most, and on none if they are less than 100. In more epochs it would learn their errors.
MIN_CONFIDENCE, NETWORK_TEXTS, MIN_NETWORK_TEXTS, NETWORK_EPOCHS = 0.9, 1000, 100, 2

# Without descriptions, a head with a lower accuracy on held-out texts is sure of too many errors, and a network that is
# fine-tuned on the labelled texts alone is better than it (docs/measurements.md).
MIN_ACCURACY = 0.8

# Labelled texts beyond which an unlabelled text adds nothing that they do not say better.
MAX_LABELLED_TEXTS = 2000

_NONE = np.empty(0)

TOO_FEW = "no word occurs in four texts, so that co-training learns nothing from them; add texts"

_TRAIN, _VALIDATION, _UNLABELLED = "train", "validation", "unlabelled"
_FACTS, _ARRAYS = "co-training.json", "co-training.safetensors"
_STATE = Object({"facts": CO_TRAINING_SCHEMA, "texts": Integer(0)})


class Outcome(NamedTuple):
    """Heads on pretrained embeddings that were fitted to labelled and unlabelled texts, and what held-out texts say.

    Attributes:
        facts: see `CO_TRAINING_SCHEMA`.
        head: fitted to all texts; from it a network starts.
        pseudo: labels of texts that a network is to be trained on, those of head and n-grams.
    """

    facts: dict[str, Any]
    head: LinearHead
    pseudo: PseudoLabels


class FrozenOutcome(NamedTuple):
    """What a frozen model is set to.

    Attributes:
        held_out: logits (n, units) for the training texts by heads like that of the outcome, without the text's fold.
        ngrams: fitted with the head.
    """

    held_out: np.ndarray
    ngrams: CoTrainedNgrams


def why_no_unlabelled(task: Task, config: TrainingConfig) -> str:
    """Why texts without labels cannot train a task beside labelled ones; empty where they can."""
    if not task.pooled or task.pairs or task.objective.selectable != SINGLE_LABEL:
        return "unlabelled texts train classifiers of one label per single text; drop unlabelled"
    if config.balance != "none":
        return "unlabelled does not support balance; drop one"
    return ""


def add_unlabelled(run: Run, texts: Dataset, defaults: TrainingConfig, options: Mapping[str, Any]) -> Run:
    """A prepared run with texts without labels, those of its labelled texts excluded.

    Args:
        run: as it was prepared without them.
        texts: texts; labels, if there are any, are ignored.
        defaults: the config of a run on texts that are not few.
        options: training options that the user set.

    Raises:
        ConfigError: for a network that is refitted, and for a model that extends another one.
        DataError: when no text is left; see `choose_unlabelled`.
    """
    if isinstance(run.mode, ExtendedHead):
        raise ConfigError("a model that extends another one is trained on labelled texts only; drop unlabelled")
    if run.mode.has_steps and run.mode.config.refit:
        raise ConfigError("refit of a network that is fine-tuned does not support unlabelled; drop one")
    mode, seed = run.mode, run.mode.config.seed
    max_bytes = DEFAULT_BYTES if options.get("max_unlabelled") is None else inf
    data = choose_unlabelled(texts, run.data, mode.config.max_unlabelled, seed, max_bytes)
    tokens = mode.task.tokenize(as_batches(data), mode.id_cache())
    examples = Examples(tokens, np.zeros(len(data), np.int32))
    run.examples[_TRAIN].notices += data.notices

    def mode_for(rows: int) -> FineTuning:
        epochs = options.get("epochs") or NETWORK_EPOCHS
        config = replace(mode.config, epochs=epochs, patience=defaults.patience)
        return mode.with_config(extend_for_few_texts(config, rows, options, mode.min_steps))

    ngrams = options.get("ngrams")
    ngrams = not mode.has_steps and (not mode.config.keep_replay if ngrams is None else ngrams)
    return replace(run, unlabelled=Unlabelled(data, examples, mode_for, np.empty(0, np.int64), ngrams))


def co_train(run: Run, run_facts: Mapping[str, Any], checkpoints: Checkpoints | None, callback: Callback) -> Run:
    """The run with its unlabelled texts among the training examples; without them where held-out texts are against it.

    Args:
        run: a run, which is returned as it is if it has no unlabelled texts.
        run_facts: what identifies it.
        checkpoints: of the run, which keep the labels for a process that resumes it.
        callback: receives messages.
    """
    mode, unlabelled = run.mode, run.unlabelled
    if unlabelled is None:
        return run
    if len(run.examples[_TRAIN]) > MAX_LABELLED_TEXTS:
        callback.on_message(f"co-training: not used: more than {MAX_LABELLED_TEXTS:,} labelled texts")
        return replace(run, unlabelled=None)
    if mode.has_steps:
        outcome = _stored_outcome(run, unlabelled, run_facts, checkpoints, callback)
        trained = _with_pseudo_labels(run, unlabelled._replace(head=outcome.head), outcome.pseudo)
    else:
        vectors = _pooled_vectors(run, unlabelled, callback)
        outcome, frozen = _fit_views(run, unlabelled, vectors, callback)
        config = replace(mode.config, ngrams=unlabelled.ngrams)
        trained = replace(run, mode=CoTrainedHead(mode.task, config, vectors, outcome.head, *frozen))
    callback.on_message(f"co-training: {describe_co_training(outcome.facts)}")
    trained = replace(run, unlabelled=None) if outcome.facts["not_used_because"] else trained
    trained.mode.record = {CO_TRAINING: outcome.facts}
    return trained


def co_train_by_descriptions(task: Any, texts: Dataset) -> CoTrained:
    """Head and n-grams of a classifier whose descriptions label texts, with no labelled text.

    Args:
        task: a classifier of one label per single text, with descriptions.
        texts: texts that differ; see `choose_unlabelled`.

    Raises:
        ConfigError: see `label_vectors`.
        DataError: for texts without a common n-gram.
    """
    tokens = task.tokenize(as_batches(texts))
    vectors = compute_outputs(inference_step(task.pool, task.input_spec), tokens, task.batch_tokens)
    counts = count(texts, task.architecture.cleaning)
    kernel = cosine_kernel(label_vectors(task, task.descriptions)[0], 1.0, task.objective.width)
    none = Views(vectors[:0], counts[:0])
    strategy = CoTraining(task.objective.width, none, np.empty(0, np.int64), Views(vectors, counts), kernel)
    if not strategy.is_possible:
        raise DataError(f"{texts.source}: {TOO_FEW}")
    return strategy.fit()


def expected_run(run: Run) -> Run:
    """A run as it is if its unlabelled texts are used, with other texts and labels than those that will be chosen."""
    if run.unlabelled is None or not run.mode.has_steps:
        return run
    rows = np.arange(min(NETWORK_TEXTS, len(run.unlabelled.data)))
    return _with_pseudo_labels(run, run.unlabelled, PseudoLabels(rows, np.zeros(len(rows), np.int32), 1.0))


def _with_pseudo_labels(run: Run, unlabelled: Unlabelled, pseudo: PseudoLabels) -> Run:
    """The run whose labelled training texts are followed by others with labels."""
    labelled = run.examples[_TRAIN]
    mode = unlabelled.mode_for(len(labelled) + len(pseudo.rows))
    texts = chain(as_batches(run.data[_TRAIN]), as_batches(unlabelled.data.take(pseudo.rows)))
    tokens = mode.task.tokenize(texts, mode.id_cache())
    tokens.truncated = labelled.inputs.tokens.truncated  # the record counts those of the labelled texts
    targets = np.concatenate([np.asarray(labelled.targets), pseudo.labels])
    examples = Examples(tokens, targets, notices=labelled.notices)
    return replace(
        run,
        mode=mode,
        examples={**run.examples, _TRAIN: examples},
        unlabelled=unlabelled._replace(rows=pseudo.rows),
    )


def _stored_outcome(
    run: Run, unlabelled: Unlabelled, run_facts: Mapping[str, Any], checkpoints: Checkpoints | None, callback: Callback
) -> Outcome:
    """The outcome of `_fit_views`, now or in an earlier process of this run."""

    def fit() -> Outcome:
        return _fit_views(run, unlabelled, _pooled_vectors(run, unlabelled, callback), callback)[0]

    def files() -> dict[str, FileContent]:
        facts, head, pseudo = fit()
        arrays = {**head._asdict(), "rows": pseudo.rows, "labels": pseudo.labels}
        state = {"facts": facts, "texts": len(pseudo.rows)}
        return {_FACTS: [json.dumps(state).encode()], _ARRAYS: to_safetensors(arrays)}

    if checkpoints is None:
        return fit()
    folder = checkpoints.prepared_files("co_training", run_facts, files)
    state = read_state(folder / _FACTS, _STATE)
    task: Any = run.mode.task
    units, rows = task.objective.width, (state["texts"],)
    shapes = {"kernel": (task.backbone.dim, units), "bias": (units,), "rows": rows, "labels": rows}
    arrays = read_arrays(folder / _ARRAYS, shapes)
    facts, head = state["facts"], LinearHead(arrays["kernel"], arrays["bias"])
    return Outcome(facts, head, PseudoLabels(arrays["rows"], arrays["labels"], facts["confidence"]))


def _pooled_vectors(run: Run, unlabelled: Unlabelled, callback: Callback) -> dict[str, Examples[Any]]:
    """The sets of the run and the unlabelled texts, with pooled vectors."""
    sets = {**run.examples, _UNLABELLED: unlabelled.examples}
    mode = FrozenVectors(run.mode.task, run.mode.config)
    return dict(zip(sets, with_pooled_vectors(mode, [*sets.values()], callback), strict=True))


def _fit_views(
    run: Run, unlabelled: Unlabelled, sets: Mapping[str, Examples[Any]], callback: Callback
) -> tuple[Outcome, FrozenOutcome]:
    """The outcome of co-training for a network, and for a frozen model."""
    task: Any = run.mode.task
    train, targets = sets[_TRAIN], np.asarray(sets[_TRAIN].targets)
    labelled, others = (
        Views(sets[name].inputs.values, count(data, task.architecture.cleaning))
        for name, data in ((_TRAIN, run.data[_TRAIN]), (_UNLABELLED, unlabelled.data))
    )
    prior = description_prior(task, len(train), callback)
    strategy = CoTraining(task.objective.width, labelled, targets, others, prior.kernel if prior else None)
    if not strategy.is_possible:
        raise DataError(f"{unlabelled.data.source}: {TOO_FEW}")
    fitted = strategy.fit(on_prior=prior.on_fitted) if prior else strategy.fit()
    folds = training_folds(run)
    first, head, ngrams = strategy.held_out(folds, labelled)
    with_ngrams = run.mode.has_steps or unlabelled.ngrams
    rows = folds >= 0
    parts = [(targets[rows], first[rows], (head + ngrams if with_ngrams else head)[rows])]
    if _VALIDATION in sets:
        views = Views(sets[_VALIDATION].inputs.values, count(run.data[_VALIDATION], task.architecture.cleaning))
        after = fitted.logits(views) if with_ngrams else fitted.head.outputs(views.vectors)
        parts.append((np.asarray(sets[_VALIDATION].targets), fitted.first.outputs(views.vectors), after))
    held_out = [np.concatenate(column) for column in zip(*parts, strict=True)]
    temperature, pseudo = _compare(*held_out)["temperature"], fitted.pseudo
    if run.mode.has_steps:
        share = min(1.0, NETWORK_TEXTS / len(unlabelled.data))
        shares = label_shares(targets, len(task.objective.labels))
        pseudo = most_confident(fitted.logits(others) / temperature, share, shares, MIN_CONFIDENCE)
    facts = co_training_facts(unlabelled.data, pseudo, *held_out)
    facts |= {"confidence": pseudo.confidence} if run.mode.has_steps else {}
    start = fitted.head.times(1 / temperature) if run.mode.has_steps else fitted.head
    facts["not_used_because"] = _why_not_used(run, facts)
    outcome = Outcome(facts, start, pseudo)
    return outcome, FrozenOutcome(head, CoTrainedNgrams(fitted.ngrams, ngrams))


def _why_not_used(run: Run, facts: Mapping[str, Any]) -> str:
    """Why the unlabelled texts are not used; empty where they are."""
    if not facts["held_out"]:
        return "no label has two texts, one of which could be held out"
    if facts["loss_after"] > facts["loss_before"] + facts["loss_error"]:
        return "the log loss of held-out texts is higher, by more than its standard error"
    if not run.mode.has_steps:
        return ""
    if not run.mode.task.descriptions and facts["accuracy_after"] < MIN_ACCURACY:
        return (
            f"without descriptions, a network needs a head with an accuracy of at least {MIN_ACCURACY} on these texts; "
            "fine_tune none does not"
        )
    if facts["labelled"] < min(MIN_NETWORK_TEXTS, facts["texts"]):
        return f"less than {MIN_NETWORK_TEXTS} texts have a label with a probability of at least {MIN_CONFIDENCE}"
    return ""


def co_training_facts(
    texts: Dataset,
    pseudo: PseudoLabels,
    targets: np.ndarray = _NONE,
    before: np.ndarray = _NONE,
    after: np.ndarray = _NONE,
) -> dict[str, Any]:
    """See `CO_TRAINING_SCHEMA`; the last arguments, of held-out texts, are those of `_compare`."""
    return {
        "not_used_because": "",
        "source": texts.source,
        "texts": len(texts),
        "sha256": texts.fingerprint(),
        "labelled": len(pseudo.rows),
        "held_out": len(targets),
        **_compare(targets, before, after),
    }


def _compare(targets: np.ndarray, before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Log loss at the best temperature of each, and accuracy, of two kinds of logits of held-out texts.

    "temperature" is that which calibrates the second ones; "loss_error" is the standard error of the difference of the
    losses. Zeros without texts.
    """
    names = ("loss_before", "loss_after", "loss_error", "accuracy_before", "accuracy_after")
    if not len(targets):
        return {**dict.fromkeys(names, 0.0), "temperature": 1.0}
    logits = [label_logits(outputs) for outputs in (before, after)]
    losses = [losses_at_best_temperature(each, targets) for each in logits]
    error = (losses[1] - losses[0]).std() / np.sqrt(len(targets))
    accuracies = [np.mean(each.argmax(axis=1) == targets) for each in logits]
    values = (losses[0].mean(), losses[1].mean(), error, *accuracies)
    temperature = best_temperature(targets, logits[1])
    return {**dict(zip(names, map(float, values), strict=True)), "temperature": temperature}
