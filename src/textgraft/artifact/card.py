"""The model card: what the model is, how it was made, how well it does."""

from typing import Any


def write_card(config: dict[str, Any]) -> str:
    """Markdown from a model folder's config."""
    lines = [f"# {config['task']} on {config['preset']}", ""]
    labels = config["settings"].get("labels")
    if labels:
        lines += [f"Labels: {', '.join(f'`{label}`' for label in labels)}.", ""]
    lines += _use(labels)
    if "data" in config:
        lines += _training(config)
    if "metrics" in config:
        lines += _metrics(config["metrics"])
    lines += ["## Versions", "", *(f"- {name} {version}" for name, version in config["versions"].items()), ""]
    return "\n".join(lines)


def _use(labels: list[str] | None) -> list[str]:
    comment = f'  # for example ["{labels[0]}"]' if labels else ""
    code = f'import textgraft as tg\n\ntg.load("this folder").predict(["a text"]){comment}'
    return ["## Use", "", "```python", code, "```", ""]


def _training(config: dict[str, Any]) -> list[str]:
    data, fit = config["data"], config["fit"]
    lines = ["## Training", ""]
    for name, part in data.items():
        cut = part["truncated"]
        lost = f"{cut['texts']:,} of them lost {cut['tokens']:,} tokens to truncation"
        lines.append(f"- {name}: {part['texts']:,} texts of {part['source']}; {lost}")
    lines += [f"- {name}: {value}" for name, value in fit.items()]
    return [*lines, ""]


def _metrics(metrics: dict[str, Any]) -> list[str]:
    lines = ["## Results", "", "| set | accuracy | macro F1 | loss |", "|---|---|---|---|"]
    if "validation" in metrics:
        values = metrics["validation"]
        lines.append(f"| validation | {values['val_accuracy']:.4f} | | {values['val_loss']:.4f} |")
    if "test" in metrics:
        values = metrics["test"]
        accuracy, macro_f1 = (_with_interval(values, name) for name in ("accuracy", "macro_f1"))
        lines.append(f"| test ({values['texts']:,} texts) | {accuracy} | {macro_f1} | {values['loss']:.4f} |")
    return [*lines, ""]


def _with_interval(values: dict[str, Any], name: str) -> str:
    low, high = values[f"{name}_interval"]
    return f"{values[name]:.4f} ({low:.4f} to {high:.4f})"
