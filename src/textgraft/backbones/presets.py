"""Pretrained backbones: found in one of the places, verified, and read by the family that knows them."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import keras_hub

from textgraft.backbones.base import Backbone, Origin, Reading, families
from textgraft.backbones.formats.hugging_face import model_type
from textgraft.backbones.formats.keras_hub_preset import class_name
from textgraft.backbones.hub_modules import is_module
from textgraft.backbones.preset_sources import PLACES, Listed, ResolvedPreset, place_of
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
        precision: a Keras dtype policy name, "float32" or "mixed_bfloat16".
        vocabulary_limit: of a file of word vectors, so many words are read, which are its most frequent ones.
        trust_savedmodel: open a SavedModel, which is a program, wherever it is from.

    Raises:
        PresetError: when there is no such preset, or it is damaged or of an unknown kind.
        ConfigError: for a vocabulary_limit below 1, or of a preset that is no file of word vectors.
    """
    located = place_of(str(preset)).locate(str(preset), download=True)
    family = _family_that_reads(located.path)
    if vocabulary_limit is not None and (vocabulary_limit < 1 or not located.path.is_file()):
        raise ConfigError(
            f"vocabulary_limit is at least 1, and for files of word vectors only; it is {vocabulary_limit} for {preset}"
        )
    sha256 = _hashes(located)
    _require_trust(str(preset), located, sha256, trust_savedmodel)
    return family.from_pretrained(located.path, Origin(str(preset), sha256), Reading(precision, vocabulary_limit))


def fetched(preset: str) -> tuple[ResolvedPreset, dict[str, str]]:
    """Bring a preset to this machine, unless it is here; where it is, and the SHA-256 of its files.

    Raises:
        PresetError: when that cannot be done.
    """
    located = place_of(preset).locate(preset, download=True)
    return located, _hashes(located)


def listed() -> list[Listed]:
    """All presets that are known by name."""
    return [entry for place in PLACES for entry in place.listed()]


def is_here(preset: str) -> bool:
    """Whether a preset is on this machine."""
    try:
        place_of(preset).locate(preset, download=False)
    except PresetError:
        return False
    return True


def address_of(preset: str) -> str:
    """Where a preset comes from."""
    return place_of(preset).address(preset)


def _family_that_reads(path: Path) -> type[Backbone]:
    for family in families().values():
        if family.reads(path):
            return family
    raise PresetError(f"{path} {_what_is_there(path)}")


def _what_is_there(path: Path) -> str:
    """Why no family reads a path, and what would."""
    found = model_type(path) or class_name(path)
    found = found if found is None else str(found)
    known = ", ".join(families())
    if found is None:
        return (
            f"is no preset: expected a Hugging Face or KerasHub folder with config.json ({known}), a BERT release with "
            "bert_config.json, a TF-Hub folder with saved_model.pb, or a file of word vectors (.txt, .vec, .bin)"
        )
    backbone = _keras_hub_class(found)
    if backbone is None:
        return f"is of the family {found!r:.60}, which nothing here reads; the families are {known}"
    return (
        f"is of the family {found!r:.60}; KerasHub has it ({backbone}), and a file in textgraft/backbones that names "
        "that would read it: docs/architecture.md says how to add one"
    )


def _keras_hub_class(found: str) -> str | None:
    wanted = re.sub(r"[-_]|backbone$", "", found.lower())
    classes = {
        name.removesuffix("Backbone").lower(): name for name in dir(keras_hub.models) if name.endswith("Backbone")
    }
    return classes.get(wanted)


def _require_trust(preset: str, located: ResolvedPreset, sha256: Mapping[str, str], trust: bool) -> None:
    if not is_module(located.path) or trust or located.trusted:
        return
    manifest = os.environ.get("TEXTGRAFT_MANIFEST")
    if manifest and set(sha256.values()) <= _known_hashes(Path(manifest)):
        return
    raise PresetError(
        f"{preset} holds a SavedModel, which is a program; if you trust its maker, say --trust-savedmodel "
        "(trust_savedmodel=True), or name in TEXTGRAFT_MANIFEST a manifest of `textgraft fetch` that has its hashes"
    )


def _known_hashes(manifest: Path) -> set[str]:
    try:
        return {file["sha256"] for entry in read_json(manifest)["presets"] for file in entry["files"]}
    except (KeyError, TypeError) as error:
        raise PresetError(f"{manifest} is no manifest of `textgraft fetch`; write it again") from error


def _hashes(located: ResolvedPreset) -> dict[str, str]:
    """SHA-256 of each file, by its name below the preset's path; those that must have one are compared."""
    path = located.path
    found = {name: sha256_of(file) for name, file in _files(path, located.sha256)}
    for name, expected in located.sha256.items():
        if found[name] != expected:
            raise PresetError(f"{path / name}: SHA-256 is {found[name]}, expected {expected}; fetch the preset again")
    return found


def _files(path: Path, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
        return
    files = [path / name for name in names] or sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        if not file.exists():
            raise PresetError(f"{file} is missing; fetch the preset again")
        yield str(file.relative_to(path)), file


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
