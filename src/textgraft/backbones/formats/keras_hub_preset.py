"""KerasHub preset folders, as `save_to_preset` writes them: of a backbone or of a task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from textgraft.backbones.formats.base import Format, own_computation
from textgraft.backbones.layer_config import LayerConfig
from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json, read_optional_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_NOT_SIZES = {"name", "trainable", "dtype"}


@dataclass(frozen=True)
class KerasHubPreset(Format):
    """A family's presets.

    Attributes:
        class_name: as config.json names the network.
    """

    class_name: str

    def reads(self, folder: Path) -> bool:
        """Whether config.json names the class."""
        return class_name(folder) == self.class_name

    def sizes(self, folder: Path) -> dict[str, Any]:
        """From config.json; nothing else of it is used."""
        config = read_json(folder / _CONFIG).get("config")
        if not isinstance(config, dict):
            raise PresetError(f"{folder / _CONFIG}: it has no config; save the preset again")
        return {name: value for name, value in config.items() if name not in _NOT_SIZES}

    def computation(self, folder: Path, encoder: keras.Model) -> LayerConfig:
        """KerasHub's own, which no file speaks of."""
        return own_computation(encoder)

    def fill(self, folder: Path, encoder: keras.Model) -> None:
        """From model.weights.h5, which is no program."""
        path = folder / _WEIGHTS
        if not path.exists():
            raise PresetError(f"{path} is missing; save the preset again")
        try:
            encoder.load_weights(str(path))
        except (ValueError, KeyError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise PresetError(f"{path}: the weights could not be read: {reason}; save the preset again") from error

    def tokenizer(self, folder: Path, kind: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """As `kind` reads it."""
        return kind.from_keras_hub(folder, special)


def class_name(folder: Path) -> str | None:
    """The class that a KerasHub preset says it is of; None where there is no such folder."""
    try:
        return read_optional_json(folder / _CONFIG).get("class_name")
    except PresetError:
        return None
