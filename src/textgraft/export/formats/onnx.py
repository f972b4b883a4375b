"""A folder with `onnx/model.onnx`, a tokenizer and config.json, as readers of Hugging Face's ONNX exports expect it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgraft.engines.names import require_packages
from textgraft.errors import ConfigError
from textgraft.evaluation.answer_comparison import as_int8
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.hugging_face_files import hugging_face_files
from textgraft.export.inference import INFERENCE, inference_file, inference_settings, threshold_needs
from textgraft.export.quantized import int8_answers, int8_needs, proved_quantization, tolerance
from textgraft.export.sentence_transformers import embedder_files
from textgraft.storage.syncing import FileContent, write_file
from textgraft.tasks.base import Task

NETWORK, QUANTIZED = "onnx/model.onnx", "onnx/model_quantized.onnx"


class Onnx(ExportFormat):
    """See `onnx_model` for the network's inputs and outputs."""

    options, has_rejection = ("int8",), True

    def require_packages(self, to: str) -> None:
        require_packages(f"format {to}")

    def write(self, model: Task, folder: Path) -> Requirements:
        from textgraft.engines.onnx_graph import model_files
        from textgraft.export.novelty_network import novelty_files
        from textgraft.export.onnx_model import onnx_model

        settings, truncation = inference_settings(model), model.architecture.truncation
        if steps := model.architecture.cleaning.steps:
            raise ConfigError(
                f"tokenizer.json cannot express cleaning ({', '.join(steps)}); export to wheel or savedmodel"
            )
        if model.pooled and truncation != "head":
            raise ConfigError(f"tokenizer.json cannot express truncation {truncation}; export to wheel or savedmodel")
        files: dict[str, FileContent] = {name: [data] for name, data in hugging_face_files(model).items()}
        files |= embedder_files(model)
        files[INFERENCE] = [inference_file(settings)]
        files |= {**model_files(NETWORK, *onnx_model(model)), **novelty_files(model)}
        needs = _needs(settings)
        if self.selected.int8:
            quantization = proved_quantization(model)
            files |= model_files(QUANTIZED, *onnx_model(model, quantization))
            needs += [f"ONNX Runtime 1.23 or newer for {QUANTIZED}", *int8_needs(quantization, QUANTIZED)]
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            write_file(folder / name, content)
        return Requirements(needs)

    def reference(self, model: Task, texts: Sequence[Text]) -> Answers:
        answers = model.reference_answers(texts)
        return {**answers, **int8_answers(model, texts)} if self.selected.int8 else answers

    @staticmethod
    def tolerance(name: str) -> float:
        return tolerance(name)

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        from textgraft.export.wheel_runtime.model import Model

        model = Model(folder, NETWORK)
        quantized = Model(folder, QUANTIZED) if (folder / QUANTIZED).exists() else None

        def answer(texts: Sequence[Text]) -> Answers:
            return {**model.answers(texts), **(as_int8(quantized.answers, texts) if quantized else {})}

        return answer


def _needs(settings: Mapping[str, Any]) -> list[str]:
    """What programs must do themselves to answer as the model; inference.json has it."""
    needs = []
    if prompt := settings["prompt"]:
        needs.append(f"the prompt {prompt!r} before each text")
    needs += threshold_needs(settings, INFERENCE)
    if "tags" in settings:
        needs.append("the splitting into words, the windows and the decoding in inference.json")
    return needs
