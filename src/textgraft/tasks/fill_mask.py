"""fill-mask: prediction of masked tokens by a bidirectional backbone."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from textgraft.backbones.base import Backbone
from textgraft.backbones.format import LayerConfig
from textgraft.backbones.layers import ACTIVATIONS
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.token_embedding import TokenEmbedding
from textgraft.data.dataset import Dataset
from textgraft.data.python_inputs import one_line
from textgraft.errors import ConfigError
from textgraft.tasks.finite_outputs import require_finite_outputs
from textgraft.tasks.language_modelling import LanguageModelling
from textgraft.tasks.trainable import WithProgress
from textgraft.text.ops import escaped
from textgraft.training import corpus
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.corpus import MASKING_SHARE, MaskedExamples, Masking
from textgraft.training.inference import compute_outputs
from textgraft.training.loop import Training
from textgraft.training.ragged import Ragged
from textgraft.training.step import Network
from textgraft.training.token_ids import TokenIds, TruncationCount
from textgraft.training.token_inputs import WordInputs

_MASK_PLACEHOLDER = "\ufddf"  # a noncharacter, which texts do not contain and cleaning does not change

# Texts whose logits are in memory at once.
_MAX_TEXTS = 64

_NEW_HEAD = "new head"
_NEW_LAYER_CONFIG: dict[str, Any] = {"activation": "gelu", "layer_norm_epsilon": 1e-12}

# The training of a new head on a frozen backbone, as measured in docs/measurements.md.
_HEAD_OPTIONS: dict[str, Any] = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-3, "optimizer": "adam"}
_HEAD_ROWS = 1024


class Candidate(NamedTuple):
    """A token that may be behind a mask, as the vocabulary spells it, and its probability."""

    token: str
    probability: float


class MaskFiller(LanguageModelling):
    """Predicts the tokens behind masks (Devlin et al., 2018, https://arxiv.org/abs/1810.04805).

    The head is a dense layer, a normalization, and the transposed token table with a bias per token. It comes with the
    backbone or is new.
    """

    name = "fill-mask"
    public = ("predict",)
    input_spec = WordInputs.spec
    predicted_share = MASKING_SHARE

    def __init__(
        self,
        preset: str | Path | Backbone,
        precision: str = "auto",
        *,
        table: Sequence[int] | None = None,
        computation: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Load the backbone, and the head it was published with; build a new head where there is none.

        Args:
            preset: name, address or path; see docs/guide/presets.md; of a family with a mask token.
            precision: "auto", "float32" or "mixed_bfloat16".
            table: rows and width of the token table that the head was trained for; by default the backbone's.
            computation: fields of `LayerConfig` for a head whose weights the caller sets; by default those of the
                backbone's head, or of a new one.
            options: arguments of all models (see `Task`); pooling, hidden, dropout and truncation have no effect.

        Raises:
            ConfigError: when the backbone has no mask token, or another table.
            PresetError: when the backbone's head is damaged.
        """
        self._layer_options = computation
        super().__init__(preset, precision, **options)
        if table is not None and list(table) != self.settings()["table"]:
            raise ConfigError(f"table is {list(table)}, but {self.backbone.family} has {self.settings()['table']}")
        self._new_head_reason = self._copy_published_head() if computation is None else ""

    def _cleaning(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Cleaning of everything except masks."""
        mask, clean = self.backbone.token(self.backbone.mask), self.architecture.cleaning

        def clean_around_masks(texts: tf.Tensor) -> tf.Tensor:
            texts = tf.strings.regex_replace(texts, _MASK_PLACEHOLDER, "")
            texts = tf.strings.regex_replace(texts, escaped(mask), _MASK_PLACEHOLDER)
            # A backslash in a replacement is an escape.
            return tf.strings.regex_replace(clean(texts), _MASK_PLACEHOLDER, mask.replace("\\", "\\\\"))

        return clean_around_masks

    def build_head(self) -> keras.Model:
        """From token vectors (b, t, dim) to logits of tokens (b, t, vocabulary), in float32."""
        self._mask = self.backbone.mask
        published = self.backbone.heads.get(self.name)
        layer_options = published.settings["computation"] if published else _NEW_LAYER_CONFIG
        self._layer_config = LayerConfig(**(self._layer_options or layer_options))
        width = self.backbone.token_embedding.vectors.shape[1]
        initializer = keras.initializers.TruncatedNormal(stddev=0.02, seed=self.architecture.seed)
        vectors = keras.Input((None, self.backbone.dim), name="vectors")
        activation, epsilon = ACTIVATIONS[self._layer_config.activation], self._layer_config.layer_norm_epsilon
        dense = keras.layers.Dense(width, activation, kernel_initializer=initializer, dtype="float32", name="dense")
        x = dense(vectors)
        x = keras.layers.LayerNormalization(epsilon=epsilon, dtype="float32", name="layer_norm")(x)
        logits = _TiedLogits(self.backbone.token_embedding, dtype="float32", name="logits")(x)
        return keras.Model(vectors, logits, name="head")

    def settings(self) -> dict[str, Any]:
        table = [int(size) for size in self.backbone.token_embedding.vectors.shape]
        return {"table": table, "computation": vars(self._layer_config).copy()}

    @property
    def has_untrained_head(self) -> bool:
        return bool(self._new_head_reason) and "fit" not in self.record

    def _copy_published_head(self) -> str:
        """Copy the weights of the backbone's head; returns why the head is new, or nothing."""
        if self.name not in self.backbone.heads:
            return _NEW_HEAD
        problem = self.backbone.fill_head(self.name, self.head)
        return f"{_NEW_HEAD} ({problem})" if problem else ""

    # === Network ===

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.RaggedTensor:
        """Rows, and positions in them, to the logits there: float32 ragged (b, None, vocabulary)."""
        rows, positions = batch
        vectors, _ = (split or self._encoder).vectors(rows, training)
        row_ids = tf.cast(positions.value_rowids(), tf.int32)
        masked_vectors = tf.gather_nd(vectors, tf.stack([row_ids, positions.values], axis=1))  # (p, dim)
        return positions.with_values(self.head(masked_vectors[tf.newaxis], training=training)[0])

    # === Training ===

    def _read(self, data: Dataset, with_progress: WithProgress) -> MaskedExamples:
        """Rows of concatenated documents, with some tokens masked; nothing is truncated."""
        special = self.backbone.special_tokens
        tokens = self._token_stream(data, with_progress, special.pad if special.end is None else special.end)[1:-1]
        rows = corpus.fixed_length_rows(tokens, self.architecture.sequence_length or 0, special.start, special.end)
        unknown = int(np.count_nonzero(tokens == special.unknown))
        notice = f"{data.source}: {unknown:,} of {len(tokens):,} tokens are unknown to the vocabulary"
        ids = (special.start, special.end, special.pad, special.unknown, special.end_of_text, special.mask)
        special_ids = tuple(sorted({token_id for token_id in ids if token_id is not None}))
        masking = Masking(self._mask, special_ids, self.backbone.vocabulary_size, self.architecture.seed)
        return MaskedExamples(rows, masking, (notice,) if unknown else ())

    def training_config(self, options: dict[str, Any]) -> TrainingConfig:
        """Refuses modes that store outputs: other tokens are masked in each epoch."""
        config = super().training_config(options)
        if self.fine_tuning(fine_tune=config.fine_tune).caches_activations:
            raise ConfigError(
                f"fine_tune {config.fine_tune} stores outputs of frozen blocks, but fill-mask masks other tokens in "
                "each epoch; choose all or lora:R"
            )
        return config

    def _fit_head(self, train: Any, config: TrainingConfig, callback: Callback) -> None:
        """Fit a new head to the frozen backbone: its bias to token frequencies, then all of it by gradient steps."""
        if self.record or not self._new_head_reason or not self.backbone.pretrained:
            return
        sample = train.sample(min(_HEAD_ROWS, len(train)))
        callback.on_message(f"{self._new_head_reason}: training it alone on {len(sample):,} rows")
        counts = np.bincount(train.inputs.ids, minlength=self.settings()["table"][0])
        self.head.get_layer("logits").bias.assign(np.log((counts + 1) / (counts + 1).sum()))

        def forward(batch: Any, training: bool = False) -> tf.RaggedTensor:
            return self.forward(batch)  # no dropout in the frozen backbone

        options = {**_HEAD_OPTIONS, "batch_tokens": config.batch_tokens, "seed": config.seed}
        head_config = TrainingConfig(**options).with_defaults(config)
        network = Network(self.head, forward, self.objective)
        Training(network, sample, train.sample(1), head_config, Callback()).run()

    # === Prediction ===

    def predict(self, texts: Any, top: int = 5, *, text: str | None = None) -> list[Any]:
        """For each text and each mask in it, the `top` most probable tokens, the most probable first.

        Args:
            texts: a string, whose masks are the answer; or any object that holds texts, see `as_batches`.
            top: number of tokens.
            text: the text column, where `texts` is a table or a file; by default as in training.

        Raises:
            DataError: for another object, or a text that is missing.
            ConfigError: for an invalid `top`.
        """
        if not isinstance(top, int) or top < 1:
            raise ConfigError(f"top must be a whole number, at least 1, not {one_line(top)}")
        batches = self.text_batches(texts, text=text)
        answers = [candidates for window in batches for candidates in self._candidates(window, top, None)]
        return answers[0] if isinstance(texts, str) else answers

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[str]]]:
        """Stream the most probable token of each mask; those of a text are joined by spaces."""
        for window in texts:
            candidates = self._candidates(window, 1, truncated)
            yield [[" ".join(mask[0].token for mask in masks) for masks in candidates]]

    def outputs(self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None) -> Iterator[Ragged]:
        """Stream the logits at each mask, float32 ragged (m, None, vocabulary)."""
        count = truncated or TruncationCount()
        for window in texts:
            for start in range(0, len(window), _MAX_TEXTS):
                part = window[start : start + _MAX_TEXTS]
                tokens = self.tokenize([part])
                count.add(tokens.truncated)
                logits = compute_outputs(self._infer, self._with_mask_positions(tokens), self._batch_tokens)
                yield require_finite_outputs(logits, part)
        if truncated is None:
            self._warn_of_truncation(count)

    def _with_mask_positions(self, tokens: TokenIds) -> WordInputs:
        row_ids = np.repeat(np.arange(len(tokens)), tokens.lengths)
        positions = np.arange(len(tokens.ids)) - np.repeat(np.cumsum(tokens.lengths) - tokens.lengths, tokens.lengths)
        is_mask = tokens.ids == self._mask
        counts = np.bincount(row_ids[is_mask], minlength=len(tokens))
        return WordInputs(tokens, Ragged(positions[is_mask].astype(np.int32), counts))

    def _candidates(
        self, texts: np.ndarray, top: int, truncated: TruncationCount | None
    ) -> Iterator[list[list[Candidate]]]:
        for logits in self.outputs([texts], truncated):
            candidates = [self._most_probable(row, top) for row in logits.values]
            ends = np.cumsum(logits.lengths)
            yield from (candidates[end - count : end] for end, count in zip(ends, logits.lengths, strict=True))

    def _most_probable(self, logits: np.ndarray, top: int) -> list[Candidate]:
        probabilities = softmax(logits[: self.backbone.vocabulary_size].astype(np.float64))
        ids = np.argsort(-probabilities)[:top]
        return [Candidate(self.backbone.token(int(index)), float(probabilities[index])) for index in ids]


class _TiedLogits(keras.layers.Layer):
    """Vectors (b, t, width) to logits (b, t, rows) by the backbone's token table, and a bias."""

    def __init__(self, table: TokenEmbedding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._table = table

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=(self._table.vectors.shape[0],), initializer="zeros", name="bias")

    def call(self, vectors: tf.Tensor) -> tf.Tensor:
        rows, width = self._table.vectors.shape
        table = tf.convert_to_tensor(self._table.vectors)
        logits = tf.matmul(tf.reshape(vectors, [-1, width]), table, transpose_b=True) + self.bias
        return tf.reshape(logits, tf.concat([tf.shape(vectors)[:-1], [rows]], 0))
