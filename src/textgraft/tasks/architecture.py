"""Options of a task other than its backbone; importable without TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from textgraft.errors import ConfigError
from textgraft.options import check_options, option
from textgraft.text.cleaning import Cleaning
from textgraft.text.truncation import MIN_WINDOW, TRUNCATIONS, WINDOWS

if TYPE_CHECKING:
    from textgraft.backbones.base import Backbone


@dataclass(frozen=True)
class Architecture:
    """Options of a task other than its backbone; None takes the backbone family's default."""

    dropout: float = option(
        0.1, "Dropout rate of the head's inputs.", panel="Model", minimum=0, below=1, searchable=True
    )
    sequence_length: int | None = option(
        None,
        "Maximum tokens per text, special tokens included; longer texts are truncated. 0 for the backbone's limit.",
        panel="Model",
        shown_default="256 for transformers, no limit for word vectors",
        searchable=True,
    )
    truncation: str = option(
        "head",
        "Truncation of long texts: head, head+tail (half of each) or windows (all of it, outputs averaged).",
        panel="Model",
        choices=TRUNCATIONS,
        searchable=True,
    )
    pooling: str | None = option(
        None,
        "Pooling of token vectors into a text vector: mean, cls, max, last or sqrtn.",
        panel="Model",
        shown_default="the backbone's",
        searchable=True,
    )
    hidden: tuple[int, ...] = option(
        (), "Widths of ReLU layers between the text vector and the output, such as 16 or 64,16.", panel="Model"
    )
    cleaning: Cleaning = field(default_factory=Cleaning)
    seed: int = option(0, "Random seed of the head's initial weights.")


def resolve_architecture(options: Mapping[str, Any], backbone: "Backbone") -> Architecture:
    """The architecture with a backbone's defaults in place of None.

    Args:
        options: fields of `Architecture`.
        backbone: supplies the defaults.

    Raises:
        ConfigError: for an unknown field, or one that does not suit the backbone.
    """
    names = {field.name for field in fields(Architecture)}
    if unknown := options.keys() - names:
        raise ConfigError(f"unknown option {', '.join(sorted(unknown))}; choose from {', '.join(sorted(names))}")
    architecture = Architecture(**options)
    pooling = architecture.pooling or backbone.default_pooling
    if pooling not in backbone.poolings:
        raise ConfigError(
            f"pooling {pooling!r} does not suit {backbone.family}; choose one of {', '.join(backbone.poolings)}"
        )
    check_options(architecture)
    length = _sequence_length(architecture.sequence_length, backbone)
    if architecture.truncation == WINDOWS and (length is None or length < MIN_WINDOW):
        raise ConfigError(f"truncation windows needs a sequence_length of at least {MIN_WINDOW}, not {length}")
    return replace(architecture, pooling=pooling, sequence_length=length, hidden=tuple(architecture.hidden))


def _sequence_length(length: int | None, backbone: "Backbone") -> int | None:
    limit = backbone.max_sequence_length
    if length is None:
        default = backbone.training_defaults.sequence_length
        return min(default, limit) if default and limit else default
    if length < 0 or (limit is not None and length > limit):
        bounds = f"between 1 and {limit}, or 0 for {limit}" if limit else "at least 1, or 0 for no limit"
        raise ConfigError(f"sequence_length must be {bounds}, not {length}")
    return length or limit
