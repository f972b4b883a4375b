"""The model card: task, usage, training and results, in Markdown.

Labels, names and values are code spans, in which neither Markdown nor HTML has a meaning.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.data.labels import MAX_LISTED, join_first
from textgraft.errors import counted
from textgraft.model_folder.co_training import CO_TRAINING, describe_co_training
from textgraft.model_folder.config import EXTENDED_FROM, VALIDATED_BY, ZERO_SHOT
from textgraft.model_folder.ngrams import describe_ngrams
from textgraft.model_folder.reference import describe_reference
from textgraft.model_folder.replay import describe_replay
from textgraft.model_folder.text_index import describe_index
from textgraft.model_folder.versions import READ_SINCE
from textgraft.task_specs import task_spec
from textgraft.terminal.escaping import MAX_LINE, MAX_VALUE, printable

_PLAIN_NAME = re.compile(r"(?!.{60})[A-Za-z0-9]+([_-][A-Za-z0-9]+)*")


def write_card(config: dict[str, Any], code: str = "", note: str = "") -> str:
    """Markdown from a model folder's config, after the metadata that Hugging Face's hub reads.

    Args:
        config: content of config.json.
        code: uses the model, in a card without metadata and format; by default by its folder in textgraft.
        note: a paragraph before it.
    """
    spec, settings = task_spec(config["task"]), config["settings"]
    lines = [] if code else card_metadata("textgraft", config["task"])
    lines += [f"# {config['task']} on {_code(config['preset'])}", ""]
    labels = settings.get("labels", ())
    if labels:
        lines += [f"Labels: {join_first([*map(_code, labels[:MAX_LISTED])], len(labels))}.", ""]
    lines += [note, ""] if note else []
    lines += _use(code or f'import textgraft as tg\n\ntg.load("this folder").{spec.usage(settings)}')
    if descriptions := settings.get("descriptions"):
        lines += _descriptions(descriptions, config.get(ZERO_SHOT, False))
    if "command" in config:
        lines += ["## Command", "", _code(config["command"], MAX_LINE), ""]
    if "data" in config:
        lines += _training(config)
    lines += _answers(settings)
    if config.get("metrics"):
        lines += _metrics(config, spec.schema(settings).headline)
    versions = [f"- {_name(name)} {_code(version)}" for name, version in config["versions"].items()]
    if not code:
        readers = f"read by textgraft {READ_SINCE} and later versions"
        versions.insert(0, f"- format {config['format_version']} of model folders, {readers}")
    return "\n".join([*lines, "## Versions", "", *versions, ""])


def card_metadata(library: str, task: str) -> list[str]:
    """The lines of YAML at the beginning of a card, by which Hugging Face's hub lists a model."""
    return ["---", f"library_name: {library}", f"pipeline_tag: {task}", "tags:", "- textgraft", "---", ""]


def _use(code: str) -> list[str]:
    return ["## Use", "", "```python", code, "```", ""]


def _descriptions(descriptions: Mapping[str, Sequence[str]], is_zero_shot: bool) -> list[str]:
    rows = [
        (_code(label), join_first([*map(_code, texts[:MAX_LISTED])], len(texts)))
        for label, texts in descriptions.items()
    ]
    note = ["The head was made from these descriptions, without training texts.", ""] if is_zero_shot else []
    return ["## Descriptions of the labels", "", *note, *_table(("label", "descriptions"), rows)]


def _training(config: dict[str, Any]) -> list[str]:
    data, fit = config["data"], config["fit"]
    lines = ["## Training", ""]
    for name, dataset in data.items():
        truncated = dataset["truncated"]
        counts = f"{counted(truncated['texts'], 'text')} truncated ({counted(truncated['tokens'], 'token')} dropped)"
        lines.append(f"- {_name(name)}: {counted(dataset['texts'], 'text')} of {_code(dataset['source'])}; {counts}")
    lines += [f"- {_name(name)}: {_name(value)}" for name, value in fit.items()]
    if "ngrams" in config:
        lines.append(f"- n-grams of words: {describe_ngrams(config['ngrams'])}")
    if facts := config.get(CO_TRAINING):
        lines.append(f"- co-training on {_code(facts['source'])}: {describe_co_training(facts)}")
    if "replay" in config:
        lines.append(f"- kept for replay: {describe_replay(config['replay'])}; embeddings reveal much of the texts")
    if "text_index" in config:
        lines.append(f"- **This folder contains training texts**: {describe_index(config['text_index'])}")
    if "reference" in config:
        lines.append(f"- kept to recognize drift: {describe_reference(config['reference'])}")
    return [*lines, "", *_label_counts({name: dataset.get("labels", {}) for name, dataset in data.items()})]


def _answers(settings: Mapping[str, Any]) -> list[str]:
    """When a classifier answers, and what is promised of its answers."""
    promises, lines = settings.get("promises", {}), []
    if "abstain_below" in settings:
        lines.append(f"- No answer below probability {settings['abstain_below']:g}.")
    if promise := promises.get("target_precision"):
        lines.append(
            f"- Of {promise['texts']:,} held-out texts {promise['answered']:.1%} are answered, "
            f"{promise['precision']:.1%} of these rightly; the threshold was set for {promise['target']:g}."
        )
    if "set_threshold" in settings:
        lines.append(f"- Sets of the labels from probability {settings['set_threshold']:.4f}.")
    if promise := promises.get("coverage"):
        lines.append(
            f"- They contain the true label in {promise['target']:g} of texts, and {promise['set_size']:.2f} labels on "
            f"average of {promise['texts']:,} held-out texts."
        )
    return ["## Answers", "", *lines, ""] if lines else []


def _label_counts(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A table of the texts of each label in each set, of the 20 labels with most training texts."""
    if not any(counts.values()):
        return []
    labels = dict.fromkeys(label for part in counts.values() for label in part)
    rows = [(_code(label), *(part.get(label, 0) for part in counts.values())) for label in labels]
    return ["## Labels", "", *_table(("label", *map(_name, counts)), rows)]


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table of at most 20 rows, and the number of others."""
    lines = [_table_row(header), "|---" * len(header) + "|", *map(_table_row, rows[:MAX_LISTED])]
    return [*lines, "", *([f"{len(rows) - MAX_LISTED:,} more.", ""] if len(rows) > MAX_LISTED else [])]


def _table_row(cells: Sequence[object]) -> str:
    # A bar within a cell has a backslash before it, also in a code span; an even number of them would not protect it.
    texts = (re.sub(r"(\\*)\|", r"\1\1\|", str(cell)) for cell in cells)
    return f"| {' | '.join(texts)} |"


def _code(value: object, limit: int = MAX_VALUE) -> str:
    """A value on one line, shortened, as a code span: between more backticks in a row than it contains."""
    text = printable(" ".join(str(value).split()), limit) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    margin = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{margin}{text}{margin}{fence}"


def _name(value: object) -> str:
    """A number or a short name; what is neither, as a code span."""
    is_plain = not isinstance(value, str) or _PLAIN_NAME.fullmatch(value)
    return str(value) if is_plain else _code(value)


def results(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Metrics of the validation, then of the test set, without the prefix val_; absent sets are omitted."""
    metrics = config.get("metrics", {})
    if "validation" in metrics:
        values = {name: value for name, value in metrics["validation"].items() if name.startswith("val_")}
        yield validation_name(config), {name.removeprefix("val_"): value for name, value in values.items()}
    if "test" in metrics:
        yield "test", metrics["test"]


def validation_name(config: Mapping[str, Any]) -> str:
    """What validated the model: a set of texts, or another training where all labelled texts trained the model."""
    return str(config.get(VALIDATED_BY, "validation"))


def with_interval(values: dict[str, Any], name: str) -> str:
    """A metric with its interval, if it has one; empty if there is no such metric."""
    if name not in values:
        return ""
    interval = values.get(f"{name}_interval")
    return f"{values[name]:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")


def _metrics(config: dict[str, Any], headline: Sequence[str]) -> list[str]:
    shown = [*headline, "loss"]
    rows = []
    for part, values in results(config):
        size = f" ({values['texts']:,} texts)" if "texts" in values else ""
        rows.append((f"{part}{size}", *(with_interval(values, name) for name in shown)))
    lines = ["## Results", "", *_table(("set", *shown), rows), *_extension(config.get(EXTENDED_FROM))]
    for part, name in (("test", "test"), (validation_name(config), "validation_report")):
        if name in config["metrics"]:
            return lines + _per_label(config["metrics"][name], part)
    return lines


def _extension(extended: Mapping[str, Any] | None) -> list[str]:
    """The accuracies of a model and of the one that it extends."""
    if not extended:
        return []
    rows = [
        (f"{_name(name)} ({values['texts']:,})", *(f"{values[column]:.4f}" for column in ("before", "after")))
        for name, values in extended["accuracies"].items()
    ]
    if stored := extended.get("stored"):
        rows.insert(0, (f"{_name(stored['set'])} of the earlier model", f"{stored['accuracy']:.4f}", ""))
    note = f"Extends {_code(extended['model'])}; {extended['replayed']:,} of its embeddings were replayed."
    return ["### Accuracy before and after", "", note, "", *_table(("texts", "before", "after"), rows)]


def _per_label(metrics: dict[str, Any], part: str) -> list[str]:
    """Metrics of each label, and the labels that were predicted in place of others, on one of the sets."""
    per_label = metrics.get("per_class", metrics.get("per_type", {}))
    if not per_label:
        return []
    columns = ("precision", "recall", "f1", "support")
    ranked = sorted(per_label.items(), key=lambda item: -item[1]["support"])
    rows = [(_code(label), *(f"{scores[name]:.4g}" for name in columns)) for label, scores in ranked]
    lines = [f"### Labels of the {part} texts", "", *_table(("label", *columns), rows)]
    confusions = [
        (_code(true), _code(predicted), count)
        for true, counts in zip(metrics.get("labels", ()), metrics.get("confusion", ()), strict=False)
        for predicted, count in zip(metrics["labels"], counts, strict=True)
        if count
    ]
    if confusions:
        confusions.sort(key=lambda row: -row[2])
        lines += [f"### Predictions for the {part} texts", "", *_table(("true", "predicted", "texts"), confusions)]
    return lines
