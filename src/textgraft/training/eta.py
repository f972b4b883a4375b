"""How long the rest will take, from how long steps have taken."""

from dataclasses import dataclass


@dataclass
class Pace:
    """Seconds of a step as a line over its tokens, fitted by least squares.

    A step costs something whatever its size (the optimizer walks over all weights), so seconds per token alone would
    mislead where the first steps happen to be of short or of long texts.
    """

    steps: int = 0
    tokens: float = 0.0
    seconds: float = 0.0
    _tokens_squared: float = 0.0
    _products: float = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self.steps += 1
        self.tokens += tokens
        self.seconds += seconds
        self._tokens_squared += tokens * tokens
        self._products += tokens * seconds

    def of(self, steps: float, tokens: float) -> float:
        """Seconds that so many steps with so many tokens in all will take; at least one step must have been counted."""
        slope, level = self._line()
        return slope * tokens + level * steps

    def _line(self) -> tuple[float, float]:
        spread = self._tokens_squared - self.tokens**2 / self.steps
        level_only = 0.0, self.seconds / self.steps
        if spread <= 0:
            return level_only
        slope = (self._products - self.tokens * self.seconds / self.steps) / spread
        level = (self.seconds - slope * self.tokens) / self.steps
        if slope <= 0:
            return level_only
        return (slope, level) if level >= 0 else (self.seconds / self.tokens, 0.0)
