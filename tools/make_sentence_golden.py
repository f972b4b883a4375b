"""Make tests/golden/sentence_transformers.npz: vectors by sentence-transformers of tiny folders.

Run by hand in an environment with sentence-transformers, torch and safetensors:

    python -m tools.make_sentence_golden

The folders are those of tests/golden/sentence_folders.py, of which the tests read the same.
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from tests.golden.sentence_folders import GOLDEN, VARIANTS, write_sentence_folder
from tests.golden.texts import SHORT


def main() -> None:
    """Encode the texts with each folder, in float32, one at a time."""
    vectors = {}
    for name in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            model = SentenceTransformer(str(write_sentence_folder(Path(folder) / name, name)), device="cpu").float()
            vectors[name] = model.encode(SHORT, batch_size=1, convert_to_numpy=True).astype(np.float32)
            if model.prompts.get("query"):
                vectors[f"{name} without"] = model.encode(SHORT, batch_size=1, prompt="").astype(np.float32)
    made_with = f"sentence-transformers {version('sentence-transformers')}, torch {version('torch')}"
    np.savez_compressed(GOLDEN / "sentence_transformers.npz", **vectors, made_with=made_with)
    print({name: array.shape for name, array in vectors.items()}, made_with)


if __name__ == "__main__":
    main()
