"""The contract of a task: a backbone, a head, and settings that turn outputs into predictions."""

import os
import pkgutil
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from textgraft import runtime
from textgraft.backbones.base import Backbone
from textgraft.backbones.keras_private import separate_state
from textgraft.backbones.presets import Disk, find_source, load_backbone
from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.columns import Reading
from textgraft.data.label_types import Label
from textgraft.data.python_inputs import as_path, one_line
from textgraft.data.seen_texts import SeenTexts
from textgraft.engines.engine import Encoder, start_engine
from textgraft.engines.inference_encoder import InferenceEncoder
from textgraft.engines.int8 import Quantization
from textgraft.engines.names import TENSORFLOW, check_engine
from textgraft.errors import ConfigError, DataError, ModelFolderError, Once, counted, error_summary, warn
from textgraft.model_folder.backbone import read_backbone
from textgraft.model_folder.folder import REPORT
from textgraft.model_folder.golden import GOLDEN, GoldenAnswers, golden_file
from textgraft.model_folder.reference import REFERENCE, Reference, reference_config, reference_file
from textgraft.model_folder.replay import REPLAY, Replay, replay_config, replay_file
from textgraft.model_folder.seen_texts import SEEN, seen_config, seen_file
from textgraft.model_folder.text_index import INDEX, TextIndex, index_config, index_file
from textgraft.model_folder.versions import FORMAT_VERSION
from textgraft.model_folder.writing import is_model_folder, named_weights, write_model_folder
from textgraft.options import check_options
from textgraft.task_specs import task_spec
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.finite_outputs import require_finite_outputs
from textgraft.tasks.golden_answers import golden_answers
from textgraft.tasks.pooling import Pooling
from textgraft.tasks.row_results import OnResults
from textgraft.tasks.texts import as_batches, windows
from textgraft.tasks.unknown_tokens import UnknownTokens
from textgraft.terminal.escaping import printable
from textgraft.text.packing import PairRows, TextGraph
from textgraft.text.truncation import WINDOWS, why_no_windows
from textgraft.text.windows import map_in_chunks
from textgraft.tokenizers.base import special_token_count
from textgraft.training.examples import Inputs
from textgraft.training.id_cache import IdCache
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.objective import Objective
from textgraft.training.token_ids import TokenIds, TruncationCount
from textgraft.training.token_inputs import PairIds
from textgraft.training.windows import WindowIds


class Task(ABC):
    """A pretrained backbone with a head; it takes strings. The methods suit a head on one pooled vector per text.

    Attributes:
        name: the task's id, as Hugging Face names it; an abstract task has a `description` in its place.
        ties_embeddings: whether the head reads the token table too.
        descriptions: what each label means; empty where that is not known.
        public: names that `dir` shows, beside those of the base classes.
        objective: loss, metrics and decoding of the outputs; only trainable tasks have one.
        architecture: with every default filled in.
        engine: what computes token vectors in predictions: "tensorflow" or "onnx".
        quantization: the form of int8 in which the engine computes; None for other precisions.
        text_graph: strings to packed rows.
        head: from the pooled vector (b, dim) to the outputs.
        model: backbone, pooling and head, from {"token_ids", "padding_mask", "segment_ids"} to the head's output.
        record: facts about the training, which the model folder keeps.
        history: training metrics per epoch; empty before the first training.
        seen: digests of the texts of all trainings of these weights, from the preset's on; None where there are none.
        replay: embeddings of texts of the training, which a later one replays; None where there are none.
        explainers: what explains its predictions, by method, as far as `explain` has compiled it.
        index: texts of the training with their vectors, for `explain`; None where there are none.
        on_validated: takes the rows that validate a training, and their results, where no text is held out for that in
            the end: after cross-validation, and before a refit; None for nobody.
        report: HTML of the results, which the model folder keeps for its readers; None for none.
        reference: vectors and answers of texts of the training, to recognize drift; None where there are none.
    """

    name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    ties_embeddings: ClassVar[bool] = False
    pairs: bool = False
    descriptions: Mapping[str, Sequence[str]] = MappingProxyType({})
    public: ClassVar[tuple[str, ...]] = (
        "architecture", "backbone", "engine", "explain", "fix_weights", "head", "history", "model", "name", "precision",
        "record", "save", "settings", "text_graph", "use_engine", "weights",
    )  # fmt: skip
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
            TextgraftError: in a process that was forked after TensorFlow had started.
        """
        runtime.require_own_process()
        self.precision, self.engine = runtime.choose_precision(precision), TENSORFLOW
        reading = {"vocabulary_limit": vocabulary_limit, "trust_savedmodel": trust_savedmodel}
        self.backbone = backbone = backbone_of(preset, self.precision, reading)
        self.architecture = self.fill_architecture(architecture)
        self.record: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        self._counts = threading.local()  # `unknown`: the count of the thread's predictions in progress
        self._is_first_unknown, self._is_first_untrained = Once(), Once()
        self.seen: SeenTexts | None = backbone.seen
        self.replay: Replay | None = None
        self.index: TextIndex | None = None
        self.on_validated: OnResults | None = None
        self.report: bytes | None = None
        self.reference: Reference | None = None
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
            special.segments,
        )
        with separate_state():
            self.pooling = Pooling(self.architecture.pooling or backbone.default_pooling, name="pooling")
            inputs = {tensor.name: tensor for tensor in backbone.network.inputs}
            self.head = self.build_head()
            outputs = self.apply_head(backbone.network(inputs), inputs["padding_mask"])
            self.model = keras.Model(inputs, outputs, name=self.name.replace("-", "_"))
        self._encoder: Encoder = backbone
        self.quantization: Quantization | None = None
        self._compile()

    def fill_architecture(self, options: Mapping[str, Any]) -> Architecture:
        """The architecture with this backbone's defaults, from fields of `Architecture`; nothing is built.

        Raises:
            ConfigError: for an unknown field, or one that does not suit the backbone or the task.
        """
        names, backbone = {field.name for field in fields(Architecture)}, self.backbone
        if unknown := options.keys() - names:
            raise ConfigError(f"unknown option {', '.join(sorted(unknown))}; choose from {', '.join(sorted(names))}")
        architecture = Architecture(**options)
        check_options(architecture)
        pooling = architecture.pooling or backbone.default_pooling
        if pooling not in backbone.poolings:
            raise ConfigError(
                f"pooling {pooling!r} does not suit {backbone.family}; choose one of {', '.join(backbone.poolings)}"
            )
        length = self._sequence_length(architecture.sequence_length)
        is_windowed, single_vectors = architecture.truncation == WINDOWS, self.pooled and not self.pairs
        if is_windowed and (problem := why_no_windows(length, single_vectors)):
            raise ConfigError(problem)
        cleaning = architecture.cleaning
        if backbone.text_vectors and backbone.text_vectors.lowercase:
            cleaning = replace(cleaning, lowercase=True)
        return replace(
            architecture,
            pooling=pooling,
            sequence_length=length,
            hidden=tuple(architecture.hidden),
            cleaning=cleaning,
        )

    @abstractmethod
    def build_head(self) -> keras.Model:
        """The model from a vector (b, dim) to the task's output."""

    def restore(self, config: Mapping[str, Any]) -> None:
        """Build what the config of a model folder describes beside backbone and head: by default nothing."""
        return

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments other than backbone and architecture, as JSON values."""

    def use_engine(self, engine: str, quantization: Quantization | None = None) -> None:
        """Compute token vectors by an engine from now on, from the present weights, which are then no longer trained.

        `quantization` is a form of int8 that was proved; None for float32.

        Raises:
            ConfigError: when the engine is unknown or not installed, or does not compute such a network, or the model
                is not in float32.
        """
        check_engine(engine, self.precision)
        self._encoder = start_engine(engine, self.backbone, quantization)
        self.engine, self.quantization = engine, quantization
        self._compile()

    def fix_weights(self) -> None:
        """Predict faster from now on, from the present weights, which are then no longer trained.

        `use_engine` ends it. Another engine than TensorFlow, whose weights are fixed anyway, and tables of vectors,
        which multiply nothing, stay as they are.
        """
        if self.engine == TENSORFLOW and self.backbone.contextual:
            self._encoder = InferenceEncoder(self.backbone)
            self._compile()

    def explain(
        self,
        texts: Any,
        method: str = "integrated_gradients",
        target: Label | None = None,
        *,
        nearest: int = 0,
        text: str | None = None,
        pair: str | None = None,
    ) -> list[Any]:
        """Explain predictions: which words raise or lower them, and by how much.

        Args:
            texts: as in `predict`.
            method: "integrated_gradients", over token embeddings and n-grams, or "occlusion", without each word.
            target: the label to explain; by default the predicted label, each predicted label of a set, each entity,
                or the number.
            nearest: the number of nearest training texts to add, where the model keeps them; see the option
                `keep_index` of `fit`.
            text: the text column, where `texts` is a table or a file; by default as in training.
            pair: the column of second texts.

        Returns:
            an `Explanation` (`explanation.explanation`) for each label, number or entity, in the order of the texts.

        Raises:
            ConfigError: for an unknown method or label, for a task whose answers are not explained, and where nearest
                texts are asked of a model that keeps none.
            DataError: for another object, or a text that is missing.
        """
        explain_texts = pkgutil.resolve_name("textgraft.explanation.explaining:explain_texts")
        return explain_texts(self, texts, method, target, nearest, text=text, pair=pair)  # type: ignore[no-any-return]

    # === Presentation ===

    def __repr__(self) -> str:
        """Labels, preset and training."""
        return printable(f"{type(self).__name__}({'; '.join(self._facts())})")

    def __dir__(self) -> list[str]:
        """The names that users need."""
        return sorted({name for kind in type(self).__mro__ for name in vars(kind).get("public", ())})

    def __reduce__(self) -> Any:
        """Pickles and deep copies hold the files of a model folder."""
        return pkgutil.resolve_name("textgraft.pickling:reduce_model")(self)

    def _facts(self) -> list[str]:
        return [self.name, f"preset {self.backbone.origin.preset}"]

    # === Network ===

    @property
    def output_labels(self) -> tuple[str, ...]:
        """What each output means, as `id2label` of a Hugging Face folder lists it; empty where outputs have no names.

        Two labels may have one output, which is the logit of the second.
        """
        return ()

    def output_map(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The affine map from the head's outputs to the logits or numbers that other programs expect.

        Factors, float64 (width, outputs), and offsets, float64 (outputs,); calibration is in them. None where the
        outputs are vectors, or those of tokens.
        """
        return None

    @property
    def pooled(self) -> bool:
        """Whether the head takes one vector per text."""
        return task_spec(self.name).pooled

    @property
    def input_spec(self) -> Any:
        """The type of a batch of rows."""
        return self._ids.spec

    @property
    def has_untrained_head(self) -> bool:
        """Whether the head has random weights."""
        return False

    @property
    def windowed(self) -> bool:
        """Whether texts are split into windows."""
        return self.architecture.truncation == WINDOWS

    @property
    def has_fixed_weights(self) -> bool:
        """Whether predictions no longer follow the weights of the network; see `fix_weights`."""
        return self._encoder is not self.backbone

    @property
    def batch_tokens(self) -> int:
        """Maximum tokens of a batch in predictions, padding included."""
        return self._encoder.batch_tokens

    @property
    def max_windows(self) -> int:
        """Number of windows of one text that go through the network at once."""
        return max(1, self.batch_tokens // (self.architecture.sequence_length or 1))

    @property
    def weights(self) -> dict[str, keras.Variable]:
        """Variables of backbone and head by their name in a model folder."""
        return named_weights(backbone=self.backbone.network, head=self.head)

    def apply_head(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        """Token vectors (b, t, dim) and their mask (b, t) to the outputs, in the functional model."""
        return self.head(self.pooling(vectors, mask))

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> Any:
        """A batch of rows to the outputs, as graph ops.

        Args:
            batch: of `input_spec`: token ids, int32 ragged (b, None), those of pairs, or windows, (b, None, None).
            training: whether dropout is on.
            split: a split backbone; the batch then has outputs of its frozen part in place of token ids: ragged
                (b, None, dim) or, in windows, (b, None, None, dim).
        """
        encoder = split or self._encoder

        def outputs(rows: Any) -> tf.Tensor:
            return self.head(encoder.pool(rows, self.pooling, training), training=training)

        return self._mean_over_windows(outputs, batch, self.head.output_shape[-1], training)

    def pool(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.Tensor:
        """Packed rows to pooled vectors, float32 (b, dim), averaged over windows; arguments: see `forward`."""
        encoder = split or self._encoder
        return self._mean_over_windows(
            lambda rows: encoder.pool(rows, self.pooling, training), batch, self.backbone.dim, training
        )

    def serve(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Texts to named answers in one graph, as an exported model computes them.

        Args:
            texts: string (n,), or the two of pairs.

        Raises:
            ConfigError: for a task that is not exported.
        """
        raise self._not_exported()

    def reference_answers(
        self, texts: Sequence[Any], truncated: TruncationCount | None = None
    ) -> dict[str, np.ndarray]:
        """What `serve` must answer for strings, or pairs of them: the predictions of this model by the same names.

        `truncated` counts the dropped tokens.

        Raises:
            ConfigError: for a task that is not exported.
            PredictionError: for an output that is not finite.
        """
        raise self._not_exported()

    def inference_settings(self) -> dict[str, Any]:
        """What a program must know beside tokenizer and network to answer as this model, as JSON values.

        Raises:
            ConfigError: for a task that is not exported, or an answer that needs more than tokenizer and network.
        """
        raise self._not_exported()

    def _not_exported(self) -> ConfigError:
        return ConfigError(
            f"models for {self.name} are not exported yet; those for classification, entities and embeddings are"
        )

    def reference_outputs(self, texts: Sequence[Any], truncated: TruncationCount | None = None) -> np.ndarray:
        """The outputs of the model for a few strings, or pairs, without a warning of truncated or unknown tokens.

        `truncated` counts the dropped tokens.
        """
        count, parts = truncated or TruncationCount(), []
        for batch in self.text_batches(texts):
            tokens = self.tokenize([batch])
            count.add(tokens.truncated)
            outputs = self.complete_outputs(batch, self._compute_outputs(tokens))
            parts.append(require_finite_outputs(outputs, batch))
        return np.concatenate(parts)

    def text_outputs(self, *texts: tf.Tensor) -> tf.Tensor:
        """The outputs of the model for texts, string (n,) each, by graph ops; see `outputs` for many texts."""
        packed = self.text_graph.pack(*texts)
        return self.forward(PairRows(packed.token_ids, packed.first_lengths) if self.pairs else packed.token_ids)

    # === Texts ===

    def text_batches(self, texts: Any, **columns: str | None) -> Iterator[np.ndarray]:
        """The batches of `as_batches`; `columns` are those of a table, `text` and `pair`, by default as in training."""
        self.warn_if_untrained()
        if isinstance(texts, str) and os.path.isfile(texts):  # noqa: PTH113  (False for any other text)
            message = f"{texts!r:.60} is read as a text; to read the file, pass pathlib.Path"
            warn(message)
        return as_batches(texts, self._reading(**columns))

    def warn_if_untrained(self) -> None:
        """Warn, once in the life of the model, that its head has random weights."""
        if self.has_untrained_head and self._is_first_untrained():
            message = "the head is untrained and its answers are random; call fit first"
            warn(message)

    def tokenize(self, texts: Iterable[np.ndarray], cache: IdCache | None = None) -> TokenIds:
        """Run the text graph over object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2); errors: `check_pairs`."""
        return self._ids.from_texts(map(self.check_pairs, texts), self.text_graph, cache)

    def check_pairs(self, texts: np.ndarray) -> np.ndarray:
        """The texts, (n,) or (n, 2), unchanged.

        Raises:
            DataError: for pairs where the task takes single texts, and the reverse.
        """
        if self.pairs and texts.ndim == 1:
            raise DataError("this model takes pairs of texts; give a second text for each")
        if texts.ndim == 2 and not self.pairs:
            raise DataError("this model takes single texts; drop the second texts, or train a model with pairs")
        return texts

    def outputs(self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None) -> Iterator[Any]:
        """Stream the model's outputs, float32 (m, ...) for each window of texts; only one window is in memory.

        Args:
            texts: object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2), of any sizes.
            truncated: counts the dropped tokens; without it, a warning reports them. Another warning reports a high
                share of unknown tokens, see `counting_unknown`.

        Raises:
            PredictionError: for an output that is not finite.
        """
        for window, computed in self._stream(texts, truncated, self._infer):
            yield require_finite_outputs(self.complete_outputs(window, computed), window)

    def outputs_with_vectors(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`outputs` of a head on pooled vectors, with these, float32 (m, dim), by one pass through the network."""
        dim = self.backbone.dim
        for window, computed in self._stream(texts, truncated, self._infer_with_vectors):
            outputs = self.complete_outputs(window, computed[:, dim:])
            require_finite_outputs(np.concatenate([computed[:, :dim], outputs], axis=1), window)
            yield computed[:, :dim], outputs

    def complete_outputs(self, texts: np.ndarray, outputs: Any) -> Any:
        """The outputs for texts, UTF-8 bytes (n, ...), from those of the network: by default the same."""
        return outputs

    @contextmanager
    def counting_unknown(self) -> Iterator[UnknownTokens]:
        """Count the unknown tokens of the thread's predictions inside, and warn at the end of the outermost of many.

        A model warns once, at its training or later.
        """
        if outer := getattr(self._counts, "unknown", None):
            yield outer
            return
        unknown = self._counts.unknown = self.count_unknown()
        try:
            yield unknown
        finally:
            self._counts.unknown = None
        unknown.warn(self._is_first_unknown)

    @contextmanager
    def ignoring_unknown(self) -> Iterator[None]:
        """Let the thread's predictions inside neither count unknown tokens nor warn, as of texts that test a model."""
        outer, self._counts.unknown = getattr(self._counts, "unknown", None), self.count_unknown()
        try:
            yield
        finally:
            self._counts.unknown = outer

    def count_unknown(self) -> UnknownTokens:
        """A new count of the tokens outside the vocabulary."""
        return UnknownTokens(self.backbone, self.architecture.cleaning)

    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write a model folder, with the answers of the model to a few texts that a server and `verify` compare.

        Args:
            folder: its parent must exist.
            overwrite: replace an existing model folder.

        Raises:
            ModelFolderError: when the folder exists, or cannot be written.
        """
        weights = {name: weight.numpy() for name, weight in self.weights.items()}
        assets = self.backbone.assets() | ({} if self.seen is None else {SEEN: seen_file(self.seen)})
        assets |= {} if self.replay is None else {REPLAY: replay_file(self.replay)}
        assets |= {} if self.index is None else {INDEX: index_file(self.index)}
        assets |= {} if self.report is None else {REPORT: self.report}
        assets |= {} if self.reference is None else {REFERENCE: reference_file(self.reference)}
        golden = self.golden_answers()
        assets |= {} if golden is None else {GOLDEN: golden_file(golden)}
        path = as_path(folder, "the model folder")
        try:
            return write_model_folder(path, self.config(), weights, assets, self.history, overwrite)
        except (OSError, ValueError) as error:  # a name that no file can have
            name = one_line(str(path))
            raise ModelFolderError(f"cannot write {name}: {error_summary(error):.60}; choose another name") from error

    def golden_answers(self) -> GoldenAnswers | None:
        """The answers to the golden texts; None where a text has none, or they are random or not finite.

        A model in int8 has its proof instead, see `tasks.quantization`.
        """
        if not task_spec(self.name).has_answers or self.has_untrained_head or self.quantization is not None:
            return None
        return golden_answers(self.reference_answers, self.precision, self.pairs)

    def config(self) -> dict[str, Any]:
        """The content of config.json in a model folder, as JSON values."""
        return {
            "format_version": FORMAT_VERSION,
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
            **({} if self.seen is None else {"seen_texts": seen_config(self.seen)}),
            **({} if self.replay is None else {"replay": replay_config(self.replay)}),
            **({} if self.index is None else {"text_index": index_config(self.index)}),
            **({} if self.reference is None else {"reference": reference_config(self.reference)}),
        }

    def _cleaning(self) -> Callable[[tf.Tensor], tf.Tensor]:
        return self.architecture.cleaning

    def _sequence_length(self, length: int | None) -> int | None:
        """A requested sequence length with the backbone's default and limit."""
        default, limit = self.backbone.training_defaults.sequence_length, self.backbone.max_sequence_length
        if length is None:
            if self.backbone.text_vectors and self.backbone.text_vectors.sequence_length:
                default = self.backbone.text_vectors.sequence_length
            length = min(default, limit) if default and limit else default
        minimum = special_token_count(self.backbone.special_tokens, self.pairs) + 1
        if length and (length < minimum or (limit is not None and length > limit)):
            bounds = (
                f"between {minimum} and {limit}, or 0 for {limit}"
                if limit
                else f"at least {minimum}, or 0 for no limit"
            )
            special = f" ({minimum - 1} special tokens and one of the text)" if minimum > 1 else ""
            raise ConfigError(f"sequence_length must be {bounds}, not {length}{special}")
        return length or limit

    def _reading(self, **columns: str | None) -> Reading:
        """How tables and files are read."""
        return Reading(**columns, paired=self.pairs, trained_columns=self.record.get("columns", {}))  # type: ignore[arg-type]

    @property
    def _ids(self) -> type[TokenIds]:
        return WindowIds if self.windowed else PairIds if self.pairs else TokenIds

    def _compile(self) -> None:
        """Prepare the functions that predict; they are traced when they are first called."""
        self._infer = inference_step(self.forward, self.input_spec)
        self.explainers: dict[str, Any] = {}
        self._infer_with_vectors = inference_step(self._forward_with_vectors, self.input_spec)

    def _compute_outputs(self, inputs: Inputs) -> Any:
        return compute_outputs(self._infer, inputs, self.batch_tokens)

    def _forward_with_vectors(self, batch: Any, training: bool) -> Any:
        """The pooled vectors of a batch and its outputs side by side, float32 (b, dim + outputs)."""
        width = self.head.output_shape[-1]

        def vectors_and_outputs(rows: Any) -> tf.Tensor:
            vectors = self._encoder.pool(rows, self.pooling, training)
            return tf.concat([vectors, self.head(vectors, training=training)], 1)

        return self._mean_over_windows(vectors_and_outputs, batch, self.backbone.dim + width, training)

    def _stream(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None, infer: Callable[[Any], Any]
    ) -> Iterator[tuple[np.ndarray, Any]]:
        """Windows of texts, and what `infer` computes for each; see `outputs`."""
        count = truncated or TruncationCount()
        with self.counting_unknown() as unknown:
            for window in windows(map(self.check_pairs, texts)):
                tokens = self.tokenize([window])
                count.add(tokens.truncated)
                unknown.add(tokens.ids, window)
                yield window, compute_outputs(infer, tokens, self.batch_tokens)
        if truncated is None:
            self._warn_of_truncation(count)

    def _warn_of_truncation(self, count: TruncationCount) -> None:
        if count.texts:
            length = self.architecture.sequence_length
            dropped = f"{counted(count.tokens, 'token')} dropped"
            warn(f"{counted(count.texts, 'text')} truncated to {length} tokens ({dropped})")

    def _mean_over_windows(
        self, function: Callable[[Any], tf.Tensor], batch: Any, width: int, training: bool
    ) -> tf.Tensor:
        """A function's values for rows, (b, width), averaged over the windows of each text."""
        if not self.windowed:
            return function(batch)
        rows = batch.values
        values = function(rows) if training else map_in_chunks(function, rows, self.max_windows, width)
        # In float64: a sum of thousands of windows in float32 depends on its order.
        means = tf.math.segment_mean(tf.cast(values, tf.float64), batch.value_rowids())
        return tf.cast(means, values.dtype)


def backbone_of(preset: str | Path | Backbone, precision: str, reading: Mapping[str, Any]) -> Backbone:
    """The backbone of anything that `Task` takes as a preset; `reading` are options of `load_backbone`.

    Raises:
        PresetError: when the preset cannot be loaded.
        ModelFolderError: when it is a damaged model folder.
    """
    if isinstance(preset, Backbone):
        return preset
    if names_model_folder(preset):
        return read_backbone(Path(preset).expanduser(), precision)
    with separate_state():
        return load_backbone(preset, precision, **reading)


def names_model_folder(preset: str | Path) -> bool:
    """Whether a preset is a model folder; a folder that has the name of a known preset is not."""
    return isinstance(find_source(str(preset)), Disk) and is_model_folder(Path(preset).expanduser())
