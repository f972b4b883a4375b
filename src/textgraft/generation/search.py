"""Search strategies: greedy search and sampling, beam search, contrastive search; and the choice of a token.

A strategy yields (row, newly decoded text).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import log_softmax, softmax

from textgraft.backbones.language_model import Cache, LanguageModel
from textgraft.errors import PredictionError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.row import DecodingRow

BeamProgress = Iterator[tuple[DecodingRow, str]]


def greedy_or_sampled(model: LanguageModel, rows: Sequence[DecodingRow], config: GenerationConfig) -> BeamProgress:
    """Choose one token per step for a batch of rows.

    Rows with shorter prompts generate while longer prompts are still being read.
    """
    cache = model.cache(len(rows))
    ids = _common_prompt(rows, 0)
    while True:
        logits, _ = _append(cache, ids, rows)
        next_ids = np.zeros(len(rows), np.int32)
        for index, row in enumerate(rows):
            if cache.length < len(row.prompt):
                next_ids[index] = row.prompt[cache.length]
                continue
            next_ids[index] = choose_token(logits[index], config, row.random)
            yield row, row.add(int(next_ids[index]))
        active = [index for index, row in enumerate(rows) if row.finish is None]
        if not active:
            return
        if len(active) < len(rows):
            cache.select(np.array(active))
            rows, next_ids = [rows[index] for index in active], next_ids[active]
        ids = next_ids[:, np.newaxis] if _shortest_prompt(rows) <= cache.length else _common_prompt(rows, cache.length)


def beam_search(model: LanguageModel, row: DecodingRow, config: GenerationConfig) -> BeamProgress:
    """The sequence with the highest mean log-probability per token among those that the beams reach.

    As in Hugging Face transformers, each step considers twice as many candidates as beams, sets finished ones aside,
    and ends when as many sequences as beams have finished with a higher score than the best active one.
    """
    cache, beams = model.cache(1), config.num_beams
    logits, _ = _append(cache, row.prompt[np.newaxis], [row])
    sequences, scores = [list[int]()], np.zeros(1)
    finished: list[tuple[float, list[int]]] = []
    while True:
        totals = (scores[:, np.newaxis] + log_softmax(logits.astype(np.float64), axis=-1)).ravel()
        best = top_indices(totals, 2 * beams)
        parents, tokens = best // logits.shape[1], best % logits.shape[1]
        candidates = [[*sequences[parent], int(token)] for parent, token in zip(parents, tokens, strict=True)]
        ends = [row.would_finish(candidate) for candidate in candidates]
        means = totals[best] / len(candidates[0])
        finished += [(means[rank], candidates[rank]) for rank in range(min(beams, len(best))) if ends[rank]]
        finished = sorted(finished, key=lambda scored: -scored[0])[:beams]
        active = [rank for rank in range(len(best)) if not ends[rank]][:beams]
        if not active or (len(finished) == beams and means[active[0]] <= finished[-1][0]):
            break
        sequences, scores = [candidates[rank] for rank in active], totals[best[active]]
        cache.select(parents[active])
        logits, _ = _append(cache, tokens[active][:, np.newaxis], [row])
    for token in finished[0][1]:
        yield row, row.add(token)


def contrastive_search(model: LanguageModel, row: DecodingRow, config: GenerationConfig) -> BeamProgress:
    """Choose probable tokens whose hidden state is dissimilar to those of all preceding tokens (Su et al., 2022)."""
    cache, alpha = model.cache(1), config.penalty_alpha
    logits, vectors = _append(cache, row.prompt[np.newaxis], [row])
    context = _normalize(vectors[0])
    while row.finish is None:
        probabilities = token_probabilities(logits[0])
        candidates = top_indices(probabilities, config.candidates)
        cache.select(np.zeros(len(candidates), np.int64))
        logits, vectors = _append(cache, candidates[:, np.newaxis], [row])
        states = _normalize(vectors[:, 0])
        similarity = (states @ context.T).max(1)
        best = int(((1 - alpha) * probabilities[candidates] - alpha * similarity).argmax())
        cache.select(np.array([best]))
        logits, context = logits[[best]], np.concatenate([context, states[[best]]])
        yield row, row.add(int(candidates[best]))


def choose_token(logits: np.ndarray, config: GenerationConfig, random: np.random.Generator) -> int:
    """The most probable token of logits (v,) at a sampling temperature of 0, else one sampled by one random number."""
    if not config.sampling_temperature:
        return int(logits.argmax())
    ids, probabilities = sampling_distribution(logits, config)
    # Rounding can leave the sum of the probabilities below 1, and the random number above it.
    index = int(np.searchsorted(np.cumsum(probabilities), random.random(), side="right"))
    return int(ids[min(index, len(ids) - 1)])


def sampling_distribution(logits: np.ndarray, config: GenerationConfig) -> tuple[np.ndarray, np.ndarray]:
    """Apply top_k, temperature (above 0) and top_p to logits (v,), in this order.

    Returns:
        ids int64 (m,) and their probabilities float64 (m,).
    """
    ids = top_indices(logits, config.top_k) if config.top_k else np.arange(len(logits))
    differences = logits[ids].astype(np.float64) - logits[ids].max()
    with np.errstate(over="ignore"):  # of a low temperature: minus infinity, whose probability is 0
        probabilities = token_probabilities(differences / config.sampling_temperature)
    if config.top_p < 1:
        order = np.argsort(-probabilities, kind="stable")
        preceding = np.cumsum(probabilities[order]) - probabilities[order]
        nucleus = order[preceding < config.top_p]
        ids, probabilities = ids[nucleus], probabilities[nucleus] / probabilities[nucleus].sum()
    return ids, probabilities


def top_indices(values: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` highest values (v,) in descending order, int64 (at most count,)."""
    count = min(count, len(values))
    indices = np.argpartition(-values, count - 1)[:count]
    return np.asarray(indices[np.argsort(-values[indices], kind="stable")])


def token_probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax in float64 along the last axis."""
    return np.asarray(softmax(logits.astype(np.float64), axis=-1))


def _append(cache: Cache, ids: np.ndarray, rows: Sequence[DecodingRow]) -> tuple[np.ndarray, np.ndarray]:
    """`cache.append(ids)`, where the rows of the cache are those of `rows`, or all continue its only one.

    Raises:
        PredictionError: for a logit that is not finite.
    """
    logits, vectors = cache.append(ids)
    invalid = ~np.isfinite(logits).all(axis=1)
    if invalid.any():
        row = rows[int(invalid.argmax())] if len(rows) > 1 else rows[0]
        raise PredictionError.about(f"the output for prompt {row.number}")
    return logits, vectors


def _common_prompt(rows: Sequence[DecodingRow], start: int) -> np.ndarray:
    """The prompts from `start` to the end of the shortest, int32 (rows, n)."""
    return np.stack([row.prompt[start : _shortest_prompt(rows)] for row in rows])


def _shortest_prompt(rows: Sequence[DecodingRow]) -> int:
    return min(len(row.prompt) for row in rows)


def _normalize(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1))
