"""Make tests/golden/minilm.npz: embeddings by sentence-transformers, the reference of the tests.

Run by hand in a separate environment with sentence-transformers:

    pip install sentence-transformers
    python tools/make_minilm_golden.py MINILM_FOLDER

MINILM_FOLDER holds all-MiniLM-L6-v2 as published on the Hugging Face hub.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.golden.texts import TEXTS  # noqa: E402


def main() -> None:
    """Encode the texts: mean-pooled, normalized, at most 256 tokens, fp32."""
    model = SentenceTransformer(sys.argv[1], device="cpu")
    assert model.max_seq_length == 256
    vectors = model.encode(TEXTS, batch_size=1, convert_to_numpy=True).astype(np.float32)
    made_with = f"sentence-transformers {version('sentence-transformers')}, torch {version('torch')}"
    np.savez_compressed(ROOT / "tests" / "golden" / "minilm.npz", vectors=vectors, made_with=made_with)
    print(f"{len(vectors)} vectors, {made_with}")


if __name__ == "__main__":
    main()
