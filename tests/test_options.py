"""Options declared in dataclass fields: their checks, and that all readers of them agree."""

from dataclasses import dataclass, field

import pytest

from textgraft.cli.options import Config
from textgraft.cli.parameters import as_command
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.options import MAX_SEED, changed_options, check_options, make_options, option, option_fields
from textgraft.tasks.architecture import Architecture
from textgraft.training.config import TrainingConfig
from textgraft.tuning.search_space import SEARCHABLE


@dataclass(frozen=True)
class Inner:
    switch: bool = option(False, "Switch.")


@dataclass(frozen=True)
class Outer:
    mode: str = option("all", "Mode.", choices=("all", "last:N"))
    share: float = option(0.5, "Share.", above=0, maximum=1)
    count: int | None = option(None, "Count.", minimum=1, shown_default="inferred")
    widths: tuple[int, ...] = option((), "Widths.")
    inner: Inner = field(default_factory=Inner)
    internal: bool = True

    def __post_init__(self):
        check_options(self)


def test_fields_of_nested_dataclasses_are_options():
    fields = option_fields(Outer)
    assert list(fields) == ["mode", "share", "count", "widths", "switch"]
    assert [known.value_type for known in fields.values()] == [str, float, int, tuple, bool]
    assert [known.default_text for known in fields.values()] == ["all", "0.5", "inferred", "none", "off"]
    assert fields["switch"].flag == "--switch"


def test_instances_are_made_from_flat_values():
    made = make_options(Outer, {"count": 3, "switch": True, "unknown": 1})
    assert made == Outer(count=3, inner=Inner(switch=True))
    assert changed_options(made) == {"count": 3, "inner": Inner(switch=True)}
    assert changed_options(Outer()) == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "some"}, "mode 'some' is unknown; choose one of all, last:N"),
        ({"mode": "last:0"}, "mode 'last:0' is unknown"),
        ({"share": 0}, "share must be above 0 and at most 1, not 0"),
        ({"share": float("nan")}, "share must be above 0 and at most 1, not nan"),
        ({"count": 0}, "count must be at least 1, not 0"),
    ],
)
def test_wrong_values_are_reported(values, message):
    with pytest.raises(ConfigError, match=message):
        Outer(**values)


@pytest.mark.parametrize("options", [Architecture, TrainingConfig, GenerationConfig])
@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_seed_out_of_range_is_refused(options, seed):
    with pytest.raises(ConfigError, match=f"seed must be between 0 and 4,294,967,295, not {seed}"):
        check_options(options(seed=seed))


def test_numbered_choices_take_any_number():
    assert Outer(mode="last:12").mode == "last:12"


def test_searchable_options_are_those_of_the_dataclasses():
    """In the order in which a search draws them, which its results depend on."""
    assert list(SEARCHABLE)[:4] == ["preset", "fine_tune", "head", "balance"]
    fields = {**option_fields(TrainingConfig), **option_fields(Architecture)}
    searchable = {name: known.value_type for name, known in fields.items() if known.searchable}
    assert {"preset": str, **searchable} == SEARCHABLE


def test_list_of_strings_in_a_config_file(tmp_path):
    """A string is not split into its characters."""
    given = []

    def command(options: GenerationConfig, config: Config = None) -> None:
        given.append(options.stop)

    file = tmp_path / "options.toml"
    file.write_text('stop = ["Yours", "Dear"]')
    as_command(command)(config=file)
    assert given == [("Yours", "Dear")]
    file.write_text('stop = "Yours"')
    with pytest.raises(ConfigError, match="stop must be of type list, not 'Yours'"):
        as_command(command)(config=file)
