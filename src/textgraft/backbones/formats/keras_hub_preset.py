"""KerasHub preset folders of a backbone or a task, as `save_to_preset` writes them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.backbones.format import LayerConfig, WeightsFormat
from textgraft.errors import PresetError, error_summary
from textgraft.storage.preset_files import read_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"


class KerasHubPreset(WeightsFormat):
    """The presets of any family."""

    def read_sizes(self, folder: Path) -> dict[str, Any]:
        """Sizes are the only part of config.json that is used."""
        from textgraft.backbones.layers import sizes_in

        config = read_json(folder / _CONFIG).get("config")
        if not isinstance(config, dict):
            raise PresetError(f"{folder / _CONFIG} lacks config; save the preset again")
        return sizes_in(config)

    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        """Keep KerasHub's own, since no file states it."""
        from textgraft.backbones.layers import read_layer_config

        return read_layer_config(network)

    def load_weights(self, folder: Path, network: keras.Model) -> None:
        path = folder / _WEIGHTS
        if not path.exists():
            raise PresetError(f"{path} is missing; save the preset again")
        from textgraft.backbones.hdf5_files import require_own_arrays

        try:
            require_own_arrays(path, max(math.prod(weight.shape) for weight in network.weights))
            network.load_weights(str(path))
        except (ValueError, KeyError, OSError) as error:
            raise PresetError(
                f"{path}: cannot read the weights: {error_summary(error)}; save the preset again"
            ) from error

    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        return tokenizer_class.from_keras_hub(folder, special)
