"""How text is generated."""

from dataclasses import dataclass

from textgraft.errors import ConfigError

_NEW_TOKENS = 128
_CANDIDATES = 4


@dataclass(frozen=True)
class GenerationConfig:
    """A way to choose tokens, and when to stop.

    The most probable token is taken each time (greedy) unless one of the fields says otherwise.

    Attributes:
        max_new_tokens: after a prompt; None for 128, or half of a model's context where that is less.
        temperature: logits are divided by it and a token is drawn; 0 draws none; None is 1 with top_k or top_p, else 0.
        top_k: tokens are drawn from so many of the most probable (Fan et al., 2018, https://arxiv.org/abs/1805.04833);
            0 for all.
        top_p: tokens are drawn from the fewest that have this share of the probability
            (Holtzman et al., 2020, https://arxiv.org/abs/1904.09751).
        num_beams: so many texts are followed side by side, and the one that is most probable per token is taken.
        penalty_alpha: how much it is held against a token, of the top_k (4 unless given), that the model sees it as it
            sees one before it, between 0 and 1 (Su et al., 2022, https://arxiv.org/abs/2202.06417); 0 for not at all.
        seed: of the draws; each prompt has draws of its own.
        stop: a text ends before the first of these strings.
    """

    max_new_tokens: int | None = None
    temperature: float | None = None
    top_k: int = 0
    top_p: float = 1.0
    num_beams: int = 1
    penalty_alpha: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check each field, and that they go together.

        Raises:
            ConfigError: when they do not.
        """
        for name in ("max_new_tokens", "num_beams"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, not {value}")
        for name in ("temperature", "top_k", "seed"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ConfigError(f"{name} must be at least 0, not {value}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is a share, above 0 and at most 1, not {self.top_p}")
        if not 0 <= self.penalty_alpha <= 1:
            raise ConfigError(f"penalty_alpha must be between 0 and 1, not {self.penalty_alpha}")
        if "" in self.stop:
            raise ConfigError("stop: every text has the empty string; leave it out")
        self._check_together()

    @property
    def warmth(self) -> float:
        """The temperature, with what None stands for filled in; 0 when no token is drawn."""
        if self.temperature is None:
            return float(self.top_p < 1 or (self.top_k > 0 and not self.penalty_alpha))
        return self.temperature

    @property
    def candidates(self) -> int:
        """How many tokens contrastive search looks at."""
        return self.top_k or _CANDIDATES

    def new_tokens(self, context: int | None) -> int:
        """The most tokens after a prompt.

        Args:
            context: most tokens of a row, or None.

        Raises:
            ConfigError: when that leaves no room for a prompt.
        """
        if self.max_new_tokens is None:
            return _NEW_TOKENS if context is None else min(_NEW_TOKENS, context // 2)
        if context is not None and self.max_new_tokens >= context:
            raise ConfigError(
                f"max_new_tokens {self.max_new_tokens} leaves no room for a prompt in the model's context of {context} "
                f"tokens; take at most {context - 1}"
            )
        return self.max_new_tokens

    def _check_together(self) -> None:
        if self.num_beams > 1 and self.penalty_alpha:
            raise ConfigError("num_beams and penalty_alpha are two ways to choose tokens; take one")
        if self.num_beams > 1 and (self.warmth or self.top_k):
            raise ConfigError("beam search draws no tokens; leave out temperature, top_k and top_p")
        if self.penalty_alpha and self.warmth:
            raise ConfigError("contrastive search draws no tokens; leave out temperature and top_p")
        if self.temperature == 0 and (self.top_k or self.top_p < 1) and not self.penalty_alpha:
            raise ConfigError("temperature 0 draws no tokens; leave out top_k and top_p, or raise it")
