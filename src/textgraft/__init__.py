"""Transfer learning for text on TensorFlow, Keras 3 and KerasHub: labelled texts in, a tested model out.

Importing this package imports no TensorFlow; the first use of a name that needs it does.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from textgraft.data.dataset import Dataset
    from textgraft.data.loading import load_dataset
    from textgraft.data.tagged import TaggedDataset, load_tagged
    from textgraft.errors import TextgraftError
    from textgraft.tasks.base import load
    from textgraft.tasks.feature_extraction import TextEmbedder
    from textgraft.tasks.fill_mask import MaskFiller
    from textgraft.tasks.text_classification import TextClassifier
    from textgraft.tasks.text_generation import TextGenerator
    from textgraft.tasks.token_classification import TokenClassifier
    from textgraft.text.cleaning import Cleaning

__all__ = [
    "Cleaning",
    "Dataset",
    "MaskFiller",
    "TaggedDataset",
    "TextClassifier",
    "TextEmbedder",
    "TextGenerator",
    "TextgraftError",
    "TokenClassifier",
    "load",
    "load_dataset",
    "load_tagged",
]

_LIGHT = {
    "Dataset": "textgraft.data.dataset",
    "TaggedDataset": "textgraft.data.tagged",
    "TextgraftError": "textgraft.errors",
    "load_dataset": "textgraft.data.loading",
    "load_tagged": "textgraft.data.tagged",
}
_WITH_TENSORFLOW = {
    "Cleaning": "textgraft.text.cleaning",
    "MaskFiller": "textgraft.tasks.fill_mask",
    "TextClassifier": "textgraft.tasks.text_classification",
    "TextEmbedder": "textgraft.tasks.feature_extraction",
    "TextGenerator": "textgraft.tasks.text_generation",
    "TokenClassifier": "textgraft.tasks.token_classification",
    "load": "textgraft.tasks.base",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("textgraft")
    if name in _WITH_TENSORFLOW:
        from textgraft.runtime import start_tensorflow

        start_tensorflow()
    module = _LIGHT.get(name) or _WITH_TENSORFLOW.get(name)
    if module is None:
        raise AttributeError(f"module 'textgraft' has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return __all__
