"""A package for pip with the network in ONNX and a runtime that needs onnxruntime, tokenizers and NumPy only."""

import gzip
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files as resources
from pathlib import Path

from textgraft.data.golden_texts import golden_texts
from textgraft.engines.names import require_packages
from textgraft.errors import ConfigError, ExportError
from textgraft.evaluation.answer_comparison import as_lists
from textgraft.export.cleaning_steps import cleaning_steps
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.hugging_face_files import TOKENIZER, hugging_face_files
from textgraft.export.inference import INFERENCE, inference_file, inference_settings
from textgraft.export.licence import licence_file, model_licence
from textgraft.export.ngram_files import ngram_files, ngram_settings
from textgraft.export.quantized import int8_answers, int8_needs, proved_quantization, tolerance
from textgraft.export.wheel_file import Metadata, wheel_name, write_wheel
from textgraft.export.wheel_runtime.compression import SUFFIX
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier

# onnxruntime has the attention of networks in int8 from 1.23.
REQUIRES = ("numpy>=1.26", "onnxruntime>=1.23", "tokenizers>=0.20")
NETWORK, GOLDEN = "model.onnx", "golden.json"

_MAX_DATA_BYTES = 2**34  # of an archive's data
_RUNTIME = "textgraft.export.wheel_runtime"
# Modules that the runtime shares with textgraft, by their names in the package; they need NumPy only.
_SHARED = {
    "answer_comparison": "textgraft.evaluation.answer_comparison",
    "predicted_entities": "textgraft.data.predicted_entities",
    "escaping": "textgraft.terminal.escaping",
    "tag_decoding": "textgraft.tasks.tag_decoding",
}


class WheelFormat(ExportFormat):
    """One file, which pip installs; `wheel_runtime` is the package's code."""

    options, has_ngrams, has_rejection = ("int8", "name", "version"), True, True

    def require_packages(self, to: str) -> None:
        require_packages(f"format {to}")

    def check(self, to: str) -> None:
        super().check(to)
        if not (self.selected.name and self.selected.version):
            raise ConfigError(f"format {to} needs --name and --version, such as --name sentiment --version 1.0.0")

    def write(self, model: Task, folder: Path) -> Requirements:
        from textgraft.engines.onnx_graph import model_files
        from textgraft.export.novelty_network import novelty_files
        from textgraft.export.onnx_model import onnx_model

        if model.pooled and model.windowed and model.output_map() is None:
            raise ConfigError("vectors of texts in windows are exported to savedmodel only; choose it")
        cleaning = model.architecture.cleaning
        if cleaning.steps and not isinstance(model, TextClassifier):
            raise ConfigError(f"cleaning of texts for {model.name} is exported to savedmodel only; choose it")
        steps = cleaning_steps(cleaning)
        int8, texts = self.selected.int8, golden_texts(model.pairs)
        quantization = proved_quantization(model) if int8 else None
        expected = as_lists(self.reference(model, texts))
        network = model_files(NETWORK, *onnx_model(model, quantization))
        data: dict[str, FileContent] = {
            **_compressed({TOKENIZER: [hugging_face_files(model)[TOKENIZER]]}),
            INFERENCE: [
                inference_file({**inference_settings(model), "int8": int8, "cleaning": steps, **ngram_settings(model)})
            ],
            GOLDEN: [
                json.dumps({"texts": texts, "answers": expected, "tolerance": tolerance(next(iter(expected)))}).encode()
            ],
            **(_compressed(network) if int8 else network),
            **ngram_files(model),
            **novelty_files(model),
        }
        module, name, version = self.selected.module, str(self.selected.name), str(self.selected.version)
        files: dict[str, FileContent] = {f"{module}/{file}": [source] for file, source in runtime_sources().items()}
        files |= {f"{module}/data/{file}": content for file, content in data.items()}
        preset = model.backbone.origin.preset
        metadata = Metadata(name, version, REQUIRES, model_licence(preset), licence_file(preset))
        write_wheel(folder / wheel_name(name, version), metadata, files)
        return Requirements(int8_needs(quantization, NETWORK) if quantization else [])

    def reference(self, model: Task, texts: Sequence[Text]) -> Answers:
        return int8_answers(model, texts) if self.selected.int8 else model.reference_answers(texts)

    @staticmethod
    def tolerance(name: str) -> float:
        return tolerance(name)

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        """The data of the package with the runtime of this version of textgraft, whose code must be the same."""
        from textgraft.export.wheel_runtime.model import Model

        with _unpacked(folder, temporary) as data:
            return Model(data, NETWORK).stored_answers


def runtime_sources() -> dict[str, bytes]:
    """The code of a package by file name: that of `wheel_runtime`, and the modules that it shares with textgraft."""
    sources = {
        file.name: file.read_text("utf-8") for file in resources(_RUNTIME).iterdir() if file.name.endswith(".py")
    }
    for name, module in _SHARED.items():
        package, _, file = module.rpartition(".")
        sources[f"{name}.py"] = resources(package).joinpath(f"{file}.py").read_text("utf-8")
    for name, source in sources.items():
        for module, path in _SHARED.items():
            source = source.replace(f"from {path} import", f"from .{module} import")
        sources[name] = source
    return {name: source.encode() for name, source in sorted(sources.items())}


def _compressed(files: Mapping[str, FileContent]) -> dict[str, FileContent]:
    """A file by the name of a compressed one; several, which refer to each other by their names, as they are.

    Networks in float32 would save a tenth, and take a second longer to start.
    """
    if len(files) > 1:
        return {**files}
    return {f"{name}{SUFFIX}": [gzip.compress(b"".join(content), mtime=0)] for name, content in files.items()}


@contextmanager
def _unpacked(folder: Path, temporary: Path | None) -> Iterator[Path]:
    """The data of the wheel in a folder, in a new folder in `temporary`.

    Raises:
        ExportError: when there is no wheel or several, or the code in it is another than that of `runtime_sources`.
    """
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ExportError(f"{folder} must have one file *.whl; export the model again")
    with zipfile.ZipFile(wheels[0]) as archive, tempfile.TemporaryDirectory(dir=temporary) as unpacked:
        module = wheels[0].name.split("-")[0]
        names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/(data/)?[^/]+", name)]
        if sum(archive.getinfo(name).file_size for name in names) > _MAX_DATA_BYTES:
            raise ExportError(f"{wheels[0]} is larger than any model; export the model again")
        for file, source in runtime_sources().items():
            if archive.read(f"{module}/{file}") != source:
                raise ExportError(
                    f"{wheels[0]} has the runtime of another version of textgraft; install it and run: python -m "
                    f"{module} --check"
                )
        for name in names:
            if name.startswith(f"{module}/data/"):
                (Path(unpacked) / Path(name).name).write_bytes(archive.read(name))
        yield Path(unpacked)
