"""Numbers and names of metrics as a report shows them."""

from collections.abc import Sequence

_NAMES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "label_set_accuracy": "Sets fully right",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "loss": "Loss",
}
NOT_SHARES = ("mae", "rmse", "loss", "pearson", "spearman")


def metric_name(metric: str) -> str:
    """The name of a metric for a reader."""
    return _NAMES.get(metric, metric.replace("_", " ").capitalize())


def metric_text(value: float, metric: str) -> str:
    """A metric's value: a share in percent, another number with four digits."""
    return number_text(value) if metric in NOT_SHARES else share_text(value)


def interval_text(interval: Sequence[float], metric: str) -> str:
    """An interval in parentheses, such as "(88.1 to 92.4 %)"."""
    low, high = interval
    if metric in NOT_SHARES:
        return f"({number_text(low)} to {number_text(high)})"
    return share_interval_text(interval)


def share_text(share: float) -> str:
    """A share in percent with one decimal."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def share_interval_text(interval: Sequence[float]) -> str:
    """An interval of a share in parentheses."""
    low, high = (100 * min(1.0, max(0.0, bound)) for bound in interval)
    return f"({low:.1f} to {high:.1f}\N{NO-BREAK SPACE}%)"


def number_text(value: float) -> str:
    """A number with four significant digits."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text
