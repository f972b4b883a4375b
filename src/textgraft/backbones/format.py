"""The contract of a format in which transformers are published; importing it does not import TensorFlow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.storage.schema import EPSILON
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerConfig:
    """Activation and normalization of a network or a head; `storage.schema.LAYER_CONFIG` has the allowed values."""

    activation: str
    layer_norm_epsilon: float

    def __post_init__(self) -> None:
        """Raise a ValueError for an epsilon that no model folder may have."""
        if not EPSILON.holds(self.layer_norm_epsilon):
            raise ValueError(f"the epsilon of its normalizations must be {EPSILON.name}, not {self.layer_norm_epsilon}")


@dataclass(frozen=True)
class Head:
    """A pretrained head that was published or saved together with a backbone.

    Attributes:
        settings: settings of the head's task that describe its computation.
        fill: sets the weights of a head that was built with these settings. It returns an empty string, or the reason
            why it left the head unchanged, and raises a PresetError or ModelFolderError when the stored weights are
            incomplete or have other shapes.
    """

    settings: Mapping[str, Any]
    fill: Callable[[keras.Model], str]


class WeightsFormat(ABC):
    """A format of published transformers; an instance has the names and keys of one family.

    Every method takes a folder of the format; all raise a PresetError when a file is missing, damaged or unsupported.
    """

    def reads(self, folder: Path) -> bool:
        """Whether a folder is of this format and family; KerasHub's format is recognized by `TransformerFamily`."""
        return False

    @abstractmethod
    def read_sizes(self, folder: Path) -> dict[str, Any]:
        """Constructor arguments of the KerasHub network."""

    def notices(self, folder: Path) -> tuple[str, ...]:
        """One line for each value that the folder lacks and a default replaces."""
        return ()

    @abstractmethod
    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        """Activation and epsilon of the published network; `network` has those that KerasHub gives it."""

    @abstractmethod
    def load_weights(self, folder: Path, network: keras.Model) -> None:
        """Set every weight of the KerasHub network that token vectors depend on.

        Raises:
            PresetError: also when a weight has another shape, or a stored tensor is unknown.
        """

    def read_heads(self, folder: Path, layer_config: LayerConfig) -> Mapping[str, Head]:
        """The heads in a folder by task id; their weights are not read yet."""
        return {}

    @abstractmethod
    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """The tokenizer, unless it needs a feature that `tokenizer_class` does not support."""
