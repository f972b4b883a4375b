"""Reader of folders that transformers 4 and ktrain wrote with TensorFlow: config.json, vocab.txt and tf_model.h5."""

import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from tools.fuzz.changes import BYTES, JSON
from tools.fuzz.inputs import split_input
from tools.fuzz.readers import Reader
from tools.fuzz.watching import require

from textgraft.backbones.formats.hugging_face_h5 import open_h5_tensors
from textgraft.backbones.presets import load_backbone

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-keras2-")) / "preset"
_WIDTH, _INNER, _POSITIONS = 4, 6, 8
_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "##s", "a")
_CONFIG = {
    "model_type": "distilbert", "vocab_size": len(_TOKENS), "dim": _WIDTH, "hidden_dim": _INNER, "n_heads": 2,
    "n_layers": 1, "max_position_embeddings": _POSITIONS, "activation": "gelu", "sinusoidal_pos_embds": False,
    "dropout": 0.1, "attention_dropout": 0.1, "id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1},
}  # fmt: skip
_SPECIAL_TOKENS = {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": True, "model_max_length": 8}


def _read_folder(data: bytes) -> None:
    """Write an input as one of the files; read the weights, and for some inputs the network with its tokenizer."""
    choices, content = split_input(data)
    _write_files({**dict(zip(_NAMES, _seeds(), strict=True)), _name_of(content): content})
    if choices.rarely(8):
        network = load_backbone(_FOLDER).network
        require(all(np.isfinite(weight.numpy()).all() for weight in network.weights), "a weight that is not finite")
        return
    with open_h5_tensors(_FOLDER / "tf_model.h5", ("distilbert.",)) as tensors:
        for name in tensors.names():
            require(tensors[name].dtype == np.float32, "a tensor that is not float32")
            require(tensors[name].size == np.prod(tensors.shape(name), dtype=int), "the size of a tensor")


def _write_files(files: Mapping[str, bytes]) -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir()
    for name, file in files.items():
        (_FOLDER / name).write_bytes(file)


def _name_of(content: bytes) -> str:
    if b"\0" in content:
        return "tf_model.h5"
    if b"tokenizer_class" in content or b"do_lower_case" in content:
        return "tokenizer_config.json"
    return "config.json" if content.lstrip()[:1] == b"{" else "vocab.txt"


def _weights() -> bytes:
    linear = {
        **{f"attention/{name}_lin": (_WIDTH, _WIDTH) for name in ("q", "k", "v", "out")},
        "ffn/lin1": (_WIDTH, _INNER),
        "ffn/lin2": (_INNER, _WIDTH),
    }
    arrays = {
        "embeddings/word_embeddings/weight": (len(_TOKENS), _WIDTH),
        "embeddings/position_embeddings/embeddings": (_POSITIONS, _WIDTH),
    }
    norms = ["embeddings/LayerNorm", *(f"transformer/layer_._0/{name}_layer_norm" for name in ("sa", "output"))]
    for norm in norms:
        arrays |= {f"{norm}/gamma": (_WIDTH,), f"{norm}/beta": (_WIDTH,)}
    for name, shape in linear.items():
        layer = f"transformer/layer_._0/{name}"
        arrays |= {f"{layer}/kernel": shape, f"{layer}/bias": shape[1:]}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [b"distilbert", b"classifier"]
        for name, shape in arrays.items():
            file[f"distilbert/tf_distil_bert_for_sequence_classification/distilbert/{name}:0"] = np.ones(
                shape, np.float32
            )
        file["classifier/tf_distil_bert_for_sequence_classification/classifier/kernel:0"] = np.ones((_WIDTH, 2))
    return buffer.getvalue()


_NAMES = ("config.json", "vocab.txt", "tokenizer_config.json", "tf_model.h5")
_SEED_FILES: list[bytes] = []


def _seeds() -> list[bytes]:
    if not _SEED_FILES:
        texts = (json.dumps(_CONFIG), "\n".join(_TOKENS) + "\n", json.dumps(_SPECIAL_TOKENS))
        _SEED_FILES.extend([*(text.encode() for text in texts), _weights()])
        _write_files(dict(zip(_NAMES, _SEED_FILES, strict=True)))
        load_backbone(_FOLDER)  # imports what takes longer than an input may
    return _SEED_FILES


KERAS2_FOLDER = Reader(_read_folder, _seeds, (*JSON, *BYTES, *BYTES))
