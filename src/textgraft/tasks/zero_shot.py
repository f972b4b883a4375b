"""Classifiers that descriptions of the labels make, without a labelled text."""

from dataclasses import asdict
from math import inf
from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.data.descriptions import describe_by_name
from textgraft.data.seen_texts import ADAPTATION, SeenTexts
from textgraft.data.unlabelled import DEFAULT_BYTES, choose_unlabelled
from textgraft.errors import ConfigError
from textgraft.model_folder.co_training import CO_TRAINING
from textgraft.model_folder.config import ZERO_SHOT
from textgraft.tasks.co_training import co_train_by_descriptions, co_training_facts
from textgraft.tasks.label_descriptions import init_head_by_descriptions
from textgraft.tasks.ngrams import Ngrams
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.training.config import TrainingConfig


def set_zero_shot(model: Any, unlabelled: Dataset | None, limit: int | None) -> tuple[str, ...]:
    """Set a `TextClassifier` from the descriptions of its labels, and from unlabelled texts if there are any.

    Args:
        model: not trained.
        unlabelled: texts, of which `choose_unlabelled` takes some.
        limit: of their number; by default of number and size.

    Returns:
        lines about the unlabelled texts.

    Raises:
        ConfigError: for a model or a label that does not suit; see `TextClassifier.zero_shot`.
        DataError: for unusable texts.
    """
    if not isinstance(model.objective, SingleLabel) or model.pairs or model.architecture.hidden:
        raise ConfigError("zero-shot needs one label per single text, and no hidden layers; train a model instead")
    if "fit" in model.record:
        raise ConfigError("zero-shot would replace the head, which is trained; create a new model")
    model.descriptions = model.descriptions or describe_by_name(model.objective.labels)
    init_head_by_descriptions(model, model.descriptions)
    model.record[ZERO_SHOT] = True
    if unlabelled is None:
        return ()
    max_bytes, limit = (DEFAULT_BYTES, TrainingConfig.max_unlabelled) if limit is None else (inf, limit)
    texts = choose_unlabelled(unlabelled, {}, limit, model.architecture.seed, max_bytes)
    fitted = co_train_by_descriptions(model, texts)
    fitted.head.assign_to(model.head.layers[-1])
    ngrams = fitted.ngrams.to_model(1.0, model.architecture.cleaning)
    facts = {"features": ngrams.features, "weight": 1.0, "network_temperature": 1.0}
    model.ngrams = Ngrams(ngrams, {**facts, **asdict(fitted.ngrams.settings)})
    model.record[CO_TRAINING] = co_training_facts(texts, fitted.pseudo)
    model.seen = (model.seen or SeenTexts.of({}, texts.fingerprint())).with_texts({ADAPTATION: texts.digests()})
    return texts.notices
