"""Rows of tokens of which some are hidden, others in each epoch, and what they were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from textgraft.training.inputs import Examples, TokenIds
from textgraft.training.ragged import Ragged

# Of the tokens of a row, and of those chosen: shown as the mask; shown as the mask or as any token.
SHARE = 0.15
_MASKED, _CHANGED = 0.8, 0.9

_RAGGED = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)


@dataclass(frozen=True)
class Masking:
    """How tokens are hidden.

    Attributes:
        mask: the token that hides another one.
        never: tokens that are not hidden, the special ones.
        vocabulary_size: how many tokens there are to draw from.
        seed: of what is drawn.
    """

    mask: int
    never: tuple[int, ...]
    vocabulary_size: int
    seed: int


class MaskedExamples(Examples[TokenIds]):
    """Rows with 15 % of their tokens to be found out, at least one (Devlin et al., 2018, section 3.1).

    Of these, 80 % are shown as the mask, 10 % as any token, 10 % as they are. Which they are is a function of seed,
    epoch and row; before the first `begin` they are those of no epoch, the same whenever they are asked for.

    References:
        https://arxiv.org/abs/1810.04805

    Attributes:
        inputs: the rows as they are.
        targets: nothing; those of a batch depend on the epoch.
        weights: int64 (n,), how many tokens of each row are to be found out.
    """

    def __init__(self, tokens: TokenIds, masking: Masking, notices: Sequence[str] = ()) -> None:
        """Count what can be hidden."""
        self._masking, self._rows, self._stream = masking, Ragged(tokens.ids, tokens.lengths), 0
        hidden = np.concatenate([[0], np.cumsum(~np.isin(tokens.ids, masking.never))])
        ends = np.cumsum(tokens.lengths)
        possible = hidden[ends] - hidden[ends - tokens.lengths]
        weights = np.minimum(possible, np.maximum(1, np.rint(SHARE * possible).astype(np.int64)))
        super().__init__(tokens, np.empty((len(tokens), 0), np.int32), weights, notices=notices)
        self.spec = ((TokenIds.spec, _RAGGED), _RAGGED)

    def begin(self, epoch: int) -> None:
        """Hide the tokens of an epoch."""
        self._stream = 1 + epoch

    def batch(self, rows: np.ndarray) -> tuple[tuple[tf.RaggedTensor, tf.RaggedTensor], tf.RaggedTensor]:
        """Rows as they are shown and the positions to be found out, and what is there; int32 ragged (b, None) each."""
        some = self._rows[rows]
        parts = np.split(some.values, np.cumsum(some.lengths)[:-1])
        shown, positions, tokens = zip(*(self._hidden(*pair) for pair in zip(rows, parts, strict=True)), strict=True)
        counts = self.weights[rows]
        chosen, targets = (Ragged(np.concatenate(each), counts).tensor() for each in (positions, tokens))
        return (Ragged(np.concatenate(shown), some.lengths).tensor(), chosen), targets

    def some(self, count: int) -> "MaskedExamples":
        """So many rows, or all, spread evenly."""
        rows = self._rows[np.unique(np.linspace(0, len(self) - 1, count).round().astype(np.int64))]
        return MaskedExamples(TokenIds(rows.values, rows.lengths, self.inputs.truncated), self._masking)

    def _hidden(self, row: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A row as it is shown, the positions chosen, and the tokens there."""
        masking = self._masking
        random = np.random.Generator(np.random.PCG64([masking.seed, self._stream, int(row)]))
        possible = np.flatnonzero(~np.isin(ids, masking.never)).astype(np.int32)
        chosen = np.sort(random.permutation(possible)[: self.weights[row]])
        dice, others = random.random(len(chosen)), random.integers(0, masking.vocabulary_size, len(chosen))
        changed = np.where(dice < _CHANGED, others, ids[chosen])
        shown = ids.copy()
        shown[chosen] = np.where(dice < _MASKED, masking.mask, changed)
        return shown, chosen, ids[chosen]
