"""Transfer learning for text on TensorFlow, Keras 3 and KerasHub: labelled texts in, a tested model out.

Importing this package imports no TensorFlow; the first use of a name that needs it does.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from textgraft.data.dataset import Dataset as Dataset
    from textgraft.data.loading import load_dataset as load_dataset
    from textgraft.data.tagged import TaggedDataset as TaggedDataset
    from textgraft.data.tagged import load_tagged as load_tagged
    from textgraft.data_checks.checking import check_data as check_data
    from textgraft.errors import TextgraftError as TextgraftError
    from textgraft.export.exporting import export_model as export_model
    from textgraft.export.exporting import verify_export as verify_export
    from textgraft.report.writing import write_report as write_report
    from textgraft.tasks.distillation import distil_preset as distil_preset
    from textgraft.tasks.extended_classifier import ExtendedClassifier as ExtendedClassifier
    from textgraft.tasks.feature_extraction import TextEmbedder as TextEmbedder
    from textgraft.tasks.fill_mask import MaskFiller as MaskFiller
    from textgraft.tasks.loading import load as load
    from textgraft.tasks.text_classification import TextClassifier as TextClassifier
    from textgraft.tasks.text_generation import TextGenerator as TextGenerator
    from textgraft.tasks.token_classification import TokenClassifier as TokenClassifier
    from textgraft.tasks.verification import verify_model as verify_model
    from textgraft.text.cleaning import Cleaning as Cleaning
    from textgraft.training.callbacks import Callback as Callback

_MODULES = {
    "Callback": "training.callbacks",
    "Cleaning": "text.cleaning",
    "Dataset": "data.dataset",
    "ExtendedClassifier": "tasks.extended_classifier",
    "MaskFiller": "tasks.fill_mask",
    "TaggedDataset": "data.tagged",
    "TextClassifier": "tasks.text_classification",
    "TextEmbedder": "tasks.feature_extraction",
    "TextGenerator": "tasks.text_generation",
    "TextgraftError": "errors",
    "TokenClassifier": "tasks.token_classification",
    "check_data": "data_checks.checking",
    "distil_preset": "tasks.distillation",
    "export_model": "export.exporting",
    "load": "tasks.loading",
    "load_dataset": "data.loading",
    "load_tagged": "data.tagged",
    "verify_export": "export.exporting",
    "verify_model": "tasks.verification",
    "write_report": "report.writing",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("textgraft")
    if name not in _MODULES:
        raise AttributeError(f"module 'textgraft' has no attribute {name!r}")
    if _MODULES[name].startswith(("export.", "tasks.")):
        from textgraft.runtime import start_tensorflow

        start_tensorflow()
    return getattr(importlib.import_module(f"textgraft.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
