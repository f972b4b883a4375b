"""Weights in Hugging Face folders that transformers 4 wrote with TensorFlow, also for ktrain: tf_model.h5."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from textgraft.backbones.formats.hugging_face_weights import MaskedHead, Tensors, has_safetensors, unused_tensors
from textgraft.backbones.tensorflow_files import CheckpointTensors

_WEIGHTS = "tf_model.h5"

# What ktrain writes beside the weights: a pickle.
_KTRAIN = "tf_model.preproc"

# Patterns in the names of TensorFlow's variables and their replacements, in order of application.
_RENAMES = (
    (r"[^/]*___", ""),  # mlm___cls
    (r"_\._", "/"),  # layer_._0
    (r"/(kernel|embeddings|gamma)$", "/weight"),
    (r"/beta$", "/bias"),
    # The bias that ALBERT's TensorFlow class adds to its logits; the other one is not used.
    (r"^predictions/bias$", "predictions/unused_bias"),
    (r"^predictions/decoder/bias$", "predictions/bias"),
)


def weights_file(folder: Path) -> Path | None:
    """The file of a folder without safetensors: tf_model.h5, or else the only .h5; None where there is none."""
    if has_safetensors(folder):
        return None
    files = sorted(folder.glob("*.h5"))
    return folder / _WEIGHTS if folder / _WEIGHTS in files else files[0] if len(files) == 1 else None


@contextmanager
def open_h5_tensors(path: Path, prefixes: Sequence[str]) -> Iterator[Tensors]:
    """Open the tensors of a file, by the names and in the shapes of Hugging Face.

    Args:
        path: the file; errors: see `open_keras2_file`.
        prefixes: prefixes of the backbone's tensors, which the class of a whole model puts before their names.
    """
    from textgraft.backbones.keras2_file import open_keras2_file

    with open_keras2_file(path) as file:
        yield CheckpointTensors(file, file.variables(), partial(_hugging_face_name, prefixes))


def h5_notices(path: Path, prefixes: Sequence[str], heads: Sequence[MaskedHead]) -> Iterator[str]:
    """One line for a head that no task uses, and one for the pickle of ktrain."""
    with open_h5_tensors(path, prefixes) as tensors:
        yield from unused_tensors(tensors, prefixes, heads)
    pickle = path.with_name(_KTRAIN)
    if pickle.exists():
        yield (
            f"{pickle} is a pickle, which can run code, and is not opened: ktrain's names of classes, its maximum "
            "length and its preparation of texts are lost; the new model has those of its training"
        )


def _hugging_face_name(prefixes: Sequence[str], variable: str) -> str:
    """bert.encoder.layer.0.output.dense.weight of tf_bert_model/bert/encoder/layer_._0/output/dense/kernel."""
    names = "|".join(re.escape(prefix.replace(".", "/")) for prefix in prefixes)
    name = re.sub(rf"^(?:[^/]*/)*?(?={names})|^[^/]*/", "", variable, count=1)
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name.replace("/", ".")
