"""Hugging Face folders of a network with its head, assembled from the files of tools/make_goldens.py."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

GOLDEN = Path(__file__).parent
HEADS = sorted(path.stem for path in (GOLDEN / "heads").glob("*.npz"))


def expected_of(name: str) -> Mapping[str, np.ndarray]:
    """Rows of ids, two masked positions in each, and the logits of transformers at these positions."""
    return np.load(GOLDEN / "heads" / f"{name}.npz")


def tensors_of(name: str) -> dict[str, np.ndarray]:
    """The head's tensors."""
    stored = expected_of(name)
    return {key.removeprefix("head/"): stored[key] for key in stored if key.startswith("head/")}


def with_head(name: str, folder: Path, head: Mapping[str, np.ndarray] | None = None) -> Path:
    """Write a folder and return it; the head is the one of this name, or consists of the tensors in `head`."""
    stored = expected_of(name)
    shutil.copytree(GOLDEN / str(stored["family"]), folder)
    (folder / "config.json").write_text(str(stored["config"]))
    network = {f"{stored['prefix']}{key}": tensor for key, tensor in load_file(folder / "model.safetensors").items()}
    save_file({**network, **(tensors_of(name) if head is None else head)}, folder / "model.safetensors")
    return folder
