"""Capabilities of presets for a task: what they support, their defaults, and the first trials of a search."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from textgraft.errors import ConfigError
from textgraft.options import make_options, option_fields
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.trainable import TrainableTask
from textgraft.training.config import TrainingConfig
from textgraft.training.epochs import extend_for_few_texts, is_few_texts
from textgraft.tuning.search_space import OptionValue, SearchSpace
from textgraft.tuning.setup import Hyperparameters, TuningTask, options_of

_CHEAPEST_FIRST = ("none", "last", "lora", "all")

# Options without effect on a task that does not pool.
_TEXT_VECTOR_OPTIONS = ("pooling", "truncation")


@dataclass(frozen=True)
class Capabilities:
    """Options that a preset supports for a task, and their defaults.

    Attributes:
        without_effect: hyperparameters that have no effect.
        refusals: (table, name, value) of unsupported choices, and the reason.
        defaults: the library's hyperparameters, by supported fine_tune.
    """

    without_effect: tuple[str, ...]
    refusals: Mapping[tuple[str, str, OptionValue], str]
    defaults: Mapping[str, Hyperparameters]


def find_capabilities(space: SearchSpace, task: TuningTask, shared: Hyperparameters) -> dict[str, Capabilities]:
    """Load each preset once, and try all choices of the space on it; all candidates have the `shared` hyperparameters.

    Raises:
        PresetError: for the first preset that cannot be loaded.
    """
    capabilities: dict[str, Capabilities] = {}
    for preset in space.presets():
        model = task.build_model({**shared, "preset": preset})
        refusals = dict(_refusals(model, preset, space))
        supported = [fine_tune for fine_tune in space.fine_tunes() if ("", "fine_tune", fine_tune) not in refusals]
        defaults = {
            fine_tune: default_hyperparameters(model, fine_tune, len(task.splits.train)) for fine_tune in supported
        }
        is_balanced = len(set(task.splits.train.counts().values())) == 1
        without_effect = (() if model.pooled else _TEXT_VECTOR_OPTIONS) + (("balance",) if is_balanced else ())
        capabilities[preset] = Capabilities(without_effect, refusals, defaults)
    return capabilities


def narrow_space(space: SearchSpace, capabilities: Mapping[str, Capabilities]) -> tuple[SearchSpace, list[str]]:
    """The space without hyperparameters and values that no preset supports, and a message about each of these.

    Raises:
        ConfigError: when a hyperparameter has no choice left.
    """
    names = {name for _, name, _ in space.choices()}
    without_effect = sorted(names.intersection(*(preset.without_effect for preset in capabilities.values())))
    notices = [f"ignoring {name}: it has no effect on this task and data" for name in without_effect]
    space = space.without(without_effect)
    for table, name, domain in space.choices():
        presets = [capabilities[table]] if table in capabilities else list(capabilities.values())
        reasons = {value: [preset.refusals.get((table, name, value)) for preset in presets] for value in domain.values}
        refused = {value: known[0] for value, known in reasons.items() if all(known)}
        if len(refused) == len(domain.values):
            raise ConfigError(f"{name} has no choice left: {next(iter(refused.values()))}; list other choices")
        if refused:
            notices += [f"ignoring {name} {value}: {reason}" for value, reason in refused.items()]
            space = space.with_choices(name, tuple(value for value in domain.values if value not in refused), table)
    return space, notices


def starting_points(space: SearchSpace, capabilities: Mapping[str, Capabilities]) -> list[dict[str, OptionValue]]:
    """Values, by unique name, of the first trials: the library's defaults for each fine_tune and each preset.

    Defaults that are not in the space are left open.
    """
    fine_tunes = sorted(space.fine_tunes(), key=lambda fine_tune: _CHEAPEST_FIRST.index(fine_tune.split(":")[0]))
    points = []
    for fine_tune in fine_tunes:
        for preset, known in capabilities.items():
            if defaults := known.defaults.get(fine_tune):
                values = {**defaults, "preset": preset, "fine_tune": fine_tune}
                domains = ((space.domain(name, preset, fine_tune), value) for name, value in values.items())
                points.append({named[0]: value for named, value in domains if named and value in named[1]})
    return points


def default_hyperparameters(model: TrainableTask, fine_tune: str, rows: int) -> dict[str, Any]:
    """The library's defaults for a model, a supported fine_tune and a number of rows, as `fit` selects them."""
    mode, architecture = model.fine_tuning(fine_tune=fine_tune), model.architecture
    fields = {**option_fields(TrainingConfig), **option_fields(Architecture)}
    values = {
        **{name: known.default for name, known in fields.items()},
        **asdict(model.backbone.training_defaults),
        "pooling": architecture.pooling,
        "sequence_length": architecture.sequence_length,
        **mode.defaults,
    }
    config = make_options(TrainingConfig, values)
    is_few = is_few_texts(rows, config.epochs or 1, config.batch_size or 1, mode.min_steps)
    prefers_logistic = not mode.trains_backbone or is_few
    if prefers_logistic and not _refusal_reason(model, {"fine_tune": fine_tune, "head": "logistic"}):
        config = replace(config, head="logistic")
    return {**values, **asdict(extend_for_few_texts(config, rows, {}, mode.min_steps))}


def _refusals(
    model: TrainableTask, preset: str, space: SearchSpace
) -> Iterator[tuple[tuple[str, str, OptionValue], str]]:
    """Choices that the model does not support, in the tables that apply to it."""
    others = [{name: value} for name, domain in space.domains.items() for value in domain.examples]
    for table, name, domain in space.choices():
        fine_tune = {"fine_tune": table} if table in space.fine_tunes() else {}
        if (table in space.presets() and table != preset) or _refusal_reason(model, fine_tune):
            continue
        for value in domain.values:
            hyperparameters = {**fine_tune, name: value}
            reason = _refusal_reason(model, hyperparameters)
            # A value may need another, as windows need a length.
            if reason and all(_refusal_reason(model, {**other, **hyperparameters}) for other in others):
                yield (table, name, value), reason


def _refusal_reason(model: TrainableTask, hyperparameters: Hyperparameters) -> str:
    """Why the model does not support some hyperparameters; empty where it does."""
    try:
        model.fill_architecture(options_of(Architecture, hyperparameters))
        config = model.training_config(options_of(TrainingConfig, hyperparameters))
        model.fine_tuning(fine_tune=config.fine_tune).parameter_counts()
    except ConfigError as error:
        return str(error)
    return ""
