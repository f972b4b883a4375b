"""What a task is built with beside its backbone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from textgraft.backbones.base import Backbone
from textgraft.errors import ConfigError
from textgraft.text.cleaning import Cleaning
from textgraft.text.packing import LEAST_WINDOW, TRUNCATIONS, WINDOWS


@dataclass(frozen=True)
class Architecture:
    """What a task is built with beside its backbone; None stands for the backbone family's default.

    Attributes:
        pooling: token vectors to a text vector.
        hidden: widths of the ReLU layers between vector and output.
        dropout: share of the head's inputs dropped in training.
        sequence_length: longest row, special tokens included; 0 for the most the backbone can take.
        truncation: what is kept of a longer text: "head", "head+tail" for half of each, or "windows" for all of it, in
            windows whose outputs are averaged.
        cleaning: what is done to texts first.
        seed: of the head's first weights.
    """

    pooling: str | None = None
    hidden: tuple[int, ...] = ()
    dropout: float = 0.1
    sequence_length: int | None = None
    truncation: str = "head"
    cleaning: Cleaning = field(default_factory=Cleaning)
    seed: int = 0


def filled(given: Mapping[str, Any], backbone: Backbone) -> Architecture:
    """An architecture for a backbone, without None.

    Args:
        given: fields of `Architecture`.
        backbone: its family's defaults stand for None.

    Raises:
        ConfigError: for an unknown field, or one that does not suit the backbone.
    """
    known = {known.name for known in fields(Architecture)}
    if unknown := given.keys() - known:
        raise ConfigError(f"{', '.join(sorted(unknown))} is not one of {', '.join(sorted(known))}")
    architecture = Architecture(**given)
    pooling = architecture.pooling or backbone.default_pooling
    if pooling not in backbone.poolings:
        raise ConfigError(
            f"pooling {pooling!r} does not suit {backbone.family}; choose one of {', '.join(backbone.poolings)}"
        )
    if architecture.truncation not in TRUNCATIONS:
        raise ConfigError(f"truncation {architecture.truncation!r} is unknown; choose one of {', '.join(TRUNCATIONS)}")
    if not 0 <= architecture.dropout < 1:
        raise ConfigError(f"dropout is a share, at least 0 and below 1, not {architecture.dropout}")
    length = _sequence_length(architecture.sequence_length, backbone)
    if architecture.truncation == WINDOWS and (length is None or length < LEAST_WINDOW):
        raise ConfigError(f"truncation 'windows' needs a sequence_length, at least {LEAST_WINDOW}, not {length}")
    return replace(architecture, pooling=pooling, sequence_length=length, hidden=tuple(architecture.hidden))


def _sequence_length(asked: int | None, backbone: Backbone) -> int | None:
    most = backbone.max_sequence_length
    if asked is None:
        default = backbone.training_defaults.sequence_length
        return min(default, most) if default and most else default
    if asked < 0 or (most is not None and asked > most):
        raise ConfigError(f"sequence_length must be between 1 and {most}, or 0 for the most, not {asked}")
    return asked or most
