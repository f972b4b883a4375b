"""Capabilities of presets for a task: what they support, their defaults, and the first trials of a search."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from textgraft.errors import ConfigError
from textgraft.options import make_options, option_fields
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.trainable import TrainableTask
from textgraft.training.config import HEAD_ONLY_DEFAULTS, TrainingConfig
from textgraft.training.epochs import extend_for_few_texts, is_few_texts
from textgraft.tuning.candidate import Hyperparameters, build_model, refusal_reason
from textgraft.tuning.search_space import OptionValue, SearchSpace
from textgraft.tuning.setup import TuningTask

_CHEAPEST_FIRST = ("none", "last", "lora", "all")

# Options without effect on a task that does not pool.
_TEXT_VECTOR_OPTIONS = ("pooling", "truncation")


@dataclass(frozen=True)
class Capabilities:
    """Options that a preset supports for a task, and their defaults.

    Attributes:
        score: the metric by which epochs are selected; None for the loss.
        without_effect: hyperparameters that have no effect.
        refusals: (table, name, value) of unsupported choices, and the reason.
        defaults: the library's hyperparameters where all weights are trained.
    """

    score: str | None
    without_effect: tuple[str, ...]
    refusals: Mapping[tuple[str, str, OptionValue], str]
    defaults: Hyperparameters

    def default_hyperparameters(self, fine_tune: str, rows: int) -> Hyperparameters:
        """The defaults of `fit` for a fine_tune and a number of rows."""
        values: dict[str, Any] = {**self.defaults, **(HEAD_ONLY_DEFAULTS if fine_tune == "none" else {})}
        config = make_options(TrainingConfig, values)
        prefers_logistic = fine_tune == "none" or is_few_texts(rows, config.epochs or 1, config.batch_size or 1)
        if prefers_logistic and not any(self.refusal(table, "head", "logistic") for table in ("", fine_tune)):
            config = replace(config, head="logistic")
        return {**values, **asdict(extend_for_few_texts(config, rows, {}))}

    def refusal(self, table: str, name: str, value: OptionValue) -> str:
        """Why a choice is not supported; empty where it is."""
        return self.refusals.get((table, name, value), "")


def find_capabilities(space: SearchSpace, task: TuningTask, shared: Hyperparameters) -> dict[str, Capabilities]:
    """Load each preset once, and try all choices of the space on it.

    Args:
        space: search space.
        task: task of the models.
        shared: hyperparameters of all candidates.

    Raises:
        PresetError: for the first preset that cannot be loaded.
    """
    models = ((preset, build_model({**shared, "preset": preset}, task)) for preset in space.presets())
    return {
        preset: Capabilities(
            model.objective.score,
            () if model.pooled else _TEXT_VECTOR_OPTIONS,
            dict(_refusals(model, preset, space)),
            _library_defaults(model),
        )
        for preset, model in models
    }


def narrow_space(space: SearchSpace, capabilities: Mapping[str, Capabilities]) -> tuple[SearchSpace, list[str]]:
    """The space without hyperparameters and values that no preset supports, and a message about each of these.

    Raises:
        ConfigError: when a hyperparameter has no choice left.
    """
    names = {name for _, name, _ in space.choices()}
    without_effect = sorted(names.intersection(*(preset.without_effect for preset in capabilities.values())))
    notices = [f"{name} is left out: it has no effect on this task" for name in without_effect]
    space = space.without(without_effect)
    for table, name, domain in space.choices():
        presets = [capabilities[table]] if table in capabilities else list(capabilities.values())
        reasons = {value: [preset.refusal(table, name, value) for preset in presets] for value in domain.values}
        refused = {value: known[0] for value, known in reasons.items() if all(known)}
        if len(refused) == len(domain.values):
            raise ConfigError(f"{name} has no choice left: {next(iter(refused.values()))}; list other choices")
        if refused:
            notices += [f"{name} {value} is left out: {reason}" for value, reason in refused.items()]
            space = space.with_choices(name, tuple(value for value in domain.values if value not in refused), table)
    return space, notices


def starting_points(
    space: SearchSpace, capabilities: Mapping[str, Capabilities], rows: int
) -> list[dict[str, OptionValue]]:
    """Values, by unique name, of the first trials: the library's defaults for each fine_tune and each preset.

    Defaults that are not in the space are left open.

    Args:
        space: search space.
        capabilities: those of its presets.
        rows: number of training rows.
    """
    fine_tunes = sorted(space.fine_tunes(), key=lambda fine_tune: _CHEAPEST_FIRST.index(fine_tune.split(":")[0]))
    return [
        dict(_starting_point(space, preset, fine_tune, known.default_hyperparameters(fine_tune, rows)))
        for fine_tune in fine_tunes
        for preset, known in capabilities.items()
        if not known.refusal("", "fine_tune", fine_tune)
    ]


def _starting_point(
    space: SearchSpace, preset: str, fine_tune: str, defaults: Hyperparameters
) -> Iterator[tuple[str, OptionValue]]:
    for name, value in {**defaults, "preset": preset, "fine_tune": fine_tune}.items():
        named_domain = space.domain(name, preset, fine_tune)
        if named_domain and value in named_domain[1]:
            yield named_domain[0], value


def _refusals(
    model: TrainableTask, preset: str, space: SearchSpace
) -> Iterator[tuple[tuple[str, str, OptionValue], str]]:
    """Choices that the model does not support, in the tables that apply to it."""
    for table, name, domain in space.choices():
        fine_tune = {"fine_tune": table} if table in space.fine_tunes() else {}
        if (table in space.presets() and table != preset) or refusal_reason(model, fine_tune):
            continue
        for value in domain.values:
            if reason := _refusal(model, {**fine_tune, name: value}, space):
                yield (table, name, value), reason


def _refusal(model: TrainableTask, hyperparameters: Hyperparameters, space: SearchSpace) -> str:
    """Why the model does not support values, alone or beside any other value of the space; empty where it does."""
    reason = refusal_reason(model, hyperparameters)
    others = ({name: value} for name, domain in space.domains.items() for value in domain.examples)
    return reason if reason and all(refusal_reason(model, {**other, **hyperparameters}) for other in others) else ""


def _library_defaults(model: TrainableTask) -> dict[str, Any]:
    defaults = {
        name: known.default
        for options in (TrainingConfig, Architecture)
        for name, known in option_fields(options).items()
    }
    model_defaults = {"pooling": model.architecture.pooling, "sequence_length": model.architecture.sequence_length}
    return {**defaults, **asdict(model.backbone.training_defaults), **model_defaults}
