"""The ways to go on: token by token, by beams, or away from what was said.

Each takes rows, and yields a row with the text that has become certain in it.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from textgraft.backbones.language_model import LanguageModel
from textgraft.generation.config import GenerationConfig
from textgraft.generation.row import Row
from textgraft.generation.sampling import chosen, highest, softmax

Progress = Iterator[tuple[Row, str]]


def token_by_token(model: LanguageModel, rows: Sequence[Row], config: GenerationConfig) -> Progress:
    """The most probable token, or one that is drawn; rows of several lengths side by side.

    Shorter prompts go on while longer ones are still being read.
    """
    cache = model.cache(len(rows))
    ids = _common(rows, 0)
    while True:
        logits, _ = cache.read(ids)
        following = np.zeros(len(rows), np.int32)
        for number, row in enumerate(rows):
            if cache.length < len(row.prompt):
                following[number] = row.prompt[cache.length]
                continue
            following[number] = chosen(logits[number], config, row.random)
            yield row, row.take(int(following[number]))
        going = [number for number, row in enumerate(rows) if row.finish is None]
        if not going:
            return
        if len(going) < len(rows):
            cache.keep(np.array(going))
            rows, following = [rows[number] for number in going], following[going]
        ids = following[:, np.newaxis] if _shortest(rows) <= cache.length else _common(rows, cache.length)


def beam_search(model: LanguageModel, row: Row, config: GenerationConfig) -> Progress:
    """The text whose tokens are the most probable in the mean, as far as so many beams can find it.

    As in the reference implementation, of twice as many candidates those that end are set aside, and no beam is
    followed any more once as many ended better than the best that goes on.
    """
    cache, beams = model.cache(1), config.num_beams
    logits, _ = cache.read(row.prompt[np.newaxis])
    running, scores = [list[int]()], np.zeros(1)
    ended: list[tuple[float, list[int]]] = []
    while True:
        totals = (scores[:, np.newaxis] + np.log(softmax(logits))).ravel()
        best = highest(totals, 2 * beams)
        parents, tokens = best // logits.shape[1], best % logits.shape[1]
        texts = [[*running[parent], int(token)] for parent, token in zip(parents, tokens, strict=True)]
        over = [row.is_over(text) for text in texts]
        means = totals[best] / len(texts[0])
        ended += [(means[rank], texts[rank]) for rank in range(min(beams, len(best))) if over[rank]]
        ended = sorted(ended, key=lambda end: -end[0])[:beams]
        going = [rank for rank in range(len(best)) if not over[rank]][:beams]
        if not going or (len(ended) == beams and means[going[0]] <= ended[-1][0]):
            break
        running, scores = [texts[rank] for rank in going], totals[best[going]]
        cache.keep(parents[going])
        logits, _ = cache.read(tokens[going][:, np.newaxis])
    for token in ended[0][1]:
        yield row, row.take(token)


def contrastive_search(model: LanguageModel, row: Row, config: GenerationConfig) -> Progress:
    """Contrastive search: probable tokens whose vectors are unlike those of all tokens before."""
    cache, weight = model.cache(1), config.penalty_alpha
    logits, vectors = cache.read(row.prompt[np.newaxis])
    past = _directions(vectors[0])
    while row.finish is None:
        shares = softmax(logits[0])
        candidates = highest(shares, config.candidates)
        cache.keep(np.zeros(len(candidates), np.int64))
        logits, vectors = cache.read(candidates[:, np.newaxis])
        directions = _directions(vectors[:, 0])
        likeness = (directions @ past.T).max(1)
        best = int(((1 - weight) * shares[candidates] - weight * likeness).argmax())
        cache.keep(np.array([best]))
        logits, past = logits[[best]], np.concatenate([past, directions[[best]]])
        yield row, row.take(int(candidates[best]))


def _common(rows: Sequence[Row], start: int) -> np.ndarray:
    """What all prompts have from a place on, int32 (rows, n)."""
    return np.stack([row.prompt[start : _shortest(rows)] for row in rows])


def _shortest(rows: Sequence[Row]) -> int:
    return min(len(row.prompt) for row in rows)


def _directions(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
