"""feature-extraction: texts to vectors, by a backbone without further training."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.layers import ACTIVATIONS
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.text_vectors import TextVectors
from textgraft.engines.names import ONNX, TENSORFLOW, is_int8, network_precision
from textgraft.errors import ConfigError, DataError
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.base import Task
from textgraft.tasks.quantization import COSINE, RANKING_TEXTS, Agreement, prove_int8, sample_rows
from textgraft.training.token_ids import TruncationCount


class TextEmbedder(Task):
    """Texts to pooled vectors, float32 (n, dim)."""

    name = "feature-extraction"
    public = ("normalize", "predict", "quantize")

    def __init__(
        self,
        preset: str | Path | Backbone,
        precision: str = "auto",
        normalize: bool | None = None,
        prompt: str | None = None,
        *,
        layers: Sequence[Mapping[str, Any]] | None = None,
        engine: str = TENSORFLOW,
        **options: Any,
    ) -> None:
        """Load the backbone, and the layers that its authors put after the pooling.

        Args:
            preset: name, address or path; see docs/guide/presets.md.
            precision: "auto", "float32" or "mixed_bfloat16".
            normalize: divide each vector by its Euclidean length; by default as the preset's authors do.
            prompt: text to put before each text, or the name of one of the preset's prompts; "" for none. By default
                the preset's default prompt, if it has one.
            layers: fields of dense layers whose weights the caller sets; by default those of the preset.
            engine: what computes token vectors: "tensorflow", or "onnx" (ONNX Runtime), in float32; see `quantize`.
            options: arguments of all models (see `Task`); hidden and dropout have no effect.

        Raises:
            ConfigError: for another pooling than the one that the preset's layers follow, or an engine that is not
                installed or does not compute such a network.
        """
        if is_int8(precision):
            raise ConfigError(
                "precision int8 is proved by texts; create the embedder in float32 and call quantize(texts)"
            )
        self._options = {"normalize": normalize, "prompt": prompt, "layers": layers}
        super().__init__(preset, network_precision(engine, precision), **options)
        if layers is None and self.name in self.backbone.heads:
            self.backbone.fill_head(self.name, self.head)
        if engine != TENSORFLOW:
            self.use_engine(engine)

    def fill_architecture(self, options: Mapping[str, Any]) -> Architecture:
        architecture, vectors = super().fill_architecture(options), self.backbone.text_vectors
        if vectors and vectors.layers and architecture.pooling != vectors.pooling:
            raise ConfigError(
                f"pooling {architecture.pooling} does not suit {self.backbone.origin.preset}: its dense layers follow "
                f"{vectors.pooling}; drop pooling"
            )
        return architecture

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """The constructor's options, with the defaults of the preset."""
        backbone = self.backbone
        published = backbone.heads[self.name].settings if self.name in backbone.heads else TextVectors("").settings()
        settings: dict[str, Any] = {
            name: published[name] if value is None else value for name, value in self._options.items()
        }
        return {**settings, "prompt": self._prompt_text(settings["prompt"])}

    def _prompt_text(self, prompt: str) -> str:
        """The text of a prompt that may be a name; a word that is no name is probably misspelled."""
        prompts = self.backbone.text_vectors.prompts if self.backbone.text_vectors else {}
        if prompts and prompt.isidentifier() and prompt not in prompts:
            raise ConfigError(
                f"prompt {prompt!r} is none of {', '.join(prompts)}, the prompts of {self.backbone.origin.preset}; a "
                "text of your own ends with a space or a sign"
            )
        return prompts.get(prompt, prompt)

    def _cleaning(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Cleaning, then the prompt, which stays as its authors spell it."""
        clean, prompt = self.architecture.cleaning, self._settings["prompt"]
        if not prompt:
            return clean
        text = prompt.lower() if clean.lowercase else prompt
        return lambda texts: tf.strings.join([text, clean(texts)])

    def build_head(self) -> keras.Model:
        x = vector = keras.Input((self.backbone.dim,), name="vector")
        for index, layer in enumerate(self._settings["layers"]):
            activation = ACTIVATIONS.get(layer["activation"], layer["activation"])
            x = keras.layers.Dense(
                layer["units"], activation, layer["use_bias"], dtype="float32", name=f"dense_{index}"
            )(x)
        last = keras.layers.UnitNormalization(dtype="float32") if self.normalize else keras.layers.Identity()
        return keras.Model(vector, last(x), name="head")

    @property
    def summary(self) -> str:
        """A line about how texts become vectors."""
        settings, vectors = self._settings, self.backbone.text_vectors
        parts = [f"{self.architecture.pooling} pooling"]
        parts += [f"dense layer of {layer['units']}" for layer in settings["layers"]]
        parts += ["length 1"] * self.normalize
        if settings["prompt"]:
            parts.append(f"prompt {settings['prompt']!r}")
        elif vectors and vectors.prompts:
            parts.append(f"no prompt (it has {', '.join(vectors.prompts)})")
        return ", ".join(parts)

    @property
    def normalize(self) -> bool:
        """Whether vectors have length 1."""
        return bool(self._settings["normalize"])

    @property
    def dim(self) -> int:
        """Width of a text's vector."""
        return int(self.head.output_shape[-1])

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.Tensor:
        """A batch of rows to vectors; the mean over windows is normalized, not each window."""
        return self.head(self.pool(batch, training, split), training=training)

    def settings(self) -> dict[str, Any]:
        return dict(self._settings)

    def serve(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"vector": self.text_outputs(*texts)}

    def inference_settings(self) -> dict[str, Any]:
        return {"problem": None, "labels": [], "classes": [], "prompt": self._settings["prompt"]}

    def reference_answers(
        self, texts: Sequence[Any], truncated: TruncationCount | None = None
    ) -> dict[str, np.ndarray]:
        return {"vector": self.reference_outputs(texts, truncated)}

    def quantize(self, texts: Any, *, text: str | None = None) -> dict[str, Any]:
        """Compute vectors in int8 by ONNX Runtime from now on, where these texts prove that they stay nearly the same.

        Their mean cosine similarity to those in float32 must be at least 0.99; otherwise parts of the network stay in
        float32. Arguments: see `predict`.

        Returns:
            the proof: "agreement", the mean similarity; "least", that of the least similar vector; "texts", their
            number; and "float32", the names of the parts in float32.

        Raises:
            ConfigError: when int8 does not suffice, or the engine is not installed or does not compute such a network.
            DataError: see `predict`; also without a text.
        """
        windows = list(self.text_batches(texts, text=text))
        if not windows:
            raise DataError("int8 is proved by texts; give at least one")
        self.use_engine(ONNX)
        expected = np.concatenate(list(self.outputs(windows, TruncationCount())))

        cosines = np.ones(1)

        def measure() -> Agreement:
            nonlocal cosines
            cosines = cosine_similarities(np.concatenate(list(self.outputs(windows, TruncationCount()))), expected)
            return vector_agreement(cosines)

        tokens = self.tokenize([windows[0][:RANKING_TEXTS]])
        proof = prove_int8(self, sample_rows(tokens.batch, len(tokens)), measure, "texts", len(expected))
        return {**proof, "least": float(cosines.min())}

    def predict(self, texts: Any, *, text: str | None = None) -> np.ndarray:
        """The vector of each text, float32 (n, dim); of a single string, (dim,).

        Args:
            texts: a string, or any object that holds texts; see `as_batches`.
            text: the text column, where `texts` is a table or a file.

        Raises:
            DataError: for another object, or a text that is missing.
        """
        parts = list(self.outputs(self.text_batches(texts, text=text)))
        vectors = np.concatenate(parts) if parts else np.empty((0, self.dim), np.float32)
        return vectors[0] if isinstance(texts, str) else vectors


def vector_agreement(cosines: np.ndarray) -> Agreement:
    """How vectors in int8 compare with those in float32, by their similarities (n,)."""
    return Agreement(float(cosines.mean()), 0.0, COSINE)


def cosine_similarities(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosine similarity of vectors (n, dim) and others, float64 (n,); 1 where both are zero."""
    products = np.einsum("nd,nd->n", vectors.astype(np.float64), others)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
    return np.where(lengths > 0, products / np.maximum(lengths, np.finfo(np.float64).tiny), 1.0)
