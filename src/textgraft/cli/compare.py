"""`textgraft compare`: models on the same texts, and whether they really differ."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft.cli import options as o


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Two model folders or more, of the same labels.")],
    data: Annotated[str, typer.Option(help="Labelled texts that none of them was trained on.")],
    split: o.Split = None,
    text: o.Text = None,
    label: o.Label = None,
    pair: o.Pair = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    precision: o.Precision = None,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Say whether models really differ: paired bootstrap of accuracy and macro F1, and McNemar's test.

    With more than two models, each is compared with each, and McNemar's p is raised for that (Holm).

    Example:
        textgraft compare sentiment quick --data held-out.csv
    """
    from textgraft.cli.console import say, show, show_json
    from textgraft.data.reading import Reading
    from textgraft.data.splits import read_split
    from textgraft.errors import ConfigError
    from textgraft.model_folder import folder as model_folder
    from textgraft.task_specs.text_classification import TextClassificationSpec

    if len(folders) < 2:
        raise ConfigError("compare takes two model folders or more: textgraft compare A B --data test.csv")
    asked = {
        "text": text, "label": label, "pair": pair, "encoding": encoding, "empty": empty, "format": format,
    }  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    stored = [model_folder.read(folder) for folder in folders]
    _require_same_labels(stored)
    given["paired"] = stored[0].config["settings"].get("pairs", False)
    dataset = read_split(TextClassificationSpec, data, Reading(**given), split)
    for notice in dataset.notices:
        say(notice)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    models = [_tested(one, dataset, precision or "auto") for one in stored]
    pairs = list(_pairs([str(folder) for folder in folders], models, dataset))
    if json:
        scores = [model["scores"] | {"model": str(folder)} for folder, model in zip(folders, models, strict=True)]
        show_json({"texts": len(dataset), "models": scores, "pairs": pairs})
        return
    show(_models_table(folders, models, len(dataset)))
    show(_pairs_table(pairs))
    for judged in pairs:
        typer.echo(judged["sentence"])


def _require_same_labels(stored: list[Any]) -> None:
    from textgraft.errors import ConfigError

    for one in stored:
        if (task := one.config["task"]) != "text-classification":
            raise ConfigError(f"{one.folder} is a model for {task}; compare takes models that give a text one label")
        if (problem := one.config["settings"].get("problem", "single-label")) != "single-label":
            raise ConfigError(f"{one.folder} is a {problem} model; compare takes models that give a text one label")
    first, *others = stored
    labels = first.config["settings"].get("labels", [])
    for other in others:
        if odd := sorted(set(labels) ^ set(other.config["settings"].get("labels", []))):
            raise ConfigError(
                f"{first.folder} and {other.folder} have different labels: only one knows {', '.join(odd):.200}; "
                "compare models of the same labels"
            )


def _tested(stored: Any, dataset: Any, precision: str) -> dict[str, Any]:
    """What a model says of each text, as indices of the sorted labels, and its scores."""
    import numpy as np

    from textgraft.cli.console import followed, say_truncated
    from textgraft.evaluation.classification_metrics import classification_metrics
    from textgraft.tasks.base import load_as
    from textgraft.tasks.text_classification import TextClassifier
    from textgraft.training.token_ids import TruncationCount

    model = load_as(TextClassifier, stored, precision)
    truncated = TruncationCount()
    texts = followed((batch.inputs for batch in dataset.batches()), len(dataset))
    probabilities = np.concatenate(list(model.probabilities(texts, truncated)))
    probabilities = probabilities[:, np.argsort(model.labels)]
    labels = sorted(model.labels)
    say_truncated(f"{dataset.source}, {stored.folder}", asdict(truncated), model.architecture.sequence_length)
    found = classification_metrics(dataset.label_ids(labels), probabilities, labels)
    scores = {name: found[name] for name in ("accuracy", "accuracy_interval", "macro_f1", "macro_f1_interval")}
    return {"scores": scores, "said": probabilities.argmax(axis=1), "labels": labels}


def _pairs(names: list[str], models: list[dict[str, Any]], dataset: Any) -> Iterator[dict[str, Any]]:
    from textgraft.evaluation.significance import difference, holm

    labels = models[0]["labels"]
    compared = partial(difference, dataset.label_ids(labels), classes=len(labels))
    pairs = list(combinations(range(len(names)), 2))
    found = [compared(first=models[a]["said"], second=models[b]["said"]) for a, b in pairs]
    adjusted = holm([one.p for one in found])
    for (a, b), one, p in zip(pairs, found, adjusted, strict=True):
        judged = replace(one, p=p)
        sentence = judged.sentence(names[a], names[b])
        yield {
            "first": names[a],
            "second": names[b],
            **asdict(judged),
            "real": judged.is_significant,
            "sentence": sentence,
        }


def _models_table(folders: list[Path], models: list[dict[str, Any]], texts: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("model", "accuracy", "95 % interval", "macro F1", "95 % interval", title=f"{texts} texts")
    for folder, model in zip(folders, models, strict=True):
        scores = model["scores"]
        cells = [
            cell
            for name in ("accuracy", "macro_f1")
            for cell in (f"{scores[name]:.4f}", "{:.4f} to {:.4f}".format(*scores[f"{name}_interval"]))
        ]
        table.add_row(Text(str(folder)), *cells)
    return table


def _pairs_table(pairs: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "second less first",
        "accuracy, points",
        "macro F1, points",
        "only first right",
        "only second right",
        "McNemar p",
    )
    for pair in pairs:
        gains = ["{:+.1f} ({:+.1f} to {:+.1f})".format(*_points(pair, name)) for name in ("accuracy", "macro_f1")]
        counts = str(pair["only_first"]), str(pair["only_second"])
        table.add_row(Text(f"{pair['second']} less {pair['first']}"), *gains, *counts, f"{pair['p']:.2g}")
    return table


def _points(pair: dict[str, Any], name: str) -> list[float]:
    return [100 * value for value in (pair[name], *pair[f"{name}_interval"])]
