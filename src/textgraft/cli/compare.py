"""`textgraft compare`: significance of the differences between models on the same texts."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_line, print_table, with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.labels import SINGLE
from textgraft.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from textgraft.data.dataset import Dataset
    from textgraft.model_folder.folder import StoredModel

_SCORES = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class _Tested:
    """A model's folder, its accuracy and macro F1 with intervals, and its predictions as indices of sorted labels."""

    name: str
    scores: dict[str, Any]
    predictions: "np.ndarray"


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Two or more model folders with the same labels.")],
    data: Annotated[
        str, typer.Option(help="Source of labelled texts that no model was trained on.", rich_help_panel="Data")
    ],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(without=("problem", "label_separator"))],
    runtime_options: o.RuntimeOptions,
    unseen: o.Unseen = False,
    allow_seen: Annotated[
        bool,
        typer.Option(
            "--allow-seen",
            help="Declare a winner also on texts that a model was trained on.  \\[off]",
            rich_help_panel="Data",
        ),
    ] = False,
    json: o.Json = False,
) -> None:
    """Test whether models differ significantly.

    Paired bootstrap of accuracy and macro F1, and McNemar's test.

    More than two models are compared pairwise, with p-values adjusted by Holm's method.

    On texts that a model was trained on, the figures are printed, but no winner is declared (exit code 3).

    Example:
        textgraft compare sentiment quick --data held-out.csv
    """
    from textgraft.cli.inputs import read_evaluation_data
    from textgraft.model_folder import folder as model_folder

    if len(folders) < 2:
        raise ConfigError("compare takes two model folders or more: textgraft compare A B --data test.csv")
    stored = [model_folder.read(folder) for folder in folders]
    _require_same_labels(stored)
    dataset = read_evaluation_data(stored[0], data, reading, sources.split)
    dataset, seen = _find_seen(stored, dataset, unseen)
    refusal = "" if allow_seen else _why_no_winner(dataset, seen)
    load_tensorflow(runtime_options)
    models = [_test(model, dataset, runtime_options.precision) for model in stored]
    labels = sorted(stored[0].config["settings"]["labels"])
    pairs = list(_compare_pairs(models, dataset.label_ids(labels), len(labels)))
    if refusal:
        pairs = [pair | {"significant": None, "sentence": None} for pair in pairs]
    if json:
        scores = [{**model.scores, **seen.get(model.name, {}), "model": model.name} for model in models]
        print_json({"texts": len(dataset), "models": scores, "pairs": pairs})
    else:
        _print_tables(dataset, models, pairs)
    if refusal:
        raise DataError(refusal)


def _find_seen(
    stored: "list[StoredModel]", dataset: "Dataset", unseen: bool
) -> "tuple[Dataset, dict[str, dict[str, Any]]]":
    """The texts to compare on, and by model, where it knows its training texts, {"seen": those it has seen}."""
    import numpy as np

    from textgraft.data.seen_texts import SeenRows, describe_seen, none_seen, take_unseen

    is_unseen, records = np.ones(len(dataset), bool), {}
    for model in stored:
        if model.seen is not None:
            rows = SeenRows(model.seen)
            is_unseen &= rows.add(dataset.digests())
            records[str(model.folder)] = {"seen": rows.record()}
        elif unseen:
            raise ConfigError(f"{model.folder} keeps no digests of training texts; drop --unseen")
    if not unseen:
        return dataset, records
    dataset, record = take_unseen(dataset, is_unseen), none_seen(is_unseen)
    log(*filter(None, [describe_seen(dataset.source, record, len(dataset))]))
    return dataset, {name: {"seen": record} for name in records}


def _why_no_winner(dataset: "Dataset", seen: dict[str, dict[str, Any]]) -> str:
    """The error for texts that a model was trained on; empty where there are none."""
    trained = next(((name, record["seen"]["train"]) for name, record in seen.items() if record["seen"]["train"]), None)
    if trained is None:
        return ""
    name, texts = trained
    return (
        f"{dataset.source}: {name} was trained on {texts:,} of these {len(dataset):,} texts, so no winner is declared; "
        "pass --unseen to leave them out, or --allow-seen"
    )


def _print_tables(dataset: "Dataset", models: "list[_Tested]", pairs: list[dict[str, Any]]) -> None:
    columns = ("model", "accuracy", "95 % interval", "macro F1", "95 % interval")
    print_table(columns, map(_model_cells, models), f"{len(dataset)} texts")
    columns = ("second minus first", "accuracy, points", "macro F1, points", "only first right", "only second right")
    print_table((*columns, "McNemar p"), map(_pair_cells, pairs))
    for pair in pairs:
        if pair["sentence"]:
            print_line(pair["sentence"])


def _require_same_labels(stored: "list[StoredModel]") -> None:
    for model in stored:
        task, problem = model.config["task"], model.config["settings"].get("problem", SINGLE)
        if task != "text-classification" or problem != SINGLE:
            kind = f"model for {task}" if task != "text-classification" else f"{problem} model"
            raise ConfigError(f"{model.folder} is a {kind}; compare takes models that predict one label per text")
    first, *others = stored
    labels = first.config["settings"].get("labels", [])
    for other in others:
        if different := sorted(set(labels) ^ set(other.config["settings"].get("labels", []))):
            raise ConfigError(
                f"{first.folder} and {other.folder} have different labels: only one has {', '.join(different):.200}; "
                "compare models of the same labels"
            )


def _test(stored: "StoredModel", dataset: "Dataset", precision: str) -> _Tested:
    import numpy as np

    from textgraft.evaluation.classification_metrics import classification_metrics
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.text_classification import TextClassifier
    from textgraft.training.token_ids import TruncationCount

    model = load_as(TextClassifier, stored, precision)
    truncated = TruncationCount()
    texts = with_progress((batch.inputs for batch in dataset.batches()), len(dataset))
    probabilities = np.concatenate(list(model.probabilities(texts, truncated)))
    probabilities = probabilities[:, np.argsort(model.objective.labels)]
    labels = sorted(model.objective.labels)
    log_truncation(f"{dataset.source}, {stored.folder}", asdict(truncated), model.architecture.sequence_length)
    metrics = classification_metrics(dataset.label_ids(labels), probabilities, labels)
    scores = {key: metrics[key] for score in _SCORES for key in (score, f"{score}_interval")}
    return _Tested(str(stored.folder), scores, probabilities.argmax(axis=1))


def _compare_pairs(models: list[_Tested], targets: "np.ndarray", classes: int) -> Iterator[dict[str, Any]]:
    from textgraft.evaluation.significance import difference, holm

    compare_predictions = partial(difference, targets, classes=classes)
    pairs = list(combinations(models, 2))
    differences = [compare_predictions(first=first.predictions, second=second.predictions) for first, second in pairs]
    adjusted = holm([comparison.p for comparison in differences])
    for (first, second), unadjusted, p in zip(pairs, differences, adjusted, strict=True):
        result = replace(unadjusted, p=p)
        names = {"first": first.name, "second": second.name}
        yield {**names, **asdict(result), "significant": result.is_significant, "sentence": result.sentence(**names)}


def _model_cells(model: _Tested) -> Iterator[str]:
    yield model.name
    for score in _SCORES:
        yield f"{model.scores[score]:.4f}"
        yield "{:.4f} to {:.4f}".format(*model.scores[f"{score}_interval"])


def _pair_cells(pair: dict[str, Any]) -> Iterator[str]:
    yield f"{pair['second']} minus {pair['first']}"
    for score in _SCORES:
        yield "{:+.1f} ({:+.1f} to {:+.1f})".format(
            *(100 * value for value in (pair[score], *pair[f"{score}_interval"]))
        )
    yield from (str(pair["only_first"]), str(pair["only_second"]), f"{pair['p']:.2g}")
