"""Text classifiers of KerasHub with the weights and tokenizer of a backbone, and their preset folders; single texts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.format import LayerConfig
from textgraft.backbones.formats.hugging_face_weights import TextHead
from textgraft.backbones.keras_private import flatten_layers, hdf5_weights
from textgraft.backbones.layers import activation_name, read_layer_config, sizes_in
from textgraft.errors import ConfigError
from textgraft.storage.syncing import write_file
from textgraft.tokenizers.base import Tokenizer
from textgraft.tokenizers.files import BYTE_PAIR, MERGES, SENTENCE_PIECE_MODEL, WORD_PIECE

_LOGITS, _POOLED = "logits", "pooled_dense"
_BATCH = 8


class KerasHubClassifier:
    """A text classifier of KerasHub, with its own preparation of texts.

    Attributes:
        head: the two layers on the vector of the first token, as those of transformers' classes are described.
        dim: width of the network.
    """

    def __init__(self, task: keras.Model) -> None:
        """Wrap an instance of a subclass of `keras_hub.models.TextClassifier`."""
        self._task = task
        # A layer of the classifier, or else of the network.
        self._pooled = getattr(task, _POOLED, None) or getattr(task.backbone, _POOLED)
        self.head = TextHead(_LOGITS, dense=_POOLED, activation=activation_name(self._pooled) or "linear")
        self.dim: int = task.backbone.hidden_dim

    @classmethod
    def from_preset(cls, folder: Path) -> "KerasHubClassifier":
        """Open a preset folder as programs with KerasHub do."""
        return cls(keras_hub.models.TextClassifier.from_preset(str(folder), dtype="float32"))

    def save(self, folder: Path) -> None:
        """Write a preset folder into an empty folder; an OSError when that fails."""
        task, backbone = self._task, self._task.backbone
        # HDF5 crashes when it closes a file that cannot be written, so that it writes into memory.
        vars(task)["save_task_weights"] = lambda path: _write(path, hdf5_weights(task, flatten_layers(backbone)))
        vars(backbone)["save_weights"] = lambda path: _write(path, hdf5_weights(backbone))
        task.save_to_preset(str(folder), max_shard_size=None)

    def set_head(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Set the weights of the layers of `head`: its modules' "weight" (units, dim) and "bias" (units,) by name."""
        for name, layer in ((_POOLED, self._pooled), (_LOGITS, self._task.output_dense)):
            layer.set_weights([tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]])

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The outputs for texts, float32 (n, outputs)."""
        return np.asarray(self._task.predict(np.array(texts, object), batch_size=_BATCH, verbose=0), np.float32)

    def token_ids(self, texts: Sequence[str]) -> list[list[int] | None]:
        """The token ids of each text; None where KerasHub's tokenizers differ.

        KerasHub prepares the texts of a call by another library than those of `tf.data`.
        """
        preprocessor = self._task.preprocessor
        batches = tf.data.Dataset.from_tensor_slices([*texts]).batch(len(texts)).map(preprocessor)
        rows = _rows(preprocessor([*texts])), _rows(next(iter(batches)))
        return [row if row == other else None for row, other in zip(*rows, strict=True)]


def keras_hub_classifier(
    family: TransformerFamily,
    encoder: keras.Model,
    tokenizer: Tokenizer,
    layer_config: LayerConfig,
    outputs: int,
    sequence_length: int,
) -> KerasHubClassifier:
    """A classifier of KerasHub with the weights of an encoder, and a random head.

    Raises:
        ConfigError: when KerasHub has no such classifier, computes another network, or has no such tokenizer.
    """
    task_class = getattr(keras_hub.models, f"{family.network.removesuffix('Backbone')}TextClassifier", None)
    if task_class is None or family.is_causal:
        raise _refused(f"KerasHub has no text classifier of {family.name}")
    backbone = family.network_class(**sizes_in(encoder.get_config()), dtype="float32")
    if (hub_config := read_layer_config(backbone)) != layer_config:
        settings = [f"{each.activation} and epsilon {each.layer_norm_epsilon:g}" for each in (hub_config, layer_config)]
        raise _refused(f"KerasHub's {family.network} computes {settings[0]}, this network {settings[1]}")
    backbone.set_weights(encoder.get_weights())
    preprocessor_class = task_class.preprocessor_cls
    try:
        hub_tokenizer = _tokenizer(family, preprocessor_class.tokenizer_cls, tokenizer)
    except ValueError as error:
        raise _refused(f"KerasHub's tokenizer of {family.name} cannot be made: {error}") from error
    preprocessor = preprocessor_class(hub_tokenizer, sequence_length=sequence_length)
    return KerasHubClassifier(task_class(backbone, outputs, preprocessor=preprocessor, dtype="float32"))


def _tokenizer(family: TransformerFamily, tokenizer_class: Callable[..., Any], tokenizer: Tokenizer) -> Any:
    settings, assets = tokenizer.settings(), tokenizer.assets()
    if family.tokenizer is WORD_PIECE:
        options = {name: settings[name] for name in ("lowercase", "strip_accents")}
        return tokenizer_class(vocabulary=tokenizer.vocabulary, **options)
    if family.tokenizer is BYTE_PAIR:
        ids = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
        merges = assets[MERGES].decode().removesuffix("\n").split("\n")
        return tokenizer_class(vocabulary=ids, merges=merges, add_prefix_space=settings["add_prefix_space"])
    hub_tokenizer = tokenizer_class(proto=assets[SENTENCE_PIECE_MODEL])
    if hub_tokenizer.get_vocabulary() != tokenizer.vocabulary:
        raise ValueError("it has another vocabulary")
    return hub_tokenizer


def _write(path: str, content: memoryview) -> None:
    write_file(Path(path), [content])


def _rows(inputs: Mapping[str, Any]) -> list[list[int]]:
    ids, mask = np.asarray(inputs["token_ids"]), np.asarray(inputs["padding_mask"]) > 0
    return [row[is_token].tolist() for row, is_token in zip(ids, mask, strict=True)]


def _refused(problem: str) -> ConfigError:
    return ConfigError(f"{problem}; choose huggingface or savedmodel")
