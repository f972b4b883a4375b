"""Pretrained backbones: resolved to local files, verified, and read by their family."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import keras_hub

from textgraft.backbones.base import Backbone, Origin, ReadOptions
from textgraft.backbones.family import Family, families
from textgraft.backbones.formats.hugging_face import model_type
from textgraft.backbones.formats.keras_hub_preset import class_name
from textgraft.backbones.preset_sources import ResolvedPreset, find_source
from textgraft.backbones.tensorflow_files import is_saved_model
from textgraft.errors import ConfigError, PresetError
from textgraft.storage.preset_files import read_json


def load_backbone(
    preset: str | Path,
    precision: str = "float32",
    *,
    vocabulary_limit: int | None = None,
    trust_savedmodel: bool = False,
) -> Backbone:
    """Load a pretrained backbone.

    Args:
        preset: a name ("minilm", "nnlm-en-dim50", "bert_tiny_en_uncased"), an address ("hf://owner/name",
            "kaggle://owner/model/framework/variation/1", "https://tfhub.dev/..."), or the path of a Hugging Face
            folder, a KerasHub preset folder, Google's original BERT release, a TF-Hub SavedModel folder or a file of
            word vectors.
        precision: Keras dtype policy name, "float32" or "mixed_bfloat16".
        vocabulary_limit: maximum number of words read from a file of word vectors, which begins with frequent words.
        trust_savedmodel: load a SavedModel, which is a program, from any source.

    Raises:
        PresetError: when there is no such preset, or it is damaged or of an unknown kind.
        ConfigError: for a vocabulary_limit below 1, or for a preset that is not a file of word vectors.
    """
    resolved = find_source(str(preset)).resolve(str(preset), download=True)
    family = _find_family(resolved.path)
    if vocabulary_limit is not None and (vocabulary_limit < 1 or not resolved.path.is_file()):
        raise ConfigError(
            f"vocabulary_limit must be at least 1, and needs a file of word vectors; it is {vocabulary_limit} for "
            f"{preset}"
        )
    sha256 = _verify(resolved)
    _require_trust(str(preset), resolved, sha256, trust_savedmodel)
    backbone: Backbone = family.backbone_class.from_pretrained(
        family, resolved.path, Origin(str(preset), sha256), ReadOptions(precision, vocabulary_limit)
    )
    return backbone


def fetch_preset(preset: str) -> tuple[ResolvedPreset, dict[str, str]]:
    """Download a preset unless it is on this machine.

    Returns:
        its location, and the SHA-256 of each file by name.

    Raises:
        PresetError: when it cannot be downloaded or is damaged.
    """
    resolved = find_source(preset).resolve(preset, download=True)
    return resolved, _verify(resolved)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _find_family(path: Path) -> Family:
    for family in families().values():
        if family.reads(path):
            return family
    raise PresetError(f"{path} {_explain_unreadable(path)}")


def _explain_unreadable(path: Path) -> str:
    """Why no family reads a path, and what would make it readable."""
    published_name = model_type(path) or class_name(path)
    known = ", ".join(families())
    if published_name is None:
        return (
            f"is not a preset: expected a Hugging Face or KerasHub folder with config.json ({known}), a BERT release "
            "with bert_config.json, a TF-Hub folder with saved_model.pb, or a file of word vectors (.txt, .vec, .bin)"
        )
    published_name = str(published_name)
    backbone = _keras_hub_class(published_name)
    if backbone is None:
        return f"is of the family {published_name!r:.60}, which is not supported; the families are {known}"
    return (
        f"is of the family {published_name!r:.60}; KerasHub has it ({backbone}), and a file in "
        "textgraft/backbones/families would add it: docs/architecture.md shows how"
    )


def _keras_hub_class(published_name: str) -> str | None:
    stem = re.sub(r"[-_]|backbone$", "", published_name.lower())
    classes = {
        name.removesuffix("Backbone").lower(): name for name in dir(keras_hub.models) if name.endswith("Backbone")
    }
    return classes.get(stem)


def _require_trust(preset: str, resolved: ResolvedPreset, sha256: Mapping[str, str], trust: bool) -> None:
    if not is_saved_model(resolved.path) or trust or resolved.trusted:
        return
    manifest = os.environ.get("TEXTGRAFT_MANIFEST")
    if manifest and set(sha256.values()) <= _hashes_in(Path(manifest)):
        return
    raise PresetError(
        f"{preset} is a SavedModel, which is a program; if you trust its source, pass --trust-savedmodel "
        "(trust_savedmodel=True), or set TEXTGRAFT_MANIFEST to a manifest of `textgraft fetch` with its hashes"
    )


def _hashes_in(manifest: Path) -> set[str]:
    try:
        return {file["sha256"] for entry in read_json(manifest)["presets"] for file in entry["files"]}
    except (KeyError, TypeError) as error:
        raise PresetError(f"{manifest} is not a manifest of `textgraft fetch`; write it again") from error


def _verify(resolved: ResolvedPreset) -> dict[str, str]:
    """SHA-256 of each file by its name below the preset's path, compared with the known ones."""
    sha256 = {name: sha256_of(file) for name, file in _files(resolved.path, resolved.sha256)}
    for name, expected in resolved.sha256.items():
        if sha256[name] != expected:
            raise PresetError(
                f"{resolved.path / name}: SHA-256 is {sha256[name]}, expected {expected}; download the preset again"
            )
    return sha256


def _files(path: Path, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Name and path of the named files, or of all files."""
    if path.is_file():
        yield path.name, path
        return
    files = [path / name for name in names] or sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        if not file.exists():
            raise PresetError(f"{file} is missing; download the preset again")
        yield str(file.relative_to(path)), file
