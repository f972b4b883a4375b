"""token-classification: texts with labelled spans; a head from token vectors to tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.columns import Reading, are_tagged
from textgraft.data.format import Format
from textgraft.data.loading import Source
from textgraft.data.metrics import SPANS, Metric
from textgraft.data.tagged import TaggedDataset, has_entities, load_tagged_datasets
from textgraft.errors import DataError
from textgraft.storage.schema import ANY, BOOLEAN, INTERVAL, NUMBER, STRING, Integer, List, Map, Object, OneOf, Schema
from textgraft.task_specs import ModelSchema, ShapePattern, TaskSpec, hidden_shapes
from textgraft.task_specs.text_classification import TEMPERATURE, THRESHOLD

# Ways to split plain texts into words, and to decode tags.
SPLITTINGS, DECODINGS = ("signs", "edges", "characters"), ("constrained", "free")
SCORINGS = ("spans", "words")  # see `tasks.tag_decoding`

# Kernel size in tokens, and default widths, of convolutions over vectors that do not depend on their context.
KERNEL_SIZE, CONVOLUTION_WIDTHS = 5, (128,)

STRIP_HTML_PROBLEM = "strip_html removes words, and spans refer to words; drop it"

_SHARES = ("precision", "recall", "f1")
_TEST: dict[str, Schema] = {
    "texts": Integer(1),
    "sentences": Integer(1),
    "loss": NUMBER,
    "alignment": Object(dict.fromkeys(("spans", "widened", "dropped"), Integer(0))),
    **dict.fromkeys(_SHARES, NUMBER),
    "f1_interval": INTERVAL,
    **dict.fromkeys([f"macro_{name}" for name in _SHARES], NUMBER),
    "per_type": Map(Map(NUMBER)),
    "schemes": Map(Object({}, others=ANY)),
}


def tag_count(labels: int) -> int:
    """Number of distinct tags for a number of labels."""
    return 1 + 2 * labels


class TokenClassificationSpec(TaskSpec):
    """Words and their tags, or texts and their entities."""

    class_path = "textgraft.tasks.token_classification:TokenClassifier"
    dataset_class = TaggedDataset
    pooled = False

    def matches(self, reader: Format, reading: Reading) -> bool:
        return are_tagged(reader.columns) or has_entities(reader, reading)

    def load_slices(self, source: Source, split: str | None, reading: Reading) -> tuple[TaggedDataset, ...]:
        return load_tagged_datasets(source, split, reading)

    def from_lists(self, texts: Any, labels: Any, reading: Reading) -> TaggedDataset:
        return TaggedDataset.from_lists(texts, labels)

    def check(self, train: TaggedDataset, *others: TaggedDataset) -> tuple[str, ...]:  # type: ignore[override]
        if not train.label_names:
            raise DataError(f"{train.source}: no span is labelled; label at least one")
        for other in others:
            other.require_known_labels(train.label_names)
        return ()

    def settings_from(self, train: TaggedDataset) -> dict[str, Any]:  # type: ignore[override]
        """The labels, and the splitting: "signs" for offsets, "characters" or "edges" for tags of such words."""
        of_words = "characters" if train.by_character else "edges"
        return {"labels": train.label_names, "splitting": "signs" if train.scheme is None else of_words}

    def sample_size(self, data: TaggedDataset) -> int:  # type: ignore[override]
        """Number of labelled spans."""
        return max(1, sum(data.counts().values()))

    def min_steps(self, labels: int) -> int:
        return 300

    def constructor_options(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Folders of earlier versions have no scoring, and the mean of words."""
        return {"scoring": "words", **settings}

    def metrics(self, train: TaggedDataset) -> tuple[Metric, ...]:  # type: ignore[override]
        return SPANS

    def weight_shapes(self, settings: Mapping[str, Any], hidden: Sequence[int]) -> Mapping[str, ShapePattern] | None:
        outputs = tag_count(len(settings["labels"]))
        if not settings["convolution"]:
            return hidden_shapes(hidden, outputs)
        widths = tuple(hidden) or CONVOLUTION_WIDTHS
        kernels = {f"head/hidden_{index}/kernel": (KERNEL_SIZE, None, width) for index, width in enumerate(widths)}
        return {**hidden_shapes(widths, outputs), **kernels}

    def unsuitable(self, config: Mapping[str, Any]) -> str:
        return STRIP_HTML_PROBLEM if config["architecture"]["cleaning"]["strip_html"] else ""

    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        return ModelSchema(
            settings=Object(
                {
                    "labels": List(STRING, min_items=1, distinct=True),
                    "splitting": OneOf(SPLITTINGS),
                    "decoding": OneOf(DECODINGS),
                    "convolution": BOOLEAN,
                },
                {"scoring": OneOf(SCORINGS), "temperature": TEMPERATURE, "min_confidence": THRESHOLD},
            ),
            validation=Object({"val_accuracy": NUMBER, "val_f1": NUMBER, "val_loss": NUMBER}, others=NUMBER),
            test=Object(_TEST),
            headline=("f1", "precision", "recall"),
        )
