"""Pretrained backbones: resolved to local files, verified, and read by their family."""

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from textgraft.backbones.family import Family, families
from textgraft.backbones.format import Head
from textgraft.backbones.preset_sources import (
    HuggingFaceHub,
    Kaggle,
    KerasHubNames,
    PresetEntry,
    PresetSource,
    ResolvedPreset,
    TfHub,
    Wheel,
)
from textgraft.backbones.preset_spelling import other_spelling
from textgraft.backbones.sentence_transformers import SentenceTransformer, is_sentence_transformer
from textgraft.backbones.tensorflow_files import is_saved_model
from textgraft.backbones.text_vectors import known_text_vectors
from textgraft.errors import ConfigError, PresetError, warn
from textgraft.storage.preset_files import published_name, read_json, read_optional_json, refuse_placeholders
from textgraft.storage.replacement import recover_to_read

if TYPE_CHECKING:
    from textgraft.backbones.base import Backbone

# The presets of these sources cannot be confused with a path.
_SOURCES: tuple[PresetSource, ...] = (Wheel(), HuggingFaceHub(), Kaggle(), TfHub())


class Disk(PresetSource):
    """The path of a folder or a file."""

    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        return ResolvedPreset(Path(preset).expanduser())


def find_source(preset: str) -> PresetSource:
    """The source of a preset.

    Raises:
        PresetError: when no source knows its name or address, and no such path exists.
        ModelFolderError: when it is a model folder whose replacement was interrupted, and cannot be finished.
    """
    for source in _SOURCES:
        if preset.startswith(source.prefixes) or preset in _names(source):
            return source
    with suppress(OSError, RuntimeError):  # a name that no file can have, no permission, or an unknown ~user
        path = Path(preset).expanduser()
        recover_to_read(path)
        if path.exists():
            return Disk()
    if preset in _names(KerasHubNames()):
        return KerasHubNames()
    known = [entry.name for entry in list_presets()]
    if spelling := other_spelling(preset, known):
        raise PresetError(f"preset {preset!r} is neither a known name nor an existing path; write {spelling}")
    names = ", ".join(name for source in _SOURCES for name in _names(source))
    raise PresetError(
        f"preset {preset!r} is neither a known name ({names}, or one of KerasHub's) nor an existing path; see "
        "`textgraft presets`"
    )


def list_presets() -> list[PresetEntry]:
    """All presets that are known by name."""
    return [entry for source in (*_SOURCES, KerasHubNames()) for entry in source.entries]


def is_on_this_machine(preset: str) -> bool:
    """Whether a preset can be used without a download."""
    try:
        find_source(preset).resolve(preset, download=False)
    except PresetError:
        return False
    return True


def load_backbone(
    preset: str | Path,
    precision: str = "float32",
    *,
    vocabulary_limit: int | None = None,
    trust_savedmodel: bool = False,
) -> "Backbone":
    """Load a pretrained backbone.

    Args:
        preset: a name ("minilm", "nnlm-en-dim50", "bert_tiny_en_uncased"), an address ("hf://owner/name",
            "kaggle://owner/model/framework/variation/1", "https://tfhub.dev/..."), or the path of a Hugging Face
            folder, a KerasHub preset folder, Google's original BERT release, a TF-Hub SavedModel folder, a folder with
            the .h5 weights of a BERT classifier of Keras 2 or a file of word vectors.
        precision: Keras dtype policy name, "float32" or "mixed_bfloat16".
        vocabulary_limit: maximum number of words read from a file of word vectors, which begins with frequent words.
        trust_savedmodel: load a SavedModel, which is a program, from any source.

    Raises:
        PresetError: when there is no such preset, or it is damaged or of an unknown kind.
        ConfigError: for a vocabulary_limit below 1, or for a preset that is not a file of word vectors.
    """
    resolved = find_source(str(preset)).resolve(str(preset), download=True)
    refuse_placeholders(resolved.path)
    vectors = known_text_vectors(str(preset))
    is_published = vectors is None and is_sentence_transformer(resolved.path)
    published = SentenceTransformer(resolved.path) if is_published else None
    path = published.network if published else resolved.path
    family = _find_family(path)
    if vocabulary_limit is not None and vocabulary_limit < 1:
        raise ConfigError(f"vocabulary_limit must be at least 1, not {vocabulary_limit}")
    if vocabulary_limit is not None and not resolved.path.is_file():
        raise ConfigError(f"vocabulary_limit applies to files of word vectors only; drop it for {preset}")
    sha256 = verify_files(resolved)
    if is_saved_model(path) and not (trust_savedmodel or resolved.trusted):
        _require_known_hashes(str(preset), sha256)
    from textgraft.backbones.base import Origin

    origin = Origin(str(preset), sha256)
    backbone: Backbone = family.backbone_class.from_pretrained(family, path, origin, precision, vocabulary_limit)
    backbone.require_finite_weights(backbone.network)
    if published:
        backbone.embed_as(published.vectors, published.head)
    elif vectors:
        backbone.embed_as(vectors, Head(vectors.settings(), lambda head: ""))
    for notice in backbone.notices:
        warn(notice)
    return backbone


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(source: PresetSource) -> list[str]:
    return [entry.name for entry in source.entries]


def _find_family(path: Path) -> Family:
    known = families()
    for family in known.values():
        if family.reads(path):
            return family
    name = published_name(path)
    if name is None and "vocab_size" in read_optional_json(path / "config.json"):
        raise PresetError(
            f"{path / 'config.json'} lacks model_type, and architectures does not say it either; add it, such as "
            f'"model_type": "bert"'
        )
    if name is None:
        raise PresetError(
            f"{path} is not a preset: expected a Hugging Face or KerasHub folder with config.json "
            f"({', '.join(known)}), a BERT release with bert_config.json, a TF-Hub folder with saved_model.pb, a "
            "folder with vocab.txt and the .h5 file of a BERT classifier, or a file of word vectors (.txt, .vec, .bin)"
        )
    problem = f"{path}: the family {str(name)!r:.60} is not supported"
    import keras_hub

    classes = [name for name in dir(keras_hub.models) if name.endswith("Backbone")]
    backbones = {name.removesuffix("Backbone").lower(): name for name in classes}
    backbone = backbones.get(re.sub(r"[-_]|backbone$", "", str(name).lower()))
    if backbone is None:
        raise PresetError(f"{problem}; choose a preset of {', '.join(known)}")
    raise PresetError(f"{problem}; to add {backbone}, see docs/architecture.md, A backbone family")


def _require_known_hashes(preset: str, sha256: Mapping[str, str]) -> None:
    """Refuse a SavedModel unless a manifest has the hashes of all files of its preset."""
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


def verify_files(resolved: ResolvedPreset) -> dict[str, str]:
    """SHA-256 of each file by its name below the preset's path, compared with the known ones."""
    path, known = resolved.path, resolved.sha256
    if path.is_file():
        return {path.name: sha256_of(path)}
    files = [path / name for name in known] or sorted(file for file in path.rglob("*") if file.is_file())
    sha256 = {}
    for file in files:
        if not file.exists():
            raise PresetError(f"{file} is missing; download the preset again")
        name = str(file.relative_to(path))
        sha256[name] = sha256_of(file)
        if sha256[name] != known.get(name, sha256[name]):
            raise PresetError(f"{file}: SHA-256 is {sha256[name]}, expected {known[name]}; download the preset again")
    return sha256
