"""Options of text generation."""

from dataclasses import dataclass

from textgraft.errors import ConfigError
from textgraft.options import MAX_SEED, check_options, option

_NEW_TOKENS = 128
_CANDIDATES = 4


@dataclass(frozen=True)
class GenerationConfig:
    """Search strategy, sampling and stop conditions.

    The default is greedy search, which takes the most probable token at each step; options select sampling, beam search
    or contrastive search.
    """

    max_new_tokens: int | None = option(
        None,
        "Maximum number of generated tokens.",
        panel="Generation",
        shown_default=f"{_NEW_TOKENS}, at most half of the context",
        minimum=1,
    )
    temperature: float | None = option(
        None,
        "Sampling temperature, by which logits are divided; 0 takes the most probable token.",
        panel="Generation",
        shown_default="1 with --top-k or --top-p, else 0",
        minimum=0,
    )
    # Fan et al., 2018, https://arxiv.org/abs/1805.04833
    top_k: int = option(0, "Sample from the K most probable tokens; 0 for all.", panel="Generation", minimum=0)
    # Holtzman et al., 2020, https://arxiv.org/abs/1904.09751
    top_p: float = option(
        1.0,
        "Sample from the smallest set of tokens with this cumulative probability.",
        panel="Generation",
        above=0,
        maximum=1,
    )
    num_beams: int = option(1, "Number of beams of beam search.", panel="Generation", minimum=1)
    # Su et al., 2022, https://arxiv.org/abs/2202.06417
    penalty_alpha: float = option(
        0.0,
        f"Degeneration penalty of contrastive search among the top-k tokens ({_CANDIDATES} by default), such as 0.6.",
        panel="Generation",
        shown_default="0",
        minimum=0,
        maximum=1,
    )
    seed: int = option(
        0, "Random seed of sampling; each prompt has its own stream.", panel="Generation", minimum=0, maximum=MAX_SEED
    )
    stop: tuple[str, ...] = option((), "Stop before this string; may be repeated.", panel="Generation")

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ConfigError: when one is out of range, or two exclude each other.
        """
        check_options(self)
        if "" in self.stop:
            raise ConfigError("stop: every text contains the empty string; leave it out")
        if self.num_beams > 1 and self.penalty_alpha:
            raise ConfigError("num_beams and penalty_alpha exclude each other; drop one")
        if self.num_beams > 1 and (self.sampling_temperature or self.top_k):
            raise ConfigError("beam search does not sample; drop temperature, top_k and top_p")
        if self.penalty_alpha and (self.sampling_temperature or self.top_p < 1):
            raise ConfigError("contrastive search does not sample; drop temperature and top_p")
        if self.temperature == 0 and (self.top_k or self.top_p < 1) and not self.penalty_alpha:
            raise ConfigError("temperature 0 does not sample; drop top_k and top_p, or raise temperature")

    @property
    def sampling_temperature(self) -> float:
        """The temperature with its default resolved; 0 for strategies that do not sample."""
        if self.temperature is None:
            return float(self.top_p < 1 or (self.top_k > 0 and not self.penalty_alpha))
        return self.temperature

    @property
    def candidates(self) -> int:
        """Number of tokens that contrastive search compares per step."""
        return self.top_k or _CANDIDATES

    def max_tokens(self, context: int | None) -> int:
        """The maximum number of generated tokens for a model's context in tokens, or None.

        Raises:
            ConfigError: when `max_new_tokens` leaves no space for a prompt.
        """
        if self.max_new_tokens is None:
            return _NEW_TOKENS if context is None else min(_NEW_TOKENS, context // 2)
        if context is not None and self.max_new_tokens >= context:
            raise ConfigError(
                f"max_new_tokens {self.max_new_tokens} leaves no space for a prompt in the context of {context} "
                f"tokens; set at most {context - 1}"
            )
        return self.max_new_tokens
