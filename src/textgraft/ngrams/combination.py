"""How much the logits of an n-gram model count beside those of a network, fitted on held-out texts."""

from typing import NamedTuple

import numpy as np

from textgraft.training.log_loss import margins, mean_log_loss

_LOG_TEMPERATURE_BOUNDS = (-5.0, 5.0)  # five standard deviations of the prior
_DECIMALS = 4


class Weights(NamedTuple):
    """Weights of logits: network / temperature + ngrams * n-grams."""

    temperature: float
    ngrams: float

    def combine(self, network: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
        """The weighted sum of logits of one shape."""
        return network / self.temperature + self.ngrams * ngrams


class Combination(NamedTuple):
    """Weights, and what they are worth on texts that did not fit them.

    Attributes:
        network_temperature: of the network alone.
        network_loss: mean log loss of the network alone, with such a temperature.
        combined_loss: that of network and n-grams together.
    """

    weights: Weights
    network_temperature: float
    network_loss: float
    combined_loss: float

    @property
    def is_better(self) -> bool:
        """Whether n-grams lower the loss."""
        return self.combined_loss < self.network_loss


def fit_combination(targets: np.ndarray, network: np.ndarray, ngrams: np.ndarray, folds: np.ndarray) -> Combination:
    """Fit the weights to held-out texts, and compare network and combination by cross-validation on these texts.

    Args:
        targets: label indices, int (n,), of texts that fitted neither of the two.
        network: logits (n, labels).
        ngrams: logits (n, labels).
        folds: int (n,), of the cross-validation; texts in no fold, below 0, only fit the weights.
    """
    weights = fit_weights(targets, network, ngrams)
    network_temperature = fit_weights(targets, network, np.zeros_like(ngrams)).temperature
    network_loss = combined_loss = 0.0
    scored = folds >= 0
    for fold in np.unique(folds[scored]):
        test = folds == fold
        train = ~test
        for_fold = fit_weights(targets[train], network[train], ngrams[train])
        alone = fit_weights(targets[train], network[train], np.zeros_like(ngrams[train]))
        combined_loss += test.sum() * mean_log_loss(for_fold.combine(network[test], ngrams[test]), targets[test])
        network_loss += test.sum() * mean_log_loss(network[test] / alone.temperature, targets[test])
    count = max(1, scored.sum())
    return Combination(weights, network_temperature, network_loss / count, combined_loss / count)


def equal_combination(targets: np.ndarray, network: np.ndarray, ngrams: np.ndarray) -> Combination:
    """The sum of both, at the temperature with the highest likelihood, for logits that were made to be added.

    Arguments: see `fit_weights`. The losses are those of the same texts.
    """
    none = np.zeros_like(ngrams)
    network_temperature = fit_weights(targets, network, none).temperature
    temperature = fit_weights(targets, network + ngrams, none).temperature
    weights = Weights(temperature, 1 / temperature)
    losses = (
        mean_log_loss(network / network_temperature, targets),
        mean_log_loss((network + ngrams) / temperature, targets),
    )
    return Combination(weights, network_temperature, *losses)


def fit_weights(targets: np.ndarray, network: np.ndarray, ngrams: np.ndarray) -> Weights:
    """The weights with the highest likelihood of the targets, the one of the n-grams at least 0.

    The logarithm of the temperature and the weight of the n-grams have standard normal priors, which a hundred texts
    outweigh; without n-grams the temperature is that of `best_temperature`.

    Args:
        targets: label indices, int (n,).
        network: logits (n, labels).
        ngrams: logits (n, labels).
    """
    from scipy.optimize import minimize  # 0.3 seconds, which predictions do not need

    network_margins, ngram_margins = margins(network, targets), margins(ngrams, targets)

    def penalized_loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_temperature, weight = parameters
        scaled = network_margins * np.exp(-log_temperature)
        combined = scaled + weight * ngram_margins
        losses = np.logaddexp.reduce(combined, axis=1)
        probabilities = np.exp(combined - losses[:, np.newaxis])
        gradient = [-(probabilities * scaled).sum() + log_temperature, (probabilities * ngram_margins).sum() + weight]
        return losses.sum() + (log_temperature**2 + weight**2) / 2, np.array(gradient)

    bounds = [_LOG_TEMPERATURE_BOUNDS, (0, None)]
    optimum = minimize(penalized_loss, [0.0, 0.5], jac=True, method="L-BFGS-B", bounds=bounds).x
    return Weights(round(float(np.exp(optimum[0])), _DECIMALS), round(float(optimum[1]), _DECIMALS))
