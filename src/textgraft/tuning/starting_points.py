"""Where a search starts: what each preset can do, and the library's defaults, the cheapest way of fine-tuning first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from textgraft.errors import ConfigError
from textgraft.tasks.base import Architecture
from textgraft.tasks.text_classification import TextClassifier
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import FitConfig
from textgraft.tuning.candidate import Words, built
from textgraft.tuning.search_space import Choice, Space, Value

# What `fit` takes for a head that trains alone, where nothing is said.
HEAD_ALONE: Words = {"learning_rate": 1e-2, "epochs": 30, "batch_size": 32}

_CHEAPEST_FIRST = ("none", "last", "lora", "all")


@dataclass(frozen=True)
class Abilities:
    """What a preset can do.

    Attributes:
        ways: of fine-tuning, among those asked about.
        poolings: that suit it.
        longest: tokens of a text it can take; None for any number.
        defaults: the library's values for words of `textgraft train`, where it is trained as a whole.
    """

    ways: tuple[str, ...]
    poolings: tuple[str, ...]
    longest: int | None
    defaults: Words


def abilities(space: Space, labels: Sequence[str], fixed: Words) -> dict[str, Abilities]:
    """Load each preset once, and ask it.

    Args:
        space: its presets and ways of fine-tuning are asked about.
        labels: of the training texts.
        fixed: words that every candidate shares.

    Raises:
        PresetError: for the first preset that cannot be loaded.
    """
    return {preset: _asked(built({**fixed, "preset": preset}, labels), space.ways()) for preset in space.presets()}


def narrowed(space: Space, known: Mapping[str, Abilities]) -> tuple[Space, list[str]]:
    """The space without choices that suit none of its presets, and a line about each of those.

    Raises:
        ConfigError: when a word has no choice left.
    """
    suits: dict[str, Callable[[Abilities, Any], bool]] = {
        "fine_tune": lambda able, way: way in able.ways,
        "pooling": lambda able, pooling: pooling in able.poolings,
        "sequence_length": lambda able, length: able.longest is None or length <= able.longest,
    }
    notices = []
    for word, suit in suits.items():
        options = space.words.get(word)
        if not isinstance(options, Choice):
            continue
        left = tuple(value for value in options.values if any(suit(able, value) for able in known.values()))
        gone = ", ".join(str(value) for value in options.values if value not in left)
        if not left:
            raise ConfigError(f"{word} {gone} suits none of {', '.join(known)}; give other choices")
        if gone:
            notices.append(f"{word} {gone} suits none of {', '.join(known)} and is left out")
            space = space.with_values(word, left)
    return space, notices


def starting_points(space: Space, known: Mapping[str, Abilities]) -> list[dict[str, Value]]:
    """Options, by name, to try first: the library's defaults for each way of fine-tuning and each preset.

    Defaults that the space does not have are left open.

    Args:
        space: to search.
        known: its presets.
    """
    ways = sorted(space.ways(), key=lambda way: _CHEAPEST_FIRST.index(way.split(":")[0]))
    pairs = [(way, preset) for way in ways for preset, able in known.items() if way in able.ways]
    return [dict(_point(space, preset, way, known[preset].defaults)) for way, preset in pairs]


def _point(space: Space, preset: str, way: str, defaults: Words) -> Iterator[tuple[str, Value]]:
    values = {**defaults, **(HEAD_ALONE if way == "none" else {}), "preset": preset, "fine_tune": way}
    for word, value in values.items():
        found = space.options(word, preset, way)
        if found and value in found[1]:
            yield found[0], value


def _asked(model: TextClassifier, ways: Sequence[str]) -> Abilities:
    backbone = model.backbone
    return Abilities(
        ways=tuple(way for way in ways if _knows(model, way)),
        poolings=tuple(backbone.poolings),
        longest=backbone.max_sequence_length,
        defaults=_defaults(model),
    )


def _knows(model: TextClassifier, way: str) -> bool:
    try:
        model.parameters(way)
    except ConfigError:
        return False
    return True


def _defaults(model: TextClassifier) -> dict[str, Any]:
    kinds = (FitConfig, Architecture, Cleaning)
    plain = {known.name: known.default for kind in kinds for known in fields(kind)}
    chosen = {"pooling": model.architecture.pooling, "sequence_length": model.architecture.sequence_length}
    return {**plain, **asdict(model.backbone.fit_defaults), **chosen}
