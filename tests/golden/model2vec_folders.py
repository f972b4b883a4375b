"""Tiny folders of model2vec with random vectors, of which its vectors are in model2vec.npz."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

GOLDEN = Path(__file__).parent
_DIM = 8

# Tokenizer, other fields of config.json, and the names of the tensors beside the table.
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any], tuple[str, ...]]] = {
    "word_piece": ("bert", {"normalize": True}, ()),
    "byte_pair": ("roberta", {"normalize": False, "max_length": 300}, ("weights",)),
    "sentence_piece": ("xlm_roberta", {"normalize": True, "max_length": None}, ("weights", "mapping")),
}


def write_model2vec_folder(folder: Path, name: str) -> Path:
    """Write the folder of a variant, as model2vec 0.10 does."""
    tokenizer, fields, others = VARIANTS[name]
    folder.mkdir(parents=True)
    shutil.copy(GOLDEN / tokenizer / "tokenizer.json", folder)
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = len({*_names(content["model"]["vocab"]), *(token["content"] for token in content["added_tokens"])})
    random = np.random.default_rng(0)
    rows = tokens // 3 if "mapping" in others else tokens
    tensors = {
        "embeddings": random.normal(size=(rows, _DIM)).astype(np.float32),
        "weights": random.uniform(size=tokens),
        "mapping": random.integers(rows, size=tokens),
    }
    save_file({key: tensors[key] for key in ("embeddings", *others)}, folder / "model.safetensors")
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": _DIM, **fields}
    modules = [{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]
    for file, value in {"config.json": config, "modules.json": modules}.items():
        (folder / file).write_text(json.dumps(value), encoding="utf-8")
    return folder


def _names(vocabulary: Mapping[str, int] | list[tuple[str, float]]) -> list[str]:
    return [*vocabulary] if isinstance(vocabulary, Mapping) else [token for token, _ in vocabulary]
