"""The model card: task, usage, training and results."""

from collections.abc import Iterator, Sequence
from typing import Any

from textgraft.task_specs import task_spec


def write_card(config: dict[str, Any]) -> str:
    """Markdown from a model folder's config."""
    spec, settings = task_spec(config["task"]), config["settings"]
    lines = [f"# {config['task']} on {config['preset']}", ""]
    labels = config["settings"].get("labels")
    if labels:
        lines += [f"Labels: {', '.join(f'`{label}`' for label in labels)}.", ""]
    lines += _use(spec.usage(settings))
    if "data" in config:
        lines += _training(config)
    if config.get("metrics"):
        lines += _metrics(config, spec.schema(settings).headline)
    lines += ["## Versions", "", *(f"- {name} {version}" for name, version in config["versions"].items()), ""]
    return "\n".join(lines)


def _use(call: str) -> list[str]:
    code = f'import textgraft as tg\n\ntg.load("this folder").{call}'
    return ["## Use", "", "```python", code, "```", ""]


def _training(config: dict[str, Any]) -> list[str]:
    data, fit = config["data"], config["fit"]
    lines = ["## Training", ""]
    for name, dataset in data.items():
        truncated = dataset["truncated"]
        counts = f"{truncated['texts']:,} texts truncated ({truncated['tokens']:,} tokens dropped)"
        lines.append(f"- {name}: {dataset['texts']:,} texts of {dataset['source']}; {counts}")
    lines += [f"- {name}: {value}" for name, value in fit.items()]
    return [*lines, ""]


def results(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Metrics of the validation set, then of the test set, without the prefix val_; absent sets are omitted."""
    metrics = config.get("metrics", {})
    if "validation" in metrics:
        values = metrics["validation"].items()
        yield "validation", {name.removeprefix("val_"): value for name, value in values if name.startswith("val_")}
    if "test" in metrics:
        yield "test", metrics["test"]


def with_interval(values: dict[str, Any], name: str) -> str:
    """A metric with its interval, if it has one; empty if there is no such metric."""
    if name not in values:
        return ""
    interval = values.get(f"{name}_interval")
    return f"{values[name]:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")


def _metrics(config: dict[str, Any], headline: Sequence[str]) -> list[str]:
    shown = [*headline, "loss"]
    lines = ["## Results", "", f"| set | {' | '.join(shown)} |", "|---" * (1 + len(shown)) + "|"]
    for part, values in results(config):
        size = f" ({values['texts']:,} texts)" if "texts" in values else ""
        lines.append(f"| {part}{size} | {' | '.join(with_interval(values, name) for name in shown)} |")
    return [*lines, ""]
