"""When a search ends."""

from dataclasses import dataclass

from textgraft.errors import ConfigError


@dataclass(frozen=True)
class Budget:
    """Whichever is spent first; the trial that is then running is cut short, unless none has come to its end.

    Attributes:
        trials: of the study in all; None for any number.
        minutes: that the trials of one run folder may take in all; None for any number.
    """

    trials: int | None
    minutes: float | None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: when neither is given, or one is not above 0.
        """
        if self.trials is None and self.minutes is None:
            raise ConfigError("say when to end: --trials N, --minutes M, or both")
        for name, value in (("trials", self.trials), ("minutes", self.minutes)):
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be above 0, not {value}")
