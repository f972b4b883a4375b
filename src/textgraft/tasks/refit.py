"""Refit: training on all labelled texts, those included that were held out for validation."""

from collections.abc import Mapping
from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.tasks.fine_tuning.base import FineTuning

# Texts beyond which the tenth that is held out for validation no longer matters (docs/measurements.md).
MAX_REFIT_TEXTS = 2000


def choose_refit(mode: FineTuning, validation: Dataset, options: Mapping[str, Any]) -> Dataset | None:
    """The data to train on in place of training and validation texts; None where validation texts are held out.

    By default that is what logistic regression on few stored embeddings does, which is validated on each fifth of the
    texts in turn.

    Raises:
        ConfigError: where the user asks for it with validation texts of their own, or a mode that has steps.
    """
    data, chosen = validation.held_out_of, options.get("refit")
    if chosen and data is None:
        raise ConfigError("refit trains on the validation texts too, and validation names a set of its own; drop one")
    if chosen and mode.has_steps:
        raise ConfigError("refit needs logistic regression on a frozen backbone (--fine-tune none); drop refit")
    if data is None or mode.has_steps or chosen is False or (chosen is None and len(data) > MAX_REFIT_TEXTS):
        return None
    return data
