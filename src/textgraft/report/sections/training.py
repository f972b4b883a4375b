"""How the model was trained: command, data, settings and learning curves."""

from collections.abc import Iterator, Mapping
from functools import partial

from textgraft.errors import counted
from textgraft.model_folder.config import EXTENDED_FROM, VALIDATED_BY, ZERO_SHOT
from textgraft.model_folder.ngrams import describe_ngrams
from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure, figures
from textgraft.report.html import Html, details, element, fragment, section, shown_code, shown_name, table
from textgraft.report.numbers import number_text

_MAX_LABELS = 20
_MODES = {
    "all": "All weights were trained",
    "none": "Its weights stayed as they are, and a head on its vectors was trained",
    "last": "The head and the last {count} were trained",
    "lora": "The head and low-rank adapters (LoRA) of rank {count} were trained",
}
_SETTINGS = (
    "fine_tune", "head", "epochs", "best_epoch", "batch_size", "learning_rate", "optimizer", "schedule", "warmup",
    "weight_decay", "balance", "ngrams", "contrastive", "refit", "patience", "metric", "seed", "seconds",
)  # fmt: skip


def training_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html:
    """Data, settings, and how loss and metric developed."""
    curves = figures(figure(charts, "loss", partial(_epochs, facts)), figure(charts, "validation-metric"))
    return section(
        "training",
        "Training",
        _beginning(facts),
        _command(facts),
        _data(facts),
        curves,
        _labels(facts),
        _settings(facts),
    )


def _beginning(facts: ReportFacts) -> Html:
    config = facts.config
    if config.get(ZERO_SHOT):
        return element("p", "The head was made from descriptions of the labels, without a training text.")
    fit = config.get("fit", {})
    mode, _, count = str(fit.get("fine_tune", "")).partition(":")
    trained = _MODES.get(mode, "Trained").format(count=counted(int(count), "block") if mode == "last" else count)
    duration = f" The training took {fit['seconds']:,.3g} seconds." if "seconds" in fit else ""
    sentences = [f". {trained}.{duration}"]
    if extended := config.get(EXTENDED_FROM):
        replayed = f"; {counted(extended['replayed'], 'embedding')} of its texts trained this one too."
        sentences += [" It extends ", shown_name(extended["model"]), replayed]
    return element("p", "Pretrained model: ", shown_code(config["preset"]), sentences)


def _command(facts: ReportFacts) -> Html | None:
    commands = {"The model was trained by:": facts.config.get("command"), "This report was written by:": facts.command}
    shown = [
        fragment(element("p", purpose), element("pre", shown_code(command), tabindex="0"))
        for purpose, command in commands.items()
        if command
    ]
    return fragment(shown) if shown else None


def _data(facts: ReportFacts) -> Html | None:
    data: Mapping[str, Mapping[str, object]] = facts.config.get("data", {})
    if not data:
        return None
    rows = [(name, f"{part['texts']:,}", shown_name(part["source"]), _truncated(part)) for name, part in data.items()]
    note = facts.config.get(VALIDATED_BY)
    text = element("p", f"No text was held out for validation; the model was validated by {note}.") if note else None
    return fragment(table("Texts", ("set", "texts", "source", "truncated"), rows, texts=(0, 2)), text)


def _truncated(part: Mapping[str, object]) -> str:
    truncated = part["truncated"]
    return f"{truncated['texts']:,}" if isinstance(truncated, Mapping) else ""


def _epochs(facts: ReportFacts) -> Html:
    names = [name for name in facts.history[0] if name != "epoch"]
    rows = [(f"{row['epoch']:.0f}", *(number_text(row[name]) for name in names)) for row in facts.history]
    header = ("epoch", *(name.replace("_", " ").replace("val ", "validation ") for name in names))
    return details("Numbers of each epoch", table("Training by epoch", header, rows))


def _labels(facts: ReportFacts) -> Html | None:
    data: Mapping[str, Mapping[str, Mapping[str, int]]] = facts.config.get("data", {})
    counts = {name: part["labels"] for name, part in data.items() if part.get("labels")}
    if not counts:
        return None
    labels = list(dict.fromkeys(label for part in counts.values() for label in part))
    rows = [
        (shown_name(label), *(f"{part.get(label, 0):,}" for part in counts.values())) for label in labels[:_MAX_LABELS]
    ]
    title = f"The {_MAX_LABELS} most frequent of {len(labels):,} labels" if len(labels) > _MAX_LABELS else "Labels"
    return details("Labels of each set", table(title, ("label", *counts), rows))


def _settings(facts: ReportFacts) -> Html | None:
    rows = list(_setting_rows(facts))
    return (
        details("Settings and versions", table("Settings", ("setting", "value"), rows, texts=(0, 1))) if rows else None
    )


def _setting_rows(facts: ReportFacts) -> Iterator[tuple[str, Html | str]]:
    config = facts.config
    fit, architecture = config.get("fit", {}), config.get("architecture", {})
    for name in _SETTINGS:
        if name in fit:
            yield name.replace("_", " "), str(fit[name])
    if length := architecture.get("sequence_length"):
        yield "sequence length", counted(length, "token")
    for name in ("pooling", "truncation", "dropout"):
        if name in architecture:
            yield name, str(architecture[name])
    if "ngrams" in config:
        yield "n-grams of words", describe_ngrams(config["ngrams"])
    if "precision" in config:
        yield "precision", str(config["precision"])
    for name, version in config["versions"].items():
        yield f"version of {name}", shown_name(version)
