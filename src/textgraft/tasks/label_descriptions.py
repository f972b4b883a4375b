"""A head from descriptions of the labels: the weights of a label are the embedding of its meaning."""

from collections.abc import Mapping, Sequence
from itertools import chain

import keras
import numpy as np

from textgraft.data.labels import show_label
from textgraft.errors import ConfigError, warn
from textgraft.tasks.base import Task
from textgraft.tasks.finite_outputs import require_finite_outputs
from textgraft.tasks.texts import as_batches
from textgraft.training.callbacks import Callback
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.logistic import LayerPrior
from textgraft.training.prior import MAX_PRIOR_TEXTS, FittedPrior

# Logits of a text are this times the cosines of its embedding and those of the labels, if it is as long as the
# embeddings of descriptions are; chosen by the likelihood of training texts of IMDb, AG News and TREC.
COSINE_SCALE = 20.0

_MIN_NORM = 1e-6


def label_vectors(task: Task, descriptions: Mapping[str, Sequence[str]]) -> tuple[np.ndarray, float]:
    """The meaning of each label as a vector, and the mean length of the embeddings of all descriptions.

    The vector of a label is the mean of the normalized embeddings of its descriptions, normalized again.

    Args:
        task: pooled, with single texts.
        descriptions: by label.

    Returns:
        float32 (labels, dim), and a length above 0.

    Raises:
        ConfigError: for a description that is truncated, or whose embedding is zero, as of unknown words only.
        PredictionError: for an embedding that is not finite.
    """
    texts = list(chain.from_iterable(descriptions.values()))
    embeddings = _embed(task, texts)
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if (zero := np.flatnonzero(norms < _MIN_NORM)).size:
        raise ConfigError(
            f"the description {texts[zero[0]]!r:.60} has an embedding of zero; use words of the vocabulary"
        )
    ends = np.cumsum([len(texts) for texts in descriptions.values()])
    means = np.stack([part.mean(axis=0) for part in np.split(embeddings / norms, ends[:-1])])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    if (zero := np.flatnonzero(lengths < _MIN_NORM)).size:
        label = show_label(list(descriptions)[zero[0]])
        raise ConfigError(f"the descriptions of {label} cancel each other; describe one meaning")
    return means / lengths, float(norms.mean())


def cosine_kernel(vectors: np.ndarray, norm: float, units: int) -> np.ndarray:
    """The kernel of a linear head whose logits are proportional to cosines, float32 (dim, units).

    Args:
        vectors: of the labels, of length 1, float32 (labels, dim).
        norm: usual length of the embeddings of texts.
        units: logits of the head: one per label, or a single one for the second of two labels.
    """
    # What all labels have in common does not change a probability.
    weights = vectors[1:] - vectors[:1] if units == 1 else vectors - vectors.mean(axis=0)
    kernel: np.ndarray = (COSINE_SCALE / norm * weights.T).astype(np.float32)
    return kernel


def init_head_by_descriptions(task: Task, descriptions: Mapping[str, Sequence[str]]) -> None:
    """Set a head of one layer to the descriptions; errors: see `label_vectors`."""
    layer: keras.layers.Dense = task.head.layers[-1]
    vectors, norm = label_vectors(task, descriptions)
    layer.kernel.assign(cosine_kernel(vectors, norm, layer.units))
    layer.bias.assign(np.zeros(layer.units, np.float32))


def description_prior(task: Task, texts: int, callback: Callback) -> LayerPrior | None:
    """The prior of logistic regression on a number of training texts; None without descriptions, or for many texts.

    Errors: see `label_vectors`.
    """
    if not task.descriptions:
        return None
    if texts > MAX_PRIOR_TEXTS:
        callback.on_message(f"descriptions not used: more than {MAX_PRIOR_TEXTS:,} training texts")
        return None
    vectors, _ = label_vectors(task, task.descriptions)

    def report(fitted: FittedPrior) -> None:
        callback.on_message(
            f"descriptions: weight {fitted.strength:g} (from 0 to 1), by cross-validation on {texts:,} texts; alone "
            f"they classify {fitted.accuracy:.1%} of these correctly"
        )
        if fitted.accuracy < fitted.majority:
            message = (
                f"the descriptions classify {fitted.accuracy:.1%} of the {texts:,} training texts correctly, less than "
                f"the share of the most frequent label ({fitted.majority:.1%}); rewrite them"
            )
            warn(message)

    return LayerPrior(cosine_kernel(vectors, 1.0, task.head.layers[-1].units), report)


def _embed(task: Task, texts: Sequence[str]) -> np.ndarray:
    """Pooled vectors, float32 (n, dim)."""
    batches = list(as_batches(texts))
    tokens = task.tokenize(batches)
    if tokens.truncated.texts:
        long = next(text for text in texts if task.tokenize(as_batches([text])).truncated.texts)
        limit = task.architecture.sequence_length
        raise ConfigError(f"the description {long!r:.60} has more than {limit} tokens; shorten it")
    infer = inference_step(task.pool, task.input_spec)
    embeddings: np.ndarray = compute_outputs(infer, tokens, task.backbone.batch_tokens)
    require_finite_outputs(embeddings, np.concatenate(batches))
    return embeddings
