"""fill-mask: what is behind a mask, by a backbone that sees both sides of it; learned by hiding tokens of texts."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.layer_config import ACTIVATIONS, LayerConfig
from textgraft.backbones.token_table import TokenTable
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.tasks.language_modelling import LanguageModelling
from textgraft.tasks.texts import as_batches
from textgraft.tasks.trainable import Watch
from textgraft.text.string_ops import TokenPreservingCleaning
from textgraft.training import corpus
from textgraft.training.config import TrainingConfig
from textgraft.training.corpus import MASKING_SHARE, MaskedExamples, Masking
from textgraft.training.inference import compute_outputs
from textgraft.training.loop import Training
from textgraft.training.progress import Callback
from textgraft.training.ragged import Ragged
from textgraft.training.step import Network
from textgraft.training.token_ids import TokenIds, TruncationCount, WordInputs

# Texts whose logits are held at once.
_AT_ONCE = 64

_NEW = "the head is new"
_NEW_COMPUTATION: dict[str, Any] = {"activation": "gelu", "layer_norm_epsilon": 1e-12}

# A head that knows nothing is fitted to a frozen backbone with so many rows, as docs/measurements.md has measured.
_FIRST: dict[str, Any] = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-3, "optimizer": "adam"}
_FIRST_ROWS = 1024


class Candidate(NamedTuple):
    """What may be behind a mask.

    Attributes:
        token: as the vocabulary spells it.
        probability: that it is there.
    """

    token: str
    probability: float


class MaskFiller(LanguageModelling):
    """Texts with masks to the tokens behind them (Devlin et al., 2018, https://arxiv.org/abs/1810.04805).

    The head is a dense layer, a normalization, and the table of tokens read backwards, with a bias for each: the one
    that came with the backbone, or a new one.
    """

    name = "fill-mask"
    input_spec = WordInputs.spec
    judged_share = MASKING_SHARE

    def __init__(
        self,
        preset: str | Path | Backbone,
        precision: str = "auto",
        *,
        table: Sequence[int] | None = None,
        computation: Mapping[str, Any] | None = None,
        **architecture: Any,
    ) -> None:
        """Load the backbone and put a head on it: the one it was published with, or a new one where there is none.

        Args:
            preset: see `load_backbone`; of a family that has a mask.
            precision: "auto", "float32" or "mixed_bfloat16".
            table: rows and width of the table of tokens that a head was made for; by default those of the backbone.
            computation: what a head computes whose weights the caller sets; by default that of the backbone's head, or
                of a new one.
            architecture: fields of `Architecture`, of which pooling, hidden, dropout and long have no effect
                here, and what `tasks.base.Task` takes.

        Raises:
            ConfigError: when the backbone has no mask, or its table is another one.
            PresetError: when the backbone's head is damaged.
        """
        self._given = computation
        super().__init__(preset, precision, **architecture)
        if table is not None and list(table) != self.settings()["table"]:
            raise ConfigError(f"table is {list(table)}, that of {self.backbone.family} {self.settings()['table']}")
        self._newness = self._take_head() if computation is None else ""
        length = self.architecture.sequence_length
        if length is not None and length < 3:
            raise ConfigError(f"sequence_length must be at least 3, a token between two special ones, not {length}")

    def clean(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Masks are no part of what is cleaned."""
        return TokenPreservingCleaning(self.backbone.token(self.backbone.mask), self.architecture.cleaning)

    def build_head(self) -> keras.Model:
        """From token vectors (b, t, dim) to logits of tokens (b, t, vocabulary), in float32."""
        self._mask = self.backbone.mask
        stored = self.backbone.heads.get(self.name)
        known = stored.settings["computation"] if stored else _NEW_COMPUTATION
        self._computation = LayerConfig(**(self._given or known))
        width = self.backbone.token_table.vectors.shape[1]
        first = keras.initializers.TruncatedNormal(stddev=0.02, seed=self.architecture.seed)
        vectors = keras.Input((None, self.backbone.dim), name="vectors")
        activation, epsilon = ACTIVATIONS[self._computation.activation], self._computation.layer_norm_epsilon
        x = keras.layers.Dense(width, activation, kernel_initializer=first, dtype="float32", name="dense")(vectors)
        x = keras.layers.LayerNormalization(epsilon=epsilon, dtype="float32", name="layer_norm")(x)
        logits = _TiedLogits(self.backbone.token_table, dtype="float32", name="logits")(x)
        return keras.Model(vectors, logits, name="head")

    def settings(self) -> dict[str, Any]:
        """Rows and width of the table of tokens, and what the head computes."""
        table = [int(size) for size in self.backbone.token_table.vectors.shape]
        return {"table": table, "computation": vars(self._computation).copy()}

    def _take_head(self) -> str:
        """Take the weights that came with the backbone; that the head is a new one where it is, or nothing."""
        stored = self.backbone.heads.get(self.name)
        if stored is None:
            return _NEW
        refusal = stored.fill(self.head)
        return f"{_NEW}, since {refusal}" if refusal else ""

    # === The network ===

    def on_top(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        """Logits of tokens at every place."""
        return self.head(vectors)

    def forward(self, batch: tuple[tf.RaggedTensor, tf.RaggedTensor], training: bool = False) -> tf.RaggedTensor:
        """Rows, and positions in them, to logits of the tokens there: float32 ragged (b, None, vocabulary)."""
        rows, positions = batch
        vectors, _ = self.backbone.vectors(rows, training)
        owners = tf.cast(positions.value_rowids(), tf.int32)
        there = tf.gather_nd(vectors, tf.stack([owners, positions.values], axis=1))  # (p, dim)
        return positions.with_values(self.head(there[tf.newaxis], training=training)[0])

    def loss(self, targets: tf.RaggedTensor, logits: tf.RaggedTensor) -> tf.Tensor:
        """Cross-entropy of the tokens that were hidden, summed over each row: float32 (b,)."""
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets.values, logits.values)
        return tf.math.unsorted_segment_sum(losses, targets.value_rowids(), targets.nrows())

    # === Data ===

    def read(self, data: Dataset, watch: Watch) -> MaskedExamples:
        """Documents in rows, nothing left out, with some tokens hidden."""
        special = self.backbone.special_tokens
        end = special.pad if special.end is None else special.end
        tokens = self._stream(data, watch, end)[1:-1]
        rows = corpus.fixed_length_rows(tokens, self.architecture.sequence_length or 0, special.start, special.end)
        unknown = int(np.count_nonzero(tokens == special.unknown))
        notice = f"{data.source}: {unknown:,} of {len(tokens):,} tokens are unknown to the vocabulary"
        masking = Masking(self._mask, special.ids, self.backbone.vocabulary_size, self.architecture.seed)
        return MaskedExamples(rows, masking, (notice,) if unknown else ())

    def place(self, data: Dataset, row: int) -> str:
        """Rows are blocks of texts put end to end."""
        return f"{data.source}, block {row + 1}"

    # === Training ===

    def fit_head(self, train: Any, chosen: TrainingConfig, callback: Callback) -> None:
        """Fit an untrained head to the frozen backbone: to how frequent tokens are, and then by some steps."""
        if self.record or not self._newness or not self.backbone.pretrained:
            return
        some = train.sample(min(_FIRST_ROWS, len(train)))
        callback.on_message(f"{self._newness}: it is fitted to the frozen backbone first, by {len(some):,} rows")
        counts = np.bincount(train.inputs.ids, minlength=self.settings()["table"][0])
        self.head.get_layer("logits").bias.assign(np.log((counts + 1) / (counts + 1).sum()))

        def forward(batch: Any, training: bool = False) -> tf.RaggedTensor:
            return self.forward(batch)  # without dropout in what is frozen

        network = Network(self.head, forward, self.loss, self.metrics, kept=self.kept, score=None)
        config = TrainingConfig(**{**_FIRST, "batch_tokens": chosen.batch_tokens, "seed": chosen.seed}).with_defaults(
            chosen
        )
        Training(network, some, train.sample(1), config, _Silent()).run()

    def fit_config(self, given: dict[str, Any]) -> TrainingConfig:
        """Nothing of a row is stored: other tokens are hidden each time; see `TrainableTask.fit_config`."""
        config = super().fit_config(given)
        if config.fine_tune == "none" or config.last_blocks:
            raise ConfigError(
                f"fine_tune {config.fine_tune} stores what a frozen block gives, and fill-mask hides other tokens "
                "each time; take all or lora:R"
            )
        return config

    # === Prediction ===

    def predict(self, texts: Sequence[str] | Dataset, top: int = 5) -> list[list[list[Candidate]]]:
        """For each text, and each mask in it, the most probable tokens behind it, the most probable first."""
        return [found for window in as_batches(texts) for found in self._candidates(window, top, None)]

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """The tokens behind a text's masks."""
        return ("tokens",)

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[str]]]:
        """Stream the most probable token behind each mask, those of a text with a blank between them."""
        for window in texts:
            found = self._candidates(window, 1, truncated)
            yield [[" ".join(mask[0].token for mask in masks) for masks in found]]

    def outputs(self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None) -> Iterator[Ragged]:
        """Logits at each mask, float32 ragged (m, None, vocabulary), some texts after the other."""
        count = truncated or TruncationCount()
        for window in texts:
            for start in range(0, len(window), _AT_ONCE):
                tokens = self.tokenize([window[start : start + _AT_ONCE]])
                count.add(tokens.truncated)
                yield compute_outputs(self._infer, self._masked(tokens), self._batch_tokens)
        if truncated is None and count.texts:
            length = self.architecture.sequence_length
            warnings.warn(
                f"{count.texts:,} texts were cut to {length} tokens ({count.tokens:,} tokens dropped)", stacklevel=2
            )

    def _masked(self, tokens: TokenIds) -> WordInputs:
        """Rows, and where masks are in them."""
        owners = np.repeat(np.arange(len(tokens)), tokens.lengths)
        places = np.arange(len(tokens.ids)) - np.repeat(np.cumsum(tokens.lengths) - tokens.lengths, tokens.lengths)
        masks = tokens.ids == self._mask
        counts = np.bincount(owners[masks], minlength=len(tokens))
        return WordInputs(tokens, Ragged(places[masks].astype(np.int32), counts))

    def _candidates(
        self, texts: np.ndarray, top: int, truncated: TruncationCount | None
    ) -> Iterator[list[list[Candidate]]]:
        for logits in self.outputs([texts], truncated):
            found = [self._best(row, top) for row in logits.values]
            ends = np.cumsum(logits.lengths)
            yield from (found[end - count : end] for end, count in zip(ends, logits.lengths, strict=True))

    def _best(self, logits: np.ndarray, top: int) -> list[Candidate]:
        known = logits[: self.backbone.vocabulary_size].astype(np.float64)
        shares = np.exp(known - known.max())
        shares /= shares.sum()
        return [Candidate(self.backbone.token(int(one)), float(shares[one])) for one in np.argsort(-shares)[:top]]


class _TiedLogits(keras.layers.Layer):
    """Vectors (b, t, width) to logits (b, t, rows) by the table of tokens, which stays the backbone's, and a bias."""

    def __init__(self, table: TokenTable, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._table = table

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=(self._table.vectors.shape[0],), initializer="zeros", name="bias")

    def call(self, vectors: tf.Tensor) -> tf.Tensor:
        rows, width = self._table.vectors.shape
        table = tf.convert_to_tensor(self._table.vectors)
        logits = tf.matmul(tf.reshape(vectors, [-1, width]), table, transpose_b=True) + self.bias
        return tf.reshape(logits, tf.concat([tf.shape(vectors)[:-1], [rows]], 0))


class _Silent:
    """Follows a training and tells nobody."""

    def on_features_extracted(self, texts: int, total: int) -> None:
        """Nothing."""

    def on_step_end(self, epoch: int, texts: int, means: dict[str, float], seconds_left: float | None) -> None:
        """Nothing."""

    def on_epoch_end(self, record: dict[str, float]) -> None:
        """Nothing."""

    def on_message(self, line: str) -> None:
        """Nothing."""
