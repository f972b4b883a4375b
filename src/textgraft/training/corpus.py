"""Examples of language models: token streams in rows, masked rows, and prompts with completions."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from textgraft.text.cleaning import Cleaning
from textgraft.text.packing import TextGraph
from textgraft.training.examples import Examples
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TokenIds, TruncationCount

# Target of a position without a loss.
IGNORED_TARGET = -1

# BERT's masking: the share of a row's tokens to predict; among these, the share replaced by the mask token, and the
# share replaced by the mask token or a random token.
MASKING_SHARE = 0.15
_MASKED, _REPLACED = 0.8, 0.9

# A document goes through the text graph in chunks of at least this many characters, cut before a word.
_CHUNK = 4096
_BETWEEN_WORDS = re.compile(r"(?<=\S)[ \n](?=\S)")


def tokenize_documents(documents: Iterable[np.ndarray], cleaning: Cleaning, graph: TextGraph, end: int) -> np.ndarray:
    """Concatenate the tokens of documents, with the token `end` before, between and after them: int32 (total,).

    Documents come in batches, object arrays of UTF-8 bytes, and are cleaned as a whole; `graph` has no cleaning, no
    special tokens and no truncation.
    """
    is_last_chunk: list[np.ndarray] = []  # bool per chunk of a batch

    def chunks() -> Iterator[np.ndarray]:
        for batch in documents:
            chunked = [_chunks(document) for document in clean_documents(batch, cleaning)]
            is_last_chunk.append(np.concatenate([np.arange(len(chunks), 0, -1) == 1 for chunks in chunked]))
            yield np.array([chunk for chunks in chunked for chunk in chunks], object)

    tokens = TokenIds.from_texts(chunks(), graph)
    ends = np.cumsum(tokens.lengths)[np.concatenate(is_last_chunk)]
    return np.insert(tokens.ids, np.concatenate([[0], ends]), end)


def next_token_examples(tokens: np.ndarray, length: int) -> Examples[TokenIds]:
    """Rows of one length, the last one shorter; the target of each position is the next token.

    Rows and targets are views of `tokens`, int32 (total,), at least two.
    """
    count = len(tokens) - 1
    lengths = np.full(-(-count // length), length)
    lengths[-1] -= -count % length
    return Examples(TokenIds(tokens[:-1], lengths, TruncationCount()), Ragged(tokens[1:], lengths), lengths)


def fixed_length_rows(tokens: np.ndarray, length: int, start: int | None, end: int | None) -> TokenIds:
    """Rows of one length, the last one shorter, of `tokens`, int32 (total,), between a start and an end token or None.

    `length` includes start and end, and is at least one more than these.
    """
    inner = length - (start is not None) - (end is not None)
    starts = np.arange(0, len(tokens), inner)
    stops = np.append(starts[1:], len(tokens))[: len(starts)]
    # Stops first: where two rows meet, the end token precedes the start token.
    special = [(offsets, token) for offsets, token in ((stops, end), (starts, start)) if token is not None]
    offsets = np.concatenate([offsets for offsets, _ in special] or [starts[:0]])
    values = np.concatenate([np.full(len(offsets), token, np.int32) for offsets, token in special] or [tokens[:0]])
    return TokenIds(np.insert(tokens, offsets, values), stops - starts + len(special), TruncationCount())


def completion_examples(
    prompts: TokenIds, completions: TokenIds, start: int | None, end: int, length: int
) -> Examples[TokenIds]:
    """One row per prompt with its completion; only the completion and the end token after it have a loss.

    A row that is too long loses the beginning of the prompt, then the end of the completion.

    Args:
        prompts: without special tokens.
        completions: likewise, one per prompt.
        start: token before every text, or None.
        end: end-of-text token; it also precedes a completion without prompt and start token.
        length: maximum tokens per row.
    """
    prefix = [] if start is None else [start]
    completion_lengths = np.minimum(completions.lengths + 1, length)
    prompt_lengths = np.minimum(prompts.lengths, np.maximum(length + 1 - len(prefix) - completion_lengths, 0))
    context_lengths = np.maximum(len(prefix) + prompt_lengths, 1)
    lengths = context_lengths + completion_lengths - 1
    ids, targets = (np.full(int(lengths.sum()), end, np.int32) for _ in range(2))
    offsets = (np.cumsum(lengths) - lengths for lengths in (lengths, prompts.lengths, completions.lengths))
    for row, (offset, prompt_start, completion_start) in enumerate(zip(*offsets, strict=True)):
        prompt = prompts.ids[prompt_start : prompt_start + prompts.lengths[row]]
        completion = completions.ids[completion_start : completion_start + completions.lengths[row]]
        context = [*prefix, *prompt[len(prompt) - prompt_lengths[row] :]] or [end]
        tokens = context + [*completion, end][: completion_lengths[row]]
        ids[offset : offset + lengths[row]] = tokens[:-1]
        targets[offset : offset + lengths[row]] = tokens[1:]
        targets[offset : offset + context_lengths[row] - 1] = IGNORED_TARGET
    dropped = prompts.lengths - prompt_lengths + completions.lengths + 1 - completion_lengths
    truncated = TruncationCount(int(np.count_nonzero(dropped)), int(dropped.sum()))
    return Examples(TokenIds(ids, lengths, truncated), Ragged(targets, lengths), completion_lengths)


def document_chunks(documents: Iterable[np.ndarray], cleaning: Cleaning) -> Iterator[list[bytes]]:
    """The chunks of each cleaned document, of bounded size and cut before a word; documents come in batches."""
    return (_chunks(document) for batch in documents for document in clean_documents(batch, cleaning))


def clean_documents(documents: np.ndarray, cleaning: Cleaning) -> np.ndarray:
    """Clean texts, object (n,) of UTF-8 bytes."""
    if cleaning == Cleaning():
        return documents
    return cleaning(tf.constant(documents, tf.string)).numpy()  # type: ignore[no-any-return]


def _chunks(document: bytes) -> list[bytes]:
    text, starts = document.decode(), [0]
    while len(text) - starts[-1] > _CHUNK and (match := _BETWEEN_WORDS.search(text, starts[-1] + _CHUNK)):
        starts.append(match.start())
    return [text[start:stop].encode() for start, stop in zip(starts, [*starts[1:], None], strict=True)]


@dataclass(frozen=True)
class Masking:
    """Options of token masking."""

    mask_id: int
    special_ids: tuple[int, ...]  # never masked
    vocabulary_size: int  # random replacements are drawn from these tokens
    seed: int


class MaskedExamples(Examples[TokenIds]):
    """Rows in which 15 % of the tokens, at least one, are to be predicted (Devlin et al., 2018, section 3.1).

    Of these, 80 % are replaced by the mask token, 10 % by a random token, and 10 % unchanged. The draws are a function
    of seed, epoch and row; before the first `start_epoch` they use a separate stream.
    Source: https://arxiv.org/abs/1810.04805

    Attributes:
        inputs: unmasked rows.
        targets: (n, 0), since the targets of a batch depend on the epoch.
        weights: int64 (n,), tokens to predict per row.
    """

    def __init__(self, tokens: TokenIds, masking: Masking, notices: Sequence[str] = ()) -> None:
        self._masking, self._rows, self._stream = masking, Ragged(tokens.ids, tokens.lengths), 0
        maskable = np.concatenate([[0], np.cumsum(~np.isin(tokens.ids, masking.special_ids))])
        ends = np.cumsum(tokens.lengths)
        counts = maskable[ends] - maskable[ends - tokens.lengths]
        weights = np.minimum(counts, np.maximum(1, np.rint(MASKING_SHARE * counts).astype(np.int64)))
        super().__init__(tokens, np.empty((len(tokens), 0), np.int32), weights, notices=notices)
        ragged = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)
        self.spec = ((TokenIds.spec, ragged), ragged)

    def start_epoch(self, epoch: int) -> None:
        self._stream = 1 + epoch

    def batch(self, rows: np.ndarray) -> tuple[tuple[tf.RaggedTensor, tf.RaggedTensor], tf.RaggedTensor]:
        """Masked rows and masked positions, then the original tokens there; int32 ragged (b, None) each."""
        batch = self._rows[rows]
        token_ids = np.split(batch.values, np.cumsum(batch.lengths)[:-1])
        masked, positions, targets = zip(*map(self._mask, rows, token_ids), strict=True)

        def ragged(arrays: Sequence[np.ndarray], lengths: np.ndarray) -> tf.RaggedTensor:
            return Ragged(np.concatenate(arrays), lengths).tensor()

        counts = self.weights[rows]
        return (ragged(masked, batch.lengths), ragged(positions, counts)), ragged(targets, counts)

    def sample(self, count: int) -> "MaskedExamples":
        """At most `count` rows, evenly spaced."""
        rows = self._rows[np.unique(np.linspace(0, len(self) - 1, count).round().astype(np.int64))]
        return MaskedExamples(TokenIds(rows.values, rows.lengths, self.inputs.truncated), self._masking)

    def _mask(self, row: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A masked row, the positions to predict, and their tokens."""
        masking = self._masking
        random = np.random.Generator(np.random.PCG64([masking.seed, self._stream, int(row)]))
        maskable = np.flatnonzero(~np.isin(ids, masking.special_ids)).astype(np.int32)
        positions = np.sort(random.permutation(maskable)[: self.weights[row]])
        draws = random.random(len(positions))
        replacements = random.integers(0, masking.vocabulary_size, len(positions))
        replaced = np.where(draws < _REPLACED, replacements, ids[positions])
        masked = ids.copy()
        masked[positions] = np.where(draws < _MASKED, masking.mask_id, replaced)
        return masked, positions, ids[positions]
