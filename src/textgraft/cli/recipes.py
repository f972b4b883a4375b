"""The recipe of a training: named by the user, or the best one within a number of minutes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textgraft.cli.options import RecipeOptions
from textgraft.cli.output.console import show_duration
from textgraft.cli.output.log import log
from textgraft.errors import ConfigError
from textgraft.storage.schema import Object, OneOf
from textgraft.training.config import GRADIENT_OPTIONS
from textgraft.training.recipes import BALANCED, BEST, FAST, FEW_LABELLED, RECIPES, recipes_from, windows_notice
from textgraft.training.state_files import read_state

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints

_FILE = "recipe.json"
_SCHEMA = Object({"recipe": OneOf(tuple(RECIPES))})


@dataclass(frozen=True)
class Candidates:
    """Untrained models for the recipes, one of which is chosen.

    Attributes:
        make: a model from arguments of its constructor, to which all recipes add their own.
        splits: the data.
        model_options: arguments of the constructor that the user set.
        fit_options: training options that the user set.
        frozen_options: arguments of the constructor for a frozen backbone (`training.recipes.frozen_options`).
    """

    make: "Callable[..., TrainableTask]"
    splits: "Splits"
    model_options: Mapping[str, Any]
    fit_options: Mapping[str, Any]
    frozen_options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, name: str) -> "tuple[TrainableTask, dict[str, Any]]":
        """The model of a recipe, and its training options."""
        added, fit_options = self._added_model_options(name), {**RECIPES[name].fit, **self.fit_options}
        return self.make(**{**added, **self.model_options}), fit_options

    def choose(
        self, options: RecipeOptions, checkpoints: "Checkpoints | None"
    ) -> "tuple[TrainableTask, dict[str, Any]]":
        """The model and the training options of a recipe; a line names it, unless the user leaves it open.

        With a number of minutes, an interrupted run keeps the recipe that was chosen first.

        Args:
            options: name a recipe, a number of minutes, or neither.
            checkpoints: of the run; None for a dry run.

        Raises:
            ConfigError: when no recipe is fast enough.
        """
        if options.minutes is None and options.quality is None:
            name = self._default_recipe()
            if added := self._added_model_options(name):
                log(windows_notice(added))
            return self.build(name)
        name = options.quality or BEST
        if options.minutes is not None:
            name = self._best_within(options.minutes, name, checkpoints)
        log(f"recipe {name}: {self._flags(name) or 'the defaults'}")
        return self.build(name)

    def _default_recipe(self) -> str:
        """The recipe where the user names none: unlabelled texts beside few labelled ones train no network."""
        labelled = len(self.splits.train) + len(self.splits.validation)
        trains_network = self.fit_options.keys() & {"fine_tune", "head", *GRADIENT_OPTIONS}
        if self.splits.unlabelled is None or labelled >= FEW_LABELLED or trains_network:
            return BALANCED
        log(f"recipe {FAST}: few labelled texts beside unlabelled ones; --quality {BALANCED} trains the network too")
        return FAST

    def _best_within(self, minutes: float, first: str, checkpoints: "Checkpoints | None") -> str:
        """The first recipe, from `first` on, whose estimate is at most `minutes`."""
        if checkpoints is None:
            return self._estimate(minutes, first)

        def files() -> dict[str, list[bytes]]:
            return {_FILE: [json.dumps({"recipe": self._estimate(minutes, first)}).encode()]}

        values = {name: repr(value) for name, value in {**self.model_options, **self.fit_options}.items()}
        data = {name: part.fingerprint() for name, part in self.splits.items() if name in ("train", "unlabelled")}
        facts = {"minutes": minutes, "first": first, "options": values, "data": data}
        folder = checkpoints.prepared_files("recipe", facts, files)
        return str(read_state(folder / _FILE, _SCHEMA)["recipe"])

    def _estimate(self, minutes: float, first: str) -> str:
        estimates = []
        for name in recipes_from(first):
            model, options = self.build(name)
            splits = self.splits
            plan = model.plan(splits.train, validation=splits.validation, unlabelled=splits.unlabelled, **options)
            seconds = plan.seconds
            estimates.append(f"{name} about {show_duration(seconds)}")
            if seconds <= 60 * minutes:
                log(f"estimated time: {', '.join(estimates)}")
                return name
        raise ConfigError(
            f"no recipe takes {minutes:g} minutes: {', '.join(estimates)}; allow more, or use fewer texts"
        )

    def _added_model_options(self, name: str) -> Mapping[str, Any]:
        """Arguments of the constructor that replace the defaults in a recipe, unless the user sets them."""
        recipe = RECIPES[name]
        is_frozen = {**recipe.fit, **self.fit_options}.get("fine_tune") == "none"
        return self.frozen_options if is_frozen and self.frozen_options else recipe.model

    def _flags(self, name: str) -> str:
        """The flags that a recipe adds to those of the user."""
        set_by_user = {**self.model_options, **self.fit_options}
        added = {**self._added_model_options(name), **RECIPES[name].fit}
        values = {option: value for option, value in added.items() if option not in set_by_user}
        return " ".join(f"--{option.replace('_', '-')} {value}" for option, value in values.items())
