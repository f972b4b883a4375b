"""Logits or vectors that transformers and sentence-transformers compute with exported folders.

Run by `tools.compare_exported_models` in the environment of `make bench-torch`:

    python -m tools.transformers_outputs FOLDER TEXTS.json OUTPUTS.npz

FOLDER has a Hugging Face folder for each key of TEXTS.json, whose values are texts or pairs of them.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import transformers
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer


def main() -> None:
    """Compute, and write one array for each folder."""
    folder, texts, target = map(Path, sys.argv[1:])
    arrays = {name: compute(folder / name, values) for name, values in json.loads(texts.read_text()).items()}
    packages = ("transformers", "sentence-transformers", "tokenizers", "torch")
    np.savez_compressed(target, **arrays, made_with=", ".join(f"{name} {version(name)}" for name in packages))


def compute(folder: Path, texts: list[str] | list[list[str]]) -> np.ndarray:
    """Float32 (n, outputs), or the logits of all tokens of the texts one after the other."""
    if (folder / "modules.json").exists():
        return SentenceTransformer(str(folder), device="cpu").encode(texts, convert_to_numpy=True)
    (name,) = json.loads((folder / "config.json").read_text())["architectures"]
    model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    problems = {kind: keys for kind, keys in info.items() if keys}
    if problems:
        raise SystemExit(f"{folder.name}: {problems}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        pair = text if isinstance(text, list) else [text]
        inputs = tokenizer(*pair, truncation=True, return_tensors="pt")
        with torch.no_grad():
            rows.append(model(**inputs).logits.numpy())
    tokens = "ForTokenClassification" in name
    return np.concatenate([row[0] for row in rows]) if tokens else np.concatenate(rows)


if __name__ == "__main__":
    main()
