"""Make tests/golden/model2vec.npz: vectors by model2vec of tiny folders.

Run by hand in an environment with model2vec and safetensors:

    python -m tools.make_model2vec_golden

The folders are those of tests/golden/model2vec_folders.py, of which the tests read the same.
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from model2vec import StaticModel

from tests.golden.model2vec_folders import GOLDEN, VARIANTS, write_model2vec_folder
from tests.golden.texts import SHORT


def main() -> None:
    """Encode the texts with each folder."""
    vectors = {}
    for name in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            model = StaticModel.from_pretrained(write_model2vec_folder(Path(folder) / name, name))
            vectors[name] = model.encode(SHORT).astype(np.float32)
    made_with = f"model2vec {version('model2vec')}"
    np.savez_compressed(GOLDEN / "model2vec.npz", **vectors, made_with=made_with)
    print({name: array.shape for name, array in vectors.items()}, made_with)


if __name__ == "__main__":
    main()
