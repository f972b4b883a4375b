"""Compare models that textgraft exported to Hugging Face folders with what transformers computes from the folders.

Run by hand after `make bench-torch`, whose environment has transformers and sentence-transformers:

    python -m tools.compare_exported_models [MODEL ...]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import textgraft as tg
from tests.golden.exported_models import MODELS, PAIRS, TEXTS, outputs

PROJECT = Path(__file__).parents[1]
TORCH = PROJECT / ".venv-torch" / "bin" / "python"
_TOLERANCE = 1e-5


def main() -> None:
    """Export and compare the models given as arguments, or all."""
    names = sys.argv[1:] or list(MODELS)
    with tempfile.TemporaryDirectory() as folder:
        computed = transformers_outputs(names, Path(folder))
    largest = max(difference(name, computed[name]) for name in names)
    if largest > _TOLERANCE:
        raise SystemExit(f"the largest difference is {largest:.1e}")


def transformers_outputs(names: list[str], folder: Path, python: Path = TORCH) -> dict[str, np.ndarray]:
    """Export models into a folder and compute their outputs in the other environment."""
    for name in names:
        tg.export_model(MODELS[name](), folder / name, "huggingface")
    texts = {name: PAIRS if name == "pairs" else TEXTS for name in names}
    (folder / "texts.json").write_text(json.dumps(texts))
    program = [python, "-m", "tools.transformers_outputs", folder, folder / "texts.json", folder / "outputs.npz"]
    subprocess.run(program, check=True, cwd=PROJECT)
    return dict(np.load(folder / "outputs.npz"))


def difference(name: str, values: np.ndarray) -> float:
    """The largest difference of the outputs from textgraft's, relative above 1."""
    expected = outputs(MODELS[name]())
    if values.shape != expected.shape:
        raise SystemExit(f"{name}: shape {values.shape} instead of {expected.shape}")
    largest = float(np.max(np.abs(values - expected) / np.maximum(1, np.abs(expected))))
    print(f"{name}: {len(values)} rows, largest difference {largest:.1e}")
    return largest


if __name__ == "__main__":
    main()
