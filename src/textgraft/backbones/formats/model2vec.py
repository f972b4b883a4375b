"""Folders of model2vec: config.json, tokenizer.json, and a table of vectors in model.safetensors.

Format: https://github.com/MinishLab/model2vec
"""

from pathlib import Path

import numpy as np

from textgraft.backbones.formats.hugging_face_weights import Tensors, open_tensors
from textgraft.backbones.text_vectors import TextVectors
from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json
from textgraft.tokenizers.tokenizer_json import TokenizerJson

_MAX_LENGTH = 512  # of texts in tokens, where config.json has none

# Kinds of tokenizers by the type of the model in tokenizer.json.
_KINDS = {"WordPiece": "word_piece", "BPE": "byte_pair", "Unigram": "sentence_piece"}


class Model2VecFolder:
    """A folder; the constructor raises a PresetError when a file is missing, damaged or unsupported.

    Attributes:
        kind: of the tokenizer, a key of `families.static_embeddings.TOKENIZERS`.
        unknown: the token for text outside the vocabulary; None where there is none.
        vectors: how texts are embedded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        config, tokenizer = read_json(path / "config.json"), TokenizerJson(path)
        model = tokenizer.model
        if (name := model.get("type")) not in _KINDS:
            raise tokenizer.unsupported(f"the model {name!r:.40}")
        self.kind = _KINDS[name]
        self.unknown: str | None = model.get("unk_token")
        if name == "Unigram" and model.get("unk_id") is not None:
            self.unknown = model["vocab"][model["unk_id"]][0]
        self.vectors = TextVectors("mean", bool(config.get("normalize")), sequence_length=self._max_length(config))

    def table(self, tokens: int) -> np.ndarray:
        """The vector of each token of a vocabulary, float32 (tokens, dim), times its weight where it has one.

        Raises:
            PresetError: when the tensors do not belong to such a vocabulary.
        """
        with open_tensors(self._path) as tensors:
            if "embeddings" not in tensors.names():
                raise PresetError(f"{tensors.path} lacks embeddings; download the preset again")
            table = tensors["embeddings"]
            if table.ndim != 2:
                raise self._mismatch(tensors, "embeddings", table, "(rows, dim)")
            if "mapping" in tensors.names():
                rows = tensors["mapping"]
                if rows.shape != (tokens,) or not ((rows >= 0) & (rows < len(table))).all():
                    raise self._mismatch(tensors, "mapping", rows, f"rows of embeddings for {tokens} tokens")
                table = table[rows.astype(np.int64)]
            if len(table) != tokens:
                raise self._mismatch(tensors, "embeddings", table, f"a row for each of {tokens} tokens")
            if "weights" in tensors.names():
                weights = tensors["weights"]
                if weights.shape != (tokens,):
                    raise self._mismatch(tensors, "weights", weights, f"one for each of {tokens} tokens")
                table = table * weights[:, np.newaxis]
        return table

    def _max_length(self, config: dict[str, object]) -> int | None:
        length = config.get("max_length", _MAX_LENGTH)
        if length is not None and not (type(length) is int and length > 0):
            raise PresetError(
                f"{self._path / 'config.json'}: max_length must be a positive integer or null, not {length!r:.40}"
            )
        return length

    def _mismatch(self, tensors: Tensors, name: str, tensor: np.ndarray, expected: str) -> PresetError:
        return PresetError(f"{tensors.path}: {name} has shape {tensor.shape}, expected {expected}; download it again")
