"""What a network learns from without labels: documents as one stream of tokens cut into rows, or pairs of texts."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from textgraft.text.cleaning import Cleaning
from textgraft.text.graph import TextGraph
from textgraft.training.examples import Examples
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TokenIds, TruncationCount

# The target of a position that is not judged.
IGNORED_TARGET = -1

# A document goes through the text graph in chunks of at least so many characters, cut where a word begins anyway.
_CHUNK = 4096
_BETWEEN_WORDS = re.compile(r"(?<=\S)[ \n](?=\S)")


def tokenize_documents(documents: Iterable[np.ndarray], cleaning: Cleaning, graph: TextGraph, end: int) -> np.ndarray:
    """Documents end to end, with the token that ends a text before, between and after them.

    Args:
        documents: object arrays of UTF-8 bytes.
        cleaning: what is done to each first.
        graph: without cleaning, special tokens, and limit.
        end: that token.

    Returns:
        int32 (total,).
    """
    closing: list[np.ndarray] = []  # whether a chunk is the last one of its document

    def chunks() -> Iterator[np.ndarray]:
        for batch in documents:
            parts = [_chunks(document) for document in clean(batch, cleaning)]
            closing.append(np.concatenate([np.arange(len(part), 0, -1) == 1 for part in parts]))
            yield np.array([chunk for part in parts for chunk in part], object)

    tokens = TokenIds.from_texts(chunks(), graph)
    ends = np.cumsum(tokens.lengths)[np.concatenate(closing)]
    return np.insert(tokens.ids, np.concatenate([[0], ends]), end)


def next_token_examples(tokens: np.ndarray, length: int) -> Examples[TokenIds]:
    """Rows of one length, the last one shorter, and for each position the token that comes next.

    Args:
        tokens: int32 (total,), at least two; rows and targets are views of it.
        length: of a row.
    """
    count = len(tokens) - 1
    lengths = np.full(-(-count // length), length)
    lengths[-1] -= -count % length
    return Examples(TokenIds(tokens[:-1], lengths, TruncationCount()), Ragged(tokens[1:], lengths), lengths)


def fixed_length_rows(tokens: np.ndarray, length: int, start: int | None, end: int | None) -> TokenIds:
    """Rows of one length, the last one shorter, each between the tokens that stand around a text.

    Args:
        tokens: int32 (total,).
        length: of a row, these two included; there is room for a token between them.
        start: the token before a text, or None.
        end: the token after a text, or None.
    """
    inner = length - (start is not None) - (end is not None)
    cuts = np.arange(0, len(tokens), inner)
    stops = np.append(cuts[1:], len(tokens))[: len(cuts)]
    # At a cut the row before ends first.
    added = [(place, token) for place, token in ((stops, end), (cuts, start)) if token is not None]
    places = np.concatenate([place for place, _ in added] or [cuts[:0]])
    values = np.concatenate([np.full(len(place), token, np.int32) for place, token in added] or [tokens[:0]])
    return TokenIds(np.insert(tokens, places, values), stops - cuts + len(added), TruncationCount())


def completion_examples(
    prompts: TokenIds, answers: TokenIds, start: int | None, end: int, length: int
) -> Examples[TokenIds]:
    """A row for each prompt with its completion; only the completion, and the end after it, is judged.

    Where a row is too long, the prompt loses tokens at its beginning, and then the completion at its end.

    Args:
        prompts: without special tokens.
        answers: the completions likewise, one for each prompt.
        start: the token that stands before every text, or None.
        end: the token that ends a text; it stands before an answer that nothing else stands before.
        length: the longest row.
    """
    first = [] if start is None else [start]
    kept_answers = np.minimum(answers.lengths + 1, length)
    kept_prompts = np.minimum(prompts.lengths, np.maximum(length + 1 - len(first) - kept_answers, 0))
    before = np.maximum(len(first) + kept_prompts, 1)
    lengths = before + kept_answers - 1
    ids, targets = (np.full(int(lengths.sum()), end, np.int32) for _ in range(2))
    starts = zip(
        *(np.cumsum(lengths) - lengths for lengths in (lengths, prompts.lengths, answers.lengths)), strict=True
    )
    for row, (place, prompt, answer) in enumerate(starts):
        asked = prompts.ids[prompt : prompt + prompts.lengths[row]]
        answered = [*answers.ids[answer : answer + answers.lengths[row]], end][: kept_answers[row]]
        whole = [*first, *asked[len(asked) - kept_prompts[row] :]] or [end]
        whole += answered
        ids[place : place + lengths[row]] = whole[:-1]
        targets[place : place + lengths[row]] = whole[1:]
        targets[place : place + before[row] - 1] = IGNORED_TARGET
    dropped = prompts.lengths - kept_prompts + answers.lengths + 1 - kept_answers
    cut = TruncationCount(int(np.count_nonzero(dropped)), int(dropped.sum()))
    return Examples(TokenIds(ids, lengths, cut), Ragged(targets, lengths), kept_answers)


def document_chunks(documents: Iterable[np.ndarray], cleaning: Cleaning) -> Iterator[list[bytes]]:
    """Cleaned documents in pieces of bounded size, cut where a word begins; a list for each document.

    Args:
        documents: object arrays of UTF-8 bytes.
        cleaning: what is done to each first.
    """
    return (_chunks(document) for batch in documents for document in clean(batch, cleaning))


def clean(documents: np.ndarray, cleaning: Cleaning) -> np.ndarray:
    """Cleaned texts, object (n,) of UTF-8 bytes."""
    if cleaning == Cleaning():
        return documents
    return cleaning(tf.constant(documents, tf.string)).numpy()  # type: ignore[no-any-return]


def _chunks(document: bytes) -> list[bytes]:
    text, starts = document.decode(), [0]
    while len(text) - starts[-1] > _CHUNK and (found := _BETWEEN_WORDS.search(text, starts[-1] + _CHUNK)):
        starts.append(found.start())
    return [text[start:stop].encode() for start, stop in zip(starts, [*starts[1:], None], strict=True)]


# Of the tokens of a row, and of those chosen: shown as the mask; shown as the mask or as any token.
MASKING_SHARE = 0.15
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
    epoch and row; before the first `start_epoch` they are those of no epoch, the same whenever they are asked for.

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
        weights = np.minimum(possible, np.maximum(1, np.rint(MASKING_SHARE * possible).astype(np.int64)))
        super().__init__(tokens, np.empty((len(tokens), 0), np.int32), weights, notices=notices)
        self.spec = ((TokenIds.spec, _RAGGED), _RAGGED)

    def start_epoch(self, epoch: int) -> None:
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

    def sample(self, count: int) -> "MaskedExamples":
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
