"""What `adapt` and `pretrain` share: texts without labels, a backbone that learns from them, and what came of it."""

from typing import Any

from textgraft.cli.runs import some

_DATA = ("text", "encoding", "empty", "format")
_FIT = (
    "fine_tune", "layer_decay", "epochs", "batch_size", "batch_tokens", "learning_rate", "optimizer",
    "weight_decay", "schedule", "warmup", "clip_norm", "patience", "seed",
)  # fmt: skip


def corpus(given: dict[str, Any]) -> Any:
    """The texts to learn from and those that judge, as `Splits`."""
    from textgraft.cli.console import say
    from textgraft.data.reading import Reading
    from textgraft.data.splits import read_splits
    from textgraft.task_specs.fill_mask import FillMaskSpec

    how = Reading(**some(given, _DATA))
    sources = some(given, ("validation", "split"))
    parts = read_splits(FillMaskSpec, given["data"], how, **sources, seed=given.get("seed", 0))
    for notice in parts.notices:
        say(notice)
    if parts.test is not None:
        say(f"{parts.test.source}: its {len(parts.test):,} texts are left alone")
    return parts


def planned(model: Any, parts: Any, given: dict[str, Any]) -> None:
    """Say what `learn` would take."""
    from textgraft.cli.console import show
    from textgraft.cli.plan import table

    show(table(model.plan(parts.train, parts.validation, **some(given, _FIT))))


def learn(model: Any, parts: Any, given: dict[str, Any], checkpoints: Any) -> None:
    """Train a task on texts alone; say what goes in and what came of it."""
    from textgraft.cli.console import say

    trained, total = model.fine_tuning(fine_tune=given.get("fine_tune", "all")).parameter_counts()
    say(
        f"{model.name} on {len(parts.train):,} texts, {model.objective.summary}, "
        f"judged by {len(parts.validation):,} others; "
        f"{model.backbone.origin.preset}: {total:,} parameters ({trained:,} trainable), {model.precision}"
    )
    history = model.fit(parts.train, parts.validation, checkpoints=checkpoints, **some(given, _FIT))
    found = model.record["metrics"]["validation"]
    say(
        f"perplexity {found['val_perplexity_before']:.2f} before, {found['val_perplexity']:.2f} after epoch "
        f"{history.best_epoch} of {len(history.records)}, which is kept; {history.seconds:.0f} s"
    )
