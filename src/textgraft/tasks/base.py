"""The contract of a task: a backbone, a head, and settings that turn outputs into predictions."""

import pkgutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import keras
import numpy as np
import tensorflow as tf

from textgraft import runtime
from textgraft.backbones.base import Backbone
from textgraft.backbones.preset_sources import Disk, find_source
from textgraft.backbones.presets import load_backbone
from textgraft.backbones.split_network import SplitNetwork
from textgraft.errors import ConfigError, DataError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.backbone import named_weights, read_backbone, rebuild_backbone, rebuilding
from textgraft.model_folder.card import write_card
from textgraft.model_folder.folder import StoredModel
from textgraft.storage.array_cache import ArrayCache
from textgraft.task_specs import task_spec
from textgraft.tasks.architecture import Architecture, resolve_architecture
from textgraft.tasks.pooling import Pooling
from textgraft.tasks.texts import growing_windows, windows
from textgraft.text.cleaning import Cleaning
from textgraft.text.graph import TextGraph
from textgraft.text.ops import map_in_chunks
from textgraft.text.truncation import WINDOWS
from textgraft.training.id_cache import IdCache
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.objective import Objective
from textgraft.training.token_ids import TokenIds, TruncationCount
from textgraft.training.token_inputs import PairIds
from textgraft.training.windows import WindowIds

_Loaded = TypeVar("_Loaded", bound="Task")
Answer = TypeVar("Answer")


class Task(ABC):
    """A pretrained backbone with a head; it takes strings.

    It has a plain `keras.Model` (`model`), from {"token_ids", "padding_mask", "segment_ids"} to the head's output.
    The methods suit a head on one pooled vector per text; a task with another kind of head overrides them.

    Attributes:
        name: the task's id, as Hugging Face names it.
        pooled: whether the head takes one vector per text.
        ties_embeddings: whether the head reads the token table too.
        pairs: whether the task takes pairs of texts.
        objective: loss, metrics and decoding of the outputs; only trainable tasks have one.
        backbone: tokenizer and pretrained network.
        architecture: with every default filled in.
        text_graph: strings to packed rows.
        pooling: token vectors to a text vector.
        head: the `keras.Model` from the pooled vector (b, dim) to the outputs.
        model: backbone, pooling and head.
        record: facts about the training, which the model folder keeps.
    """

    name: ClassVar[str]
    pooled: ClassVar[bool] = True
    ties_embeddings: ClassVar[bool] = False
    pairs: bool = False
    objective: Objective

    def __init__(
        self,
        preset: str | Path | Backbone,
        precision: str = "auto",
        *,
        vocabulary_limit: int | None = None,
        trust_savedmodel: bool = False,
        **architecture: Any,
    ) -> None:
        """Load the backbone and build the head.

        Args:
            preset: see `load_backbone`; or a model folder, whose trained backbone is used; or a backbone that was
                loaded with the same precision.
            precision: "auto", "float32" or "mixed_bfloat16".
            vocabulary_limit: see `load_backbone`.
            trust_savedmodel: see `load_backbone`.
            architecture: fields of `Architecture`.

        Raises:
            ConfigError: for an unknown field, or one that does not suit the backbone.
            PresetError: when the preset cannot be loaded.
        """
        self.precision = runtime.choose_precision(precision)
        reading = {"vocabulary_limit": vocabulary_limit, "trust_savedmodel": trust_savedmodel}
        self.backbone = backbone = backbone_of(preset, self.precision, reading)
        self.architecture = self.fill_architecture(architecture)
        self.record: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        special = backbone.special_tokens
        self.text_graph = TextGraph(
            self._cleaning(),
            backbone.tokenize,
            special.start,
            special.end,
            special.pad,
            self.architecture.sequence_length,
            self.architecture.truncation,
            special.separators,
        )
        # === Layers ===
        self.pooling = Pooling(self.architecture.pooling or backbone.default_pooling, name="pooling")

        # === Functional model ===
        inputs = {tensor.name: tensor for tensor in backbone.network.inputs}
        self.head = self.build_head()
        outputs = self.apply_head(backbone.network(inputs), inputs["padding_mask"])
        self.model = keras.Model(inputs, outputs, name=self.name.replace("-", "_"))
        self._infer = inference_step(self.forward, self.input_spec)

    def fill_architecture(self, options: Mapping[str, Any]) -> Architecture:
        """The architecture with this backbone's defaults; nothing is built.

        Args:
            options: fields of `Architecture`.

        Raises:
            ConfigError: for an unknown field, or one that does not suit the backbone or the task.
        """
        architecture = resolve_architecture(options, self.backbone)
        if architecture.truncation == WINDOWS and (self.pairs or not self.pooled):
            raise ConfigError("truncation windows needs one vector per single text; choose head or head+tail")
        return architecture

    @abstractmethod
    def build_head(self) -> keras.Model:
        """The model from a vector (b, dim) to the task's output."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments other than backbone and architecture, as JSON values."""

    # === Network ===

    @property
    def input_spec(self) -> Any:
        """The type of a batch of rows."""
        return self._ids.spec

    @property
    def windowed(self) -> bool:
        """Whether texts are split into windows."""
        return self.architecture.truncation == WINDOWS

    @property
    def max_windows(self) -> int:
        """Number of windows of one text that go through the network at once."""
        return max(1, self.backbone.training_defaults.batch_tokens // (self.architecture.sequence_length or 1))

    @property
    def weights(self) -> dict[str, keras.Variable]:
        """Variables of backbone and head by their name in a model folder."""
        return named_weights(backbone=self.backbone.network, head=self.head)

    def apply_head(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        """Token vectors (b, t, dim) and their mask (b, t) to the outputs, in the functional model."""
        return self.head(self.pooling(vectors, mask))

    def forward(self, batch: Any, training: bool = False) -> Any:
        """A batch of rows to the outputs, as graph ops.

        Args:
            batch: of `input_spec`: token ids, int32 ragged (b, None), those of pairs, or windows, (b, None, None).
            training: whether dropout is on.
        """

        def outputs(rows: Any) -> tf.Tensor:
            return self.head(self.backbone.pool(rows, self.pooling, training), training=training)

        return self._mean_over_windows(outputs, batch, self.head.output_shape[-1], training)

    def forward_trainable(self, split: SplitNetwork, batch: Any, training: bool = False) -> Any:
        """`forward` from the outputs of `forward_frozen`.

        Args:
            split: frozen and trainable part of the backbone.
            batch: of `input_spec`, with vectors in place of token ids: ragged (b, None, dim) or, in windows,
                (b, None, None, dim).
            training: whether dropout is on.
        """

        def outputs(rows: Any) -> tf.Tensor:
            return self.head(self.pooling(*split.vectors(rows, training)), training=training)

        return self._mean_over_windows(outputs, batch, self.head.output_shape[-1], training)

    def forward_frozen(self, split: SplitNetwork, batch: Any) -> tf.RaggedTensor:
        """Token ids to the outputs of the frozen blocks, ragged (..., None, dim)."""
        if not self.windowed:
            return split.apply_frozen(batch)
        rows = batch.values
        return rows.with_values(
            map_in_chunks(lambda part: split.apply_frozen(part).values, rows, self.max_windows, split.dim)
        )

    def pool(self, batch: Any, training: bool = False) -> tf.Tensor:
        """Packed rows to pooled vectors, float32 (b, dim), averaged over windows; see `forward`."""

        def vectors(rows: Any) -> tf.Tensor:
            return self.backbone.pool(rows, self.pooling, training)

        return self._mean_over_windows(vectors, batch, self.backbone.dim, training)

    # === Texts ===

    def tokenize(self, texts: Iterable[np.ndarray], cache: IdCache | None = None) -> TokenIds:
        """Run the text graph over batches of UTF-8 bytes.

        Args:
            texts: object arrays, (n,) or, for pairs, (n, 2).
            cache: of token ids between runs.

        Raises:
            DataError: for pairs where the task takes single texts, and the reverse.
        """
        return self._ids.from_texts(map(self._check_pairs, texts), self.text_graph, cache)

    def outputs(self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None) -> Iterator[Any]:
        """Stream the model's outputs; only one window of texts is in memory.

        Args:
            texts: object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2), of any sizes.
            truncated: counts the dropped tokens; without it, a warning reports them.

        Yields:
            float32 (m, ...) for each window of texts, in order.
        """
        count = truncated or TruncationCount()
        for window in windows(map(self._check_pairs, texts)):
            tokens = self.tokenize([window])
            count.add(tokens.truncated)
            yield self._outputs_of(tokens)
        if truncated is None:
            self._warn_of_truncation(count)

    def stream_with_texts(
        self, texts: Iterable[np.ndarray], function: Callable[[list[np.ndarray]], Iterator[Answer]]
    ) -> Iterator[tuple[np.ndarray, Answer]]:
        """Pairs of a window of texts and the result of a streaming method such as `outputs` for it.

        The first windows are short, for a low latency of the first answer.
        """
        for window in growing_windows(map(self._check_pairs, texts)):
            (result,) = function([window])
            yield window, result

    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write a model folder.

        Args:
            folder: its parent must exist.
            overwrite: replace an existing model folder.

        Raises:
            ModelFolderError: when the folder exists, or cannot be written.
        """
        config = self._config()
        return model_folder.write(
            Path(folder),
            model_folder.ModelContent(
                config=config,
                weights={name: weight.numpy() for name, weight in self.weights.items()},
                assets=self.backbone.assets(),
                history=self.history,
                card=write_card(config),
            ),
            overwrite=overwrite,
        )

    def _cleaning(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """The cleaning of texts, as graph ops."""
        return self.architecture.cleaning

    def _id_cache(self) -> IdCache:
        """The user's cache of token ids."""
        architecture = asdict(self.architecture)
        settings = {
            **{name: architecture[name] for name in ("cleaning", "sequence_length", "truncation")},
            "family": self.backbone.family, "backbone": self.backbone.config(), "versions": runtime.versions(),
        }  # fmt: skip
        return IdCache(settings, self.backbone.assets(), ArrayCache.from_environment())

    @property
    def _ids(self) -> type[TokenIds]:
        return WindowIds if self.windowed else PairIds if self.pairs else TokenIds

    def _outputs_of(self, tokens: TokenIds) -> np.ndarray:
        return compute_outputs(self._infer, tokens, self.backbone.training_defaults.batch_tokens)  # type: ignore[no-any-return]

    def _warn_of_truncation(self, count: TruncationCount) -> None:
        if count.texts:
            length = self.architecture.sequence_length
            warnings.warn(
                f"{count.texts:,} texts were truncated to {length} tokens ({count.tokens:,} tokens dropped)",
                stacklevel=3,
            )

    def _mean_over_windows(
        self, function: Callable[[Any], tf.Tensor], batch: Any, width: int, training: bool
    ) -> tf.Tensor:
        """A function's values for rows, (b, width), averaged over the windows of each text."""
        if not self.windowed:
            return function(batch)
        rows = batch.values
        values = function(rows) if training else map_in_chunks(function, rows, self.max_windows, width)
        return tf.math.segment_mean(values, batch.value_rowids())

    def _check_pairs(self, texts: np.ndarray) -> np.ndarray:
        if self.pairs and texts.ndim == 1:
            raise DataError("this model takes pairs of texts; give a second text for each")
        if texts.ndim == 2 and not self.pairs:
            raise DataError("this model takes single texts; drop the second texts, or train a model with pairs")
        return texts

    def _config(self) -> dict[str, Any]:
        return {
            "format_version": model_folder.FORMAT_VERSION,
            "task": self.name,
            "settings": self.settings(),
            "preset": self.backbone.origin.preset,
            "preset_sha256": dict(self.backbone.origin.sha256),
            "family": self.backbone.family,
            "backbone": self.backbone.config(),
            "architecture": asdict(self.architecture),
            "precision": self.precision,
            "versions": runtime.versions(),
            **self.record,
        }


def load(folder: str | Path | StoredModel, precision: str = "auto") -> Task:
    """Load a model folder: it is verified first, and no code from it is run.

    Args:
        folder: path of a model folder, or the result of `model_folder.read`.
        precision: "auto", "float32" or "mixed_bfloat16".

    Raises:
        ModelFolderError: when a file is missing, altered or malformed, has another format version, or does not fit the
            others.
    """
    stored = folder if isinstance(folder, StoredModel) else model_folder.read(Path(folder))
    precision = runtime.choose_precision(precision)
    with rebuilding(stored):
        task = _untrained(stored, precision)
        stored.check_weights(task.weights)
    stored.assign(task.weights)
    task.history = stored.history
    task.record = {key: stored.config[key] for key in ("run", "fit", "metrics", "data") if key in stored.config}
    return task


def load_as(kind: type[_Loaded], folder: str | Path | StoredModel, precision: str = "auto") -> _Loaded:
    """Load a model folder that must be of one task.

    Raises:
        ConfigError: when it is of another task.
        ModelFolderError: see `load`.
    """
    task = load(folder, precision)
    if not isinstance(task, kind):
        path = folder.folder if isinstance(folder, StoredModel) else folder
        raise ConfigError(f"{path} is a model for {task.name}; this needs one for {kind.name}")
    return task


def architecture_of(preset: str | Path) -> dict[str, Any]:
    """The fields of `Architecture` that a model folder computes text vectors with; empty for other presets."""
    if not _is_model_folder(preset):
        return {}
    architecture = model_folder.read(Path(preset)).config["architecture"]
    fields = {name: architecture[name] for name in ("pooling", "sequence_length", "truncation")}
    return {**fields, "cleaning": Cleaning(**architecture["cleaning"])}


def backbone_of(preset: str | Path | Backbone, precision: str, reading: Mapping[str, Any]) -> Backbone:
    """The backbone of anything that `Task` takes as a preset.

    Args:
        preset: see `Task`.
        precision: "float32" or "mixed_bfloat16".
        reading: options of `load_backbone`.

    Raises:
        PresetError: when the preset cannot be loaded.
        ModelFolderError: when it is a damaged model folder.
    """
    if isinstance(preset, Backbone):
        return preset
    if _is_model_folder(preset):
        return read_backbone(Path(preset), precision)
    return load_backbone(preset, precision, **reading)


def _is_model_folder(preset: str | Path) -> bool:
    """Whether a preset is a model folder; a folder that has the name of a known preset is not."""
    return model_folder.is_model_folder(Path(preset)) and isinstance(find_source(str(preset)), Disk)


def _untrained(stored: StoredModel, precision: str) -> Task:
    """The task that a model folder's config describes, with untrained weights."""
    config = stored.config
    architecture = {**config["architecture"], "cleaning": Cleaning(**config["architecture"]["cleaning"])}
    task_class = pkgutil.resolve_name(task_spec(config["task"]).class_path)
    backbone = rebuild_backbone(stored, precision)
    return task_class(backbone, precision=precision, **architecture, **config["settings"])  # type: ignore[no-any-return]
