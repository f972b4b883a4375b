"""What is tried: the values that each word of `textgraft train` may take, and a TOML file that says otherwise."""

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from textgraft.backbones.defaults import TRANSFORMER_DEFAULTS
from textgraft.errors import ConfigError
from textgraft.training.config import HEAD_ONLY_DEFAULTS, TrainingConfig, enough_epochs

Value = str | bool | int | float

# Words of `textgraft train` that may be searched, and the type of their values.
KINDS: dict[str, type] = {
    "preset": str,
    "fine_tune": str,
    "head": str,
    "layer_decay": float,
    "gradual_unfreezing": bool,
    "learning_rate": float,
    "batch_size": int,
    "epochs": int,
    "optimizer": str,
    "weight_decay": float,
    "schedule": str,
    "warmup": float,
    "clip_norm": float,
    "patience": int,
    "dropout": float,
    "sequence_length": int,
    "truncation": str,
    "pooling": str,
    "strip_html": bool,
    "normalize_unicode": bool,
    "lowercase": bool,
    "strip_punctuation": bool,
}
_FIT = {known.name for known in fields(TrainingConfig)}


@dataclass(frozen=True)
class Choice:
    """One of several values; of a single one there is nothing to search."""

    values: tuple[Value, ...]

    def __contains__(self, value: object) -> bool:
        """Whether a value may be tried."""
        return any(type(value) is type(known) and value == known for known in self.values)

    @property
    def examples(self) -> tuple[Value, ...]:
        """Values that must make sense for all to do so."""
        return self.values

    def described(self) -> Any:
        """JSON values."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `log` spreads them evenly over powers of ten."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        """Whether a number may be tried."""
        return type(value) is type(self.low) and self.low <= value <= self.high

    @property
    def examples(self) -> tuple[Value, ...]:
        """Values that must make sense for all to do so."""
        return self.low, self.high

    def described(self) -> Any:
        """JSON values."""
        return {"low": self.low, "high": self.high, "log": self.log}


Options = Choice | Range


@dataclass(frozen=True)
class Space:
    """All that may be tried.

    Attributes:
        words: word of `textgraft train` to its options.
        tables: other options for some words where a preset or a way of fine-tuning, the table's name, was drawn; of
            two tables, that of the way of fine-tuning counts.
    """

    words: Mapping[str, Options]
    tables: Mapping[str, Mapping[str, Options]] = field(default_factory=dict)

    def options(self, word: str, preset: Value, fine_tune: Value) -> tuple[str, Options] | None:
        """The options of a word and a name for them, which says the table if they are from one; None for no such word.

        Args:
            word: to look up.
            preset: that was drawn.
            fine_tune: likewise.
        """
        for table in (str(fine_tune), str(preset)):
            if found := self.tables.get(table, {}).get(word):
                return f"{table}.{word}", found
        return (word, self.words[word]) if word in self.words else None

    def presets(self) -> tuple[str, ...]:
        """The presets among the choices."""
        return tuple(str(value) for value in self.words["preset"].examples)

    def ways(self) -> tuple[str, ...]:
        """The ways of fine-tuning among the choices."""
        return tuple(str(value) for value in self.words["fine_tune"].examples)

    def choices(self) -> Iterator[tuple[str, str, Choice]]:
        """The words that have choices: table, which is empty for what counts everywhere, word, and options."""
        for table, words in {"": self.words, **self.tables}.items():
            yield from ((table, word, options) for word, options in words.items() if isinstance(options, Choice))

    def with_values(self, word: str, values: tuple[Value, ...], table: str = "") -> "Space":
        """The same space with other choices for a word.

        Args:
            word: that is chosen for.
            values: to choose from.
            table: in which they count; everywhere without it.
        """
        if not table:
            return replace(self, words={**self.words, word: Choice(values)})
        return replace(self, tables={**self.tables, table: {**self.tables[table], word: Choice(values)}})

    def without(self, words: Collection[str]) -> "Space":
        """The same space without some words, which keep the library's values."""
        return Space(_others(self.words, words), {name: _others(table, words) for name, table in self.tables.items()})

    def described(self) -> dict[str, Any]:
        """JSON values."""
        tables = {table: {word: options.described() for word, options in words.items()} for table, words in
                  self.tables.items()}  # fmt: skip
        return {"words": {word: options.described() for word, options in self.words.items()}, "tables": tables}


def default_space(rows: int) -> Space:
    """What is tried unless a file says otherwise: `minilm`, and what matters most when it is fine-tuned.

    Args:
        rows: to train on; where they are few, `fit` makes more passes over them, and so do the trials.
    """
    whole = enough_epochs(TRANSFORMER_DEFAULTS.epochs, rows, TRANSFORMER_DEFAULTS.batch_size)
    head = enough_epochs(HEAD_ONLY_DEFAULTS["epochs"], rows, HEAD_ONLY_DEFAULTS["batch_size"])
    return Space(
        {
            "preset": Choice(("minilm",)),
            "fine_tune": Choice(("none", "last:2", "all")),
            "learning_rate": Range(2e-5, 4e-4, log=True),
            "batch_size": Choice((8, 16, 32)),
            "epochs": Range(2 * whole // 3, 5 * whole // 3),
            "sequence_length": Choice((128, 256)),
            "pooling": Choice(("mean", "cls", "max")),
            "strip_html": Choice((False, True)),
            "strip_punctuation": Choice((False, True)),
        },
        {
            "none": {
                "learning_rate": Range(1e-3, 1e-1, log=True),
                "batch_size": Choice((32,)),
                "epochs": Range(head // 3, 4 * head // 3),
                "head": Choice(("gradient", "logistic")),
            }
        },
    )


def read_space(path: Path, base: Space) -> Space:
    """A space with the words that a file names replaced.

    `word = value` fixes a word, `word = [...]` lists its choices, `word = {low = 1, high = 5}` gives a range, with
    `log = true` if wanted. A table of the name of a preset or of a way of fine-tuning, as in `["lora:8"]`, holds what
    counts with that one only.

    Args:
        path: a TOML file.
        base: what counts for words that it leaves out.

    Raises:
        ConfigError: for a file that cannot be read, a word that is unknown (the nearest is named), or options of a
            wrong type or order or that `fit` would not take.
    """
    words, tables = dict(base.words), {name: dict(table) for name, table in base.tables.items()}
    for name, value in _parsed(path).items():
        word = name.replace("-", "_")
        if isinstance(value, dict) and word not in KINDS:
            tables.setdefault(name, {}).update(_table(path, name, value))
        else:
            _require_word(path, word)
            words[word] = _options(path, word, value)
    # What the base says about a way of fine-tuning that is not searched is of no use, and no mistake either.
    known = {str(value) for word in ("preset", "fine_tune") for value in words[word].examples}
    space = Space(words, {name: table for name, table in tables.items() if name in known or name not in base.tables})
    _check(path, space, known)
    return space


def _table(path: Path, name: str, values: dict[str, Any]) -> Iterator[tuple[str, Options]]:
    for key, value in values.items():
        word = key.replace("-", "_")
        _require_word(path, word, f"[{name}] ")
        if word in ("preset", "fine_tune"):
            raise ConfigError(f"{path}: {word} cannot stand in a table; tables are about one preset or fine_tune")
        yield word, _options(path, word, value)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _require_word(path: Path, word: str, table: str = "") -> None:
    if word not in KINDS:
        nearest = difflib.get_close_matches(word, KINDS, n=1, cutoff=0)[0]
        raise ConfigError(
            f"{path}: unknown word {table}{word!r}; the nearest is {nearest!r}; known: {', '.join(sorted(KINDS))}"
        )


def _options(path: Path, word: str, value: Any) -> Options:
    if isinstance(value, dict):
        return _range(path, word, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ConfigError(f"{path}: {word} has no choices; list one at least")
    return Choice(tuple(dict.fromkeys(_typed(path, word, one) for one in values)))


def _range(path: Path, word: str, value: dict[str, Any]) -> Range:
    kind = KINDS[word]
    if kind not in (int, float):
        raise ConfigError(f"{path}: {word} takes words, not a range; list its choices in []")
    if not {"low", "high"} <= value.keys() <= {"low", "high", "log"} or type(value.get("log", False)) is not bool:
        raise ConfigError(f"{path}: {word} must be a range such as {{low = 1, high = 5, log = true}}, not {value!r}")
    low, high, log = _typed(path, word, value["low"]), _typed(path, word, value["high"]), value.get("log", False)
    if not low <= high or (log and not low > 0):  # type: ignore[operator]
        raise ConfigError(f"{path}: {word} needs low <= high{', and low > 0 for log' if log else ''}, not {value!r}")
    return Range(low, high, log)  # type: ignore[arg-type]


def _typed(path: Path, word: str, value: object) -> Value:
    kind = KINDS[word]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{path}: {word} must be of type {kind.__name__}, not {value!r}")
    return value  # type: ignore[return-value]


def _check(path: Path, space: Space, known: set[str]) -> None:
    """Refuse what no trial could use."""
    for word, value in _examples(space.words):
        _check_value(path, word, {word: value})
    for name, table in space.tables.items():
        if name not in known:
            raise ConfigError(
                f"{path}: table [{name}] is about no preset and no fine_tune of this search: {', '.join(sorted(known))}"
            )
        way = {"fine_tune": name} if name in space.ways() else {}
        for word, value in _examples(table):
            _check_value(path, f"[{name}] {word}", {**way, word: value})


def _others(words: Mapping[str, Options], left_out: Collection[str]) -> dict[str, Options]:
    return {word: options for word, options in words.items() if word not in left_out}


def _examples(words: Mapping[str, Options]) -> Iterator[tuple[str, Value]]:
    return ((word, value) for word, options in words.items() for value in options.examples)


def _check_value(path: Path, place: str, given: dict[str, Any]) -> None:
    try:
        TrainingConfig(**{word: value for word, value in given.items() if word in _FIT})
    except ConfigError as error:
        raise ConfigError(f"{path}: {place}: {error}") from error
