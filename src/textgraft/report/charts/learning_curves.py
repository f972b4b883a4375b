"""The learning curves: loss and the selection metric by epoch."""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from textgraft.report.charts.figure import QUIET, Chart, add_legend, new_figure, zoom_percent
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import NOT_SHARES, metric_name, metric_text, number_text


def loss_chart(facts: ReportFacts) -> Chart | None:
    """Training and validation loss by epoch; None for fewer than two epochs."""
    rows = [row for row in facts.history if "loss" in row]
    if len(rows) < 2:
        return None
    figure, axes = new_figure("epoch", "loss")
    epochs = [row["epoch"] for row in rows]
    axes.plot(epochs, [row["loss"] for row in rows], "o-", label="training")
    ends = (
        f"Training loss {number_text(rows[0]['loss'])} in the first epoch, {number_text(rows[-1]['loss'])} in the last"
    )
    if all("val_loss" in row for row in rows):
        losses = [row["val_loss"] for row in rows]
        axes.plot(epochs, losses, "s--", label="validation")
        ends += f"; validation loss {number_text(losses[0])} and {number_text(losses[-1])}"
    _finish(axes, facts)
    return Chart("loss", "Loss by epoch", f"{ends}.", figure)


def metric_chart(facts: ReportFacts) -> Chart | None:
    """The validation metric that selected the epoch; None for fewer than two epochs."""
    metric = str(facts.config["fit"].get("metric", ""))
    rows = [row for row in facts.history if f"val_{metric}" in row]
    if len(rows) < 2 or metric == "loss":
        return None
    name = metric_name(metric)
    figure, axes = new_figure("epoch", f"validation {name[0].lower()}{name[1:]}")
    values = [row[f"val_{metric}"] for row in rows]
    axes.plot([row["epoch"] for row in rows], values, "o-", label="validation")
    if metric not in NOT_SHARES:
        zoom_percent(axes.yaxis)
    _finish(axes, facts)
    best = facts.config["fit"].get("best_epoch")
    selected = f", which has the weights of the model: {metric_text(values[best - 1], metric)}" if best else ""
    description = f"{name} on the validation texts by epoch. The best epoch is {best}{selected}." if best else name
    return Chart("validation-metric", f"{name} by epoch", description, figure)


def _finish(axes: Axes, facts: ReportFacts) -> None:
    best = facts.config["fit"].get("best_epoch")
    if best:
        axes.axvline(best, color=QUIET, linewidth=1, linestyle=":", label="best epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(axes)
