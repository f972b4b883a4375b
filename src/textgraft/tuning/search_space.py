"""The search space: the values that hyperparameters may take, and a TOML file that changes it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from textgraft.backbones.training_defaults import TRANSFORMER_DEFAULTS
from textgraft.errors import ConfigError
from textgraft.options import make_options, option_fields
from textgraft.storage.toml_files import check_key, check_type, read_toml
from textgraft.tasks.architecture import Architecture
from textgraft.training.config import HEAD_ONLY_DEFAULTS, TrainingConfig
from textgraft.training.epochs import enough_epochs

OptionValue = str | bool | int | float

# Types of the hyperparameters that may be searched, in the order in which they are drawn.
SEARCHABLE: dict[str, type] = {
    "preset": str,
    **{
        name: known.value_type
        for options in (TrainingConfig, Architecture)
        for name, known in option_fields(options).items()
        if known.searchable
    },
}


@dataclass(frozen=True)
class Choice:
    """One of several values; a single value is fixed."""

    values: tuple[OptionValue, ...]

    def __contains__(self, value: object) -> bool:
        return any(type(value) is type(choice) and value == choice for choice in self.values)

    @property
    def examples(self) -> tuple[OptionValue, ...]:
        """Values that are valid only if all are."""
        return self.values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both inclusive; drawn on a logarithmic scale where `log`."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return type(value) is type(self.low) and self.low <= value <= self.high

    @property
    def examples(self) -> tuple[OptionValue, ...]:
        return self.low, self.high


Domain = Choice | Range


@dataclass(frozen=True)
class SearchSpace:
    """The domains of all hyperparameters.

    Attributes:
        domains: hyperparameter to its domain.
        tables: preset or fine_tune to domains that replace others in its trials; the table of the fine_tune takes
            precedence.
    """

    domains: Mapping[str, Domain]
    tables: Mapping[str, Mapping[str, Domain]] = field(default_factory=dict)

    def domain(self, name: str, preset: OptionValue, fine_tune: OptionValue) -> tuple[str, Domain] | None:
        """Unique name and domain of a hyperparameter in trials with a preset and a fine_tune; None if it has none.

        The name is "TABLE.NAME" where the domain is from a table.
        """
        for table in (str(fine_tune), str(preset)):
            if domain := self.tables.get(table, {}).get(name):
                return f"{table}.{name}", domain
        return (name, self.domains[name]) if name in self.domains else None

    def presets(self) -> tuple[str, ...]:
        """The presets among the choices."""
        return tuple(str(value) for value in self.domains["preset"].examples)

    def fine_tunes(self) -> tuple[str, ...]:
        """The values of fine_tune among the choices."""
        return tuple(str(value) for value in self.domains["fine_tune"].examples)

    def choices(self) -> Iterator[tuple[str, str, Choice]]:
        """Table (empty for none), hyperparameter and domain, for all domains that are choices."""
        for table, domains in {"": self.domains, **self.tables}.items():
            yield from ((table, name, domain) for name, domain in domains.items() if isinstance(domain, Choice))

    def with_choices(self, name: str, values: tuple[OptionValue, ...], table: str = "") -> "SearchSpace":
        """The same space with other choices for a hyperparameter, in a table or everywhere."""
        if not table:
            return replace(self, domains={**self.domains, name: Choice(values)})
        return replace(self, tables={**self.tables, table: {**self.tables[table], name: Choice(values)}})

    def without(self, names: Collection[str]) -> "SearchSpace":
        """The same space without some hyperparameters, which keep their defaults."""
        return SearchSpace(
            _without(self.domains, names), {table: _without(domains, names) for table, domains in self.tables.items()}
        )

    def to_json(self) -> dict[str, Any]:
        """The space as JSON values."""
        tables = {table: _domains_as_json(domains) for table, domains in self.tables.items()}
        return {"hyperparameters": _domains_as_json(self.domains), "tables": tables}


def default_space(rows: int, min_steps: int) -> SearchSpace:
    """`minilm` and the most important hyperparameters; for few training rows, trials run more epochs, as `fit` does.

    `min_steps` is that of the task (`TaskSpec`).
    """
    epochs = enough_epochs(TRANSFORMER_DEFAULTS.epochs, rows, TRANSFORMER_DEFAULTS.batch_size, min_steps)
    head_epochs = enough_epochs(HEAD_ONLY_DEFAULTS["epochs"], rows, HEAD_ONLY_DEFAULTS["batch_size"], min_steps)
    return SearchSpace(
        {
            "preset": Choice(("minilm",)),
            "fine_tune": Choice(("none", "last:2", "all")),
            "learning_rate": Range(2e-5, 4e-4, log=True),
            "batch_size": Choice((8, 16, 32)),
            "epochs": Range(2 * epochs // 3, 5 * epochs // 3),
            "sequence_length": Choice((128, 256)),
            "pooling": Choice(("mean", "cls", "max")),
            "balance": Choice(("none", "weights", "oversample")),
            "strip_html": Choice((False, True)),
            "strip_punctuation": Choice((False, True)),
        },
        {
            "none": {
                "learning_rate": Range(1e-3, 1e-1, log=True),
                "batch_size": Choice((32,)),
                "epochs": Range(head_epochs // 3, 4 * head_epochs // 3),
                "head": Choice(("gradient", "logistic")),
            }
        },
    )


def read_space(path: Path, base: SearchSpace) -> SearchSpace:
    """A space with the domains of a TOML file.

    `name = value` fixes a hyperparameter, `name = [...]` lists its choices, `name = {low = 1, high = 5}` is a range,
    with `log = true` for a logarithmic scale. A table named after a preset or a fine_tune, such as `["lora:8"]`, holds
    the domains of trials with that one.

    Domains that the file does not name are those of `base`.

    Raises:
        ConfigError: for a file that cannot be read, an unknown hyperparameter (the nearest is named), or a domain of
            a wrong type or order or that `fit` would refuse.
    """
    domains, tables = dict(base.domains), {name: dict(table) for name, table in base.tables.items()}
    for key, value in read_toml(path).items():
        name = key.replace("-", "_")
        if isinstance(value, dict) and name not in SEARCHABLE:
            tables.setdefault(key, {}).update(_parse_table(path, key, value))
        else:
            check_key(path, name, SEARCHABLE)
            domains[name] = _parse_domain(path, name, value)
    # Tables for a fine_tune that is not searched: those of the base are dropped, those of the file are errors.
    table_names = {str(value) for name in ("preset", "fine_tune") for value in domains[name].examples}
    tables = {name: table for name, table in tables.items() if name in table_names or name not in base.tables}
    space = SearchSpace(domains, tables)
    _check_space(path, space, table_names)
    return space


def _parse_table(path: Path, table: str, values: dict[str, Any]) -> Iterator[tuple[str, Domain]]:
    for key, value in values.items():
        name = key.replace("-", "_")
        check_key(path, name, SEARCHABLE, f"[{table}] ")
        if name in ("preset", "fine_tune"):
            raise ConfigError(f"{path}: {name} is not allowed in a table; tables are for one preset or fine_tune")
        yield name, _parse_domain(path, name, value)


def _parse_domain(path: Path, name: str, value: Any) -> Domain:
    kind = SEARCHABLE[name]
    if not isinstance(value, dict):
        values = value if isinstance(value, list) else [value]
        if not values:
            raise ConfigError(f"{path}: {name} has no choices; list at least one")
        return Choice(tuple(dict.fromkeys(check_type(path, name, item, kind) for item in values)))
    if kind not in (int, float):
        raise ConfigError(f"{path}: {name} is not a number, so it has no range; list its choices in []")
    log = value.get("log", False)
    if not {"low", "high"} <= value.keys() <= {"low", "high", "log"} or type(log) is not bool:
        raise ConfigError(f"{path}: {name} must be a range such as {{low = 1, high = 5, log = true}}, not {value!r}")
    low, high = (check_type(path, name, value[bound], kind) for bound in ("low", "high"))
    if not low <= high or (log and not low > 0):
        raise ConfigError(f"{path}: {name} needs low <= high{', and low > 0 for log' if log else ''}, not {value!r}")
    return Range(low, high, log)


def _check_space(path: Path, space: SearchSpace, table_names: set[str]) -> None:
    """Refuse tables and values that no trial could use."""
    for table, domains in {"": space.domains, **space.tables}.items():
        if table and table not in table_names:
            raise ConfigError(
                f"{path}: table [{table}] names no preset or fine_tune of this search: {', '.join(sorted(table_names))}"
            )
        fine_tune = {"fine_tune": table} if table in space.fine_tunes() else {}
        for name, value in ((name, value) for name, domain in domains.items() for value in domain.examples):
            try:
                make_options(TrainingConfig, {**fine_tune, name: value})
            except ConfigError as error:
                raise ConfigError(f"{path}: {f'[{table}] ' if table else ''}{name}: {error}") from error


def _without(domains: Mapping[str, Domain], names: Collection[str]) -> dict[str, Domain]:
    return {name: domain for name, domain in domains.items() if name not in names}


def _domains_as_json(domains: Mapping[str, Domain]) -> dict[str, Any]:
    return {
        name: list(domain.values) if isinstance(domain, Choice) else asdict(domain) for name, domain in domains.items()
    }
