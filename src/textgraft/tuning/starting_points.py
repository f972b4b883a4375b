"""Where a search starts: what each preset can do, and the library's defaults, the cheapest way of fine-tuning first."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from textgraft.errors import ConfigError
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.trainable import TrainableTask
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import HEAD_ONLY_DEFAULTS, TrainingConfig, extend_for_few_texts, is_few_texts
from textgraft.tuning.assignment import Assignment
from textgraft.tuning.candidate import Words, built, refusal
from textgraft.tuning.search_space import Space, Value

_CHEAPEST_FIRST = ("none", "last", "lora", "all")

# Words about the one vector of a text.
_OF_A_VECTOR = ("pooling", "truncation")


@dataclass(frozen=True)
class Abilities:
    """What a preset can do for a task.

    Attributes:
        score: what the task is judged by; None for the loss.
        idle: words that have no effect.
        refusals: (table, word, value) of choices that it cannot have, and why.
        defaults: the library's values for words of `textgraft train`, where it is trained as a whole.
    """

    score: str | None
    idle: tuple[str, ...]
    refusals: Mapping[tuple[str, str, Value], str]
    defaults: Words

    def usual(self, way: str, rows: int) -> Words:
        """What `fit` takes for a way of fine-tuning on so many rows, where nothing is said."""
        values: dict[str, Any] = {**self.defaults, **(HEAD_ONLY_DEFAULTS if way == "none" else {})}
        config = TrainingConfig(**{known.name: values[known.name] for known in fields(TrainingConfig)})
        wanted = way == "none" or is_few_texts(rows, config.epochs or 1, config.batch_size or 1)
        if wanted and self._begins_as_logistic(way):
            config = replace(config, head="logistic")
        return {**values, **asdict(extend_for_few_texts(config, rows, {}))}

    def refusal(self, table: str, word: str, value: Value) -> str:
        """Why it cannot have a value; empty where it can."""
        return self.refusals.get((table, word, value), "")

    def _begins_as_logistic(self, way: str) -> bool:
        return not any(self.refusal(table, "head", "logistic") for table in ("", way))


def abilities(space: Space, assignment: Assignment, fixed: Words) -> dict[str, Abilities]:
    """Load each preset once, and ask it.

    Args:
        space: its choices are asked about.
        assignment: what the models are to learn.
        fixed: words that every candidate shares.

    Raises:
        PresetError: for the first preset that cannot be loaded.
    """
    return {preset: _asked(built({**fixed, "preset": preset}, assignment), preset, space) for preset in space.presets()}


def narrowed(space: Space, known: Mapping[str, Abilities]) -> tuple[Space, list[str]]:
    """The space without what suits none of its presets, and a line about each word or value that was left out.

    Raises:
        ConfigError: when a word has no choice left.
    """
    named = {word for _, word, _ in space.choices()}
    idle = sorted(named.intersection(*(able.idle for able in known.values())))
    notices = [f"{word} is left out: it has no effect on this task" for word in idle]
    space = space.without(idle)
    for table, word, options in space.choices():
        asked = [known[table]] if table in known else list(known.values())
        whys = {value: [able.refusal(table, word, value) for able in asked] for value in options.values}
        gone = {value: why[0] for value, why in whys.items() if all(why)}
        if len(gone) == len(options.values):
            raise ConfigError(f"{word} has no choice left: {next(iter(gone.values()))}; give other choices")
        if gone:
            notices += [f"{word} {value} is left out: {why}" for value, why in gone.items()]
            space = space.with_values(word, tuple(value for value in options.values if value not in gone), table)
    return space, notices


def starting_points(space: Space, known: Mapping[str, Abilities], rows: int) -> list[dict[str, Value]]:
    """Options, by name, to try first: the library's defaults for each way of fine-tuning and each preset.

    Defaults that the space does not have are left open.

    Args:
        space: to search.
        known: its presets.
        rows: to train on.
    """
    ways = sorted(space.ways(), key=lambda way: _CHEAPEST_FIRST.index(way.split(":")[0]))
    pairs = [(way, preset) for way in ways for preset, able in known.items() if not able.refusal("", "fine_tune", way)]
    return [dict(_point(space, preset, way, known[preset].usual(way, rows))) for way, preset in pairs]


def _point(space: Space, preset: str, way: str, usual: Words) -> Iterator[tuple[str, Value]]:
    values = {**usual, "preset": preset, "fine_tune": way}
    for word, value in values.items():
        found = space.options(word, preset, way)
        if found and value in found[1]:
            yield found[0], value


def _asked(model: TrainableTask, preset: str, space: Space) -> Abilities:
    idle = () if model.pooled else _OF_A_VECTOR
    return Abilities(model.objective.score, idle, dict(_refusals(model, preset, space)), _defaults(model))


def _refusals(model: TrainableTask, preset: str, space: Space) -> Iterator[tuple[tuple[str, str, Value], str]]:
    """What the model refuses of tables that can count for it."""
    for table, word, options in space.choices():
        way = {"fine_tune": table} if table in space.ways() else {}
        if (table in space.presets() and table != preset) or refusal(model, way):
            continue
        for value in options.values:
            if why := _refusal(model, {**way, word: value}, space):
                yield (table, word, value), why


def _refusal(model: TrainableTask, words: Words, space: Space) -> str:
    """Why the model cannot have some values, alone or beside any other value of the space; empty where it can."""
    why = refusal(model, words)
    others = ({word: value} for word, options in space.words.items() for value in options.examples)
    return why if why and all(refusal(model, {**other, **words}) for other in others) else ""


def _defaults(model: TrainableTask) -> dict[str, Any]:
    kinds = (TrainingConfig, Architecture, Cleaning)
    plain = {known.name: known.default for kind in kinds for known in fields(kind)}
    chosen = {"pooling": model.architecture.pooling, "sequence_length": model.architecture.sequence_length}
    return {**plain, **asdict(model.backbone.training_defaults), **chosen}
