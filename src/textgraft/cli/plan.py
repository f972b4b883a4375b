"""A plan of a training run as a table."""

from rich.table import Table

from textgraft.training.history import Plan


def table(plan: Plan) -> Table:
    """What `TextClassifier.plan` returned, for people."""
    lines = Table(title="what this run would take", title_justify="left", show_header=False)
    for name, texts in plan.texts.items():
        cut = plan.truncated[name]
        lost = f"{cut.texts:,} texts lose {cut.tokens:,} tokens to truncation"
        lines.add_row(name, f"{texts:,} texts, {plan.tokens[name]:,} tokens; {lost}")
    lines.add_row("steps", f"{plan.steps:,}")
    lines.add_row("parameters", f"{plan.trainable:,} trained of {plan.parameters:,}")
    lines.add_row("time", f"about {plan.seconds / 60:.1f} minutes, the final test not counted")
    lines.add_row("memory", f"about {plan.memory / (1 << 30):.1f} GiB at its peak")
    return lines
