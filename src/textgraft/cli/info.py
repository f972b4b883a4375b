"""`textgraft info`: contents of a model folder."""

from typing import Any

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_table
from textgraft.computation import Computation
from textgraft.data.labels import MAX_LISTED, SINGLE, join_first, join_labels, show_label


def info(folder: o.Folder, json: o.Json = False) -> None:
    """Verify a model folder and show its contents.

    Task, labels, architecture, data and metrics.

    Example:
        textgraft info sentiment
    """
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    if json:
        print_json(stored.config)
        return
    files = f"all files but {model_folder.CARD}" if stored.edited_card else "all files"
    print_table((), _facts(stored.config).items(), f"{folder}: {files} match the manifest")


def _facts(config: dict[str, Any]) -> dict[str, Any]:
    from textgraft.model_folder.card import results, with_interval
    from textgraft.task_specs import task_spec

    architecture, settings = config["architecture"], config["settings"]
    is_truncated = task_spec(config["task"]).pooled and architecture["sequence_length"]
    cleaning = ", ".join(name for name, on in architecture["cleaning"].items() if on)
    facts = {
        "task": config["task"],
        "preset": f"{config['preset']} ({config['family']})",
        "labels": join_labels(settings.get("labels", [])) or "none",
        **({"answers": settings.get("problem", SINGLE)} if config["task"] == "text-classification" else {}),
        "texts": "pairs" if settings.get("pairs") else "single",
        "cleaning": cleaning or "none",
        "pooling": architecture["pooling"],
        "hidden": ", ".join(map(str, architecture["hidden"])) or "none",
        "sequence length": str(architecture["sequence_length"] or "no limit"),
        # Others than models of one vector per text do not truncate by it.
        **({"longer texts": architecture["truncation"]} if is_truncated else {}),
        "precision": config["precision"],
    }
    for label, texts in list(settings.get("descriptions", {}).items())[:MAX_LISTED]:
        facts[f"description of {show_label(label)}"] = join_first(texts[:MAX_LISTED], len(texts))
    facts |= _training_facts(config)
    if "computation" in config:
        facts["trained with"] = str(Computation(**config["computation"]))
    for part, data in config.get("data", {}).items():
        facts[f"{part} data"] = f"{data['texts']:,} texts of {data['source']}, SHA-256 {data['sha256'][:16]}..."
    for part, values in results(config):
        for name in task_spec(config["task"]).schema(settings).headline:
            if name in values:
                facts[f"{part} {name.replace('_', ' ')}"] = with_interval(values, name)
    facts["versions"] = ", ".join(f"{name} {version}" for name, version in config["versions"].items())
    return facts


def _training_facts(config: dict[str, Any]) -> dict[str, Any]:
    """How the model was trained, where that differs from fine-tuning on labelled texts."""
    from textgraft.model_folder.co_training import CO_TRAINING, describe_co_training
    from textgraft.model_folder.config import EXTENDED_FROM, ZERO_SHOT
    from textgraft.model_folder.ngrams import describe_ngrams
    from textgraft.model_folder.reference import describe_reference
    from textgraft.model_folder.replay import describe_replay
    from textgraft.model_folder.text_index import describe_index

    facts: dict[str, Any] = {}
    if config.get(ZERO_SHOT):
        facts["training"] = "none: the head was made from the descriptions"
    if "ngrams" in config:
        facts["n-grams"] = describe_ngrams(config["ngrams"])
    if CO_TRAINING in config:
        facts["co-training"] = describe_co_training(config[CO_TRAINING])
    if extended := config.get(EXTENDED_FROM):
        facts["extended from"] = f"{extended['model']} ({extended['labels']:,} labels)"
    if "reference" in config:
        facts["kept for drift"] = describe_reference(config["reference"])
    if "replay" in config:
        facts["kept for replay"] = describe_replay(config["replay"])
    if "text_index" in config:
        facts["training texts"] = f"in this folder: {describe_index(config['text_index'])}"
    return facts
