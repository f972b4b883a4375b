"""The contract of a family's part of a model folder."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textgraft.storage.safetensors import Shape
from textgraft.storage.schema import Object


class BackboneLayout(ABC):
    """What a folder must hold for a backbone to be rebuilt from it; judged before anything is built.

    Attributes:
        fields: of what the family's `Backbone.config()` returns.
    """

    fields: ClassVar[Object]

    @classmethod
    @abstractmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
        """Path and shape of each weight of the network that `config` describes.

        Args:
            config: has the right `fields`, but any sizes: yield one by one, for the caller stops at the first that
                the folder lacks.
        """

    @classmethod
    @abstractmethod
    def dim(cls, config: Mapping[str, Any]) -> int:
        """Width of a token vector."""

    @classmethod
    @abstractmethod
    def check_assets(cls, config: Mapping[str, Any], folder: Path) -> None:
        """Check the files of the tokenizer.

        Args:
            config: its sizes are those of the stored weights.
            folder: verified.

        Raises:
            ModelFolderError: when one is missing, damaged or does not belong to the network.
        """
