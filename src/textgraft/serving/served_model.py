"""A model as it is served: its answers, the costs of texts, and what clients are told about it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from textgraft.data.label_types import Label
from textgraft.data.labels import REGRESSION, SINGLE
from textgraft.errors import ConfigError
from textgraft.export.format import Answers, Text
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.folder import StoredModel
from textgraft.serving.admission import BatchTimes
from textgraft.storage.verification import MANIFEST
from textgraft.task_specs import task_names, task_spec
from textgraft.task_specs.text_classification import ABSTAINED, CANDIDATES, UNKNOWN
from textgraft.tasks.answer_options import AnswerOptions
from textgraft.tasks.base import Task, names_model_folder
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.loading import load
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.texts import as_batches
from textgraft.training.token_ids import TruncationCount

_EMBEDDING, _ENTITIES, _CLASSIFICATION = "feature-extraction", "token-classification", "text-classification"

# Of UTF-8 per token, in most languages and tokenizers; rates are measured in the same estimate.
_BYTES_PER_TOKEN = 4
_SPECIAL_TOKENS = 2
# Word vectors have batches of a million tokens, for which nobody should wait.
_MAX_BATCH_COST = 1 << 16

_TEXTS = ("text", "text_pair")  # inputs, by the names of an exported SavedModel


_AS_STORED = AnswerOptions()


class LoadingOptions(NamedTuple):
    """How token vectors are computed, by precision and engine, as options of predictions name them; and answers."""

    precision: str = "auto"
    engine: str = "tensorflow"
    answers: AnswerOptions = _AS_STORED


class Tensor(NamedTuple):
    """An output: its name, its type as numpy's kind of it, and its shape after the number of texts, -1 for any."""

    name: str
    kind: str
    shape: tuple[int, ...]


class ServedModel:
    """A loaded model under a name.

    Attributes:
        name: in addresses and answers.
        source: model folder or preset.
        task: the model.
        sha256: of the files of its folder, by name; empty for a preset.
        golden: answers that its folder has; None where it has none.
        batch_cost: of a batch, in estimated tokens.
        times: of its batches.
    """

    def __init__(self, name: str, source: str, task: Task, stored: StoredModel | None = None) -> None:
        """`stored` is the folder of the task; None for a preset."""
        self.name, self.source, self.task = name, source, task
        self.sha256 = dict(stored.sha256) if stored else {}
        self.golden = stored.golden if stored else None
        self.batch_cost = min(task.batch_tokens, _MAX_BATCH_COST)
        self.times = BatchTimes()

    @property
    def is_embedder(self) -> bool:
        """Whether answers are vectors."""
        return self.task.name == _EMBEDDING

    @property
    def answer_kind(self) -> str:
        """What it answers to a text: label, labels (a set), value (a number), entities or vector."""
        name = self.outputs[0].name
        return "entities" if name == "count" else name

    @property
    def is_labelling(self) -> bool:
        """Whether it answers with one label or a set of them."""
        return self.answer_kind in ("label", "labels")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels of texts or entities, as strings; empty where it has none."""
        return tuple(self.task.objective.labels) if self.is_labelling or self.answer_kind == "entities" else ()

    @property
    def labels(self) -> list[Label] | None:
        """The labels of texts or entities, those of texts in the type of the training's; None where it has none."""
        if self.is_labelling:
            return list(self.task.objective.classes)  # type: ignore[attr-defined]
        return list(self.label_names) or None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the texts of an input."""
        return _TEXTS[: 1 + self.task.pairs]

    @property
    def outputs(self) -> list[Tensor]:
        """The arrays of its answers."""
        if isinstance(self.task, TextEmbedder):
            return [Tensor("vector", "f", (self.task.dim,))]
        if self.task.name == _ENTITIES:
            kinds = {"count": "i", "label": "O", "start": "i", "end": "i", "score": "f", "text": "O"}
            return [Tensor(name, kind, () if name == "count" else (-1,)) for name, kind in kinds.items()]
        objective = self.task.objective
        labels = (len(objective.labels),)
        scores = [Tensor("labels", "O", labels), Tensor("scores", "f", labels)]
        if isinstance(objective, Regression):
            return [Tensor("value", "d", ())]
        if isinstance(objective, MultiLabel):
            return [*scores, Tensor("predicted", "b", labels)]
        shapes = {ABSTAINED: (), UNKNOWN: (), CANDIDATES: labels}
        extra = [Tensor(name, "b", shapes[name]) for name in objective.extra_columns]  # type: ignore[attr-defined]
        return [Tensor("label", "O", ()), Tensor("score", "f", ()), *scores, *extra]

    def answers(self, texts: Sequence[Text], truncated: TruncationCount) -> Answers:
        """See `Task.reference_answers`."""
        return self.task.reference_answers(texts, truncated)

    def count_tokens(self, texts: Sequence[Text]) -> tuple[int, TruncationCount]:
        """Tokens of texts after truncation, and those dropped."""
        tokens = self.task.tokenize(as_batches(texts))
        return len(tokens.ids), tokens.truncated

    def cost(self, text: Text) -> int:
        """Estimated tokens of a text or a pair, at least 1; texts that are truncated cost no more than their rows."""
        size = len(text.encode()) if isinstance(text, str) else sum(len(part.encode()) for part in text)
        cost = size // _BYTES_PER_TOKEN + _SPECIAL_TOKENS
        limit = self.task.architecture.sequence_length
        is_limited = limit and not self.task.windowed and self.task.name != _ENTITIES
        return min(cost, limit) if is_limited else cost  # type: ignore[type-var,return-value]


def check_sources(sources: Iterable[str], takes_corrections: bool) -> None:
    """Verify model folders before they are loaded; presets are checked when they are loaded.

    Raises:
        ConfigError: for a model that is not served, and for corrections unless exactly one model has labels of texts.
        ModelFolderError: for a folder that is damaged.
    """
    labelling = []
    for source in filter(_names_folder, sources):
        config = model_folder.read(Path(source).expanduser()).config
        _require_served(source, config["task"])
        if config["task"] == _CLASSIFICATION and config["settings"].get("problem", SINGLE) != REGRESSION:
            labelling.append(source)
    if takes_corrections and len(labelling) != 1:
        models = ", ".join(labelling) or "none"
        raise ConfigError(
            f"--corrections is for one model with labels of texts, and there are {len(labelling)} ({models}); serve one"
        )


def load_model(name: str, source: str, loading: LoadingOptions) -> ServedModel:
    """Load a model folder, or the embedder of a preset.

    Raises:
        ConfigError: for a model that is not served, or does not suit engine or precision.
        ModelFolderError: see `load`.
        PresetError: when a preset cannot be loaded.
    """
    precision, engine, _ = loading
    if not _names_folder(source):
        embedder = TextEmbedder(source, precision, engine=engine)
        embedder.fix_weights()
        return ServedModel(name, source, embedder)
    stored = model_folder.read(Path(source).expanduser())
    _require_served(source, stored.config["task"])
    return ServedModel(name, source, load(stored, precision, engine, trainable=False), stored)


def _names_folder(source: str) -> bool:
    """Whether a source is a model folder, be it one that lacks files."""
    return names_model_folder(source) or (Path(source).expanduser() / MANIFEST).is_file()


def _require_served(source: str, task: str) -> None:
    if not task_spec(task).has_answers:
        served = [name for name in task_names() if task_spec(name).has_answers]
        raise ConfigError(f"{source} is a model for {task}; serve takes those for {', '.join(served)}")
