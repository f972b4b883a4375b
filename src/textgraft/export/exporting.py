"""Export of a model, and verification of what was exported."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgraft import registry, runtime
from textgraft.data.golden_texts import golden_texts
from textgraft.data.python_inputs import as_path
from textgraft.engines.names import TENSORFLOW
from textgraft.errors import ConfigError, ExportError, error_summary
from textgraft.evaluation.answer_comparison import as_lists
from textgraft.export.format import FORMATS, Answers, ExportFormat, ExportOptions, Text, require_exportable
from textgraft.export.network_alone import network_alone, require_expressible, without_rejection
from textgraft.export.record import RECORD, ExportRecord, compare_answers, list_files, read_record
from textgraft.storage.disk import disk_errors
from textgraft.storage.folders import build_folder
from textgraft.storage.syncing import sync_tree
from textgraft.storage.verification import digest_of
from textgraft.tasks.base import Task

# Parts of an export, as their times are named.
WRITING, MODEL_ANSWERS, EXPORT_ANSWERS = "writing", "the model's answers", "the export's answers"


@dataclass(frozen=True)
class Verification:
    """The result of a comparison of an exported model with its model.

    Attributes:
        format: name of the format.
        texts: number of texts whose answers were compared.
        largest_difference: of numbers in the answers, relative above 1.
        needs: what the format needs beside its own runtime.
        left_out: names of the parts of the model that the export does not have.
        operations: names of the graph's operations, of a SavedModel.
        proof: that a network in int8 answers as the model, where the export has made it; the compared answers are then
            those of that network. Otherwise empty.
        bytes: size of all files.
        seconds: time of each part, by its name.
    """

    format: str
    texts: int
    largest_difference: float
    needs: tuple[str, ...]
    left_out: tuple[str, ...]
    operations: tuple[str, ...]
    proof: Mapping[str, Any]
    bytes: int
    seconds: Mapping[str, float]


def export_model(
    model: Task,
    folder: str | Path,
    to: str = "savedmodel",
    *,
    int8: bool = False,
    proof: str | Path | None = None,
    name: str | None = None,
    version: str | None = None,
    ops: str = "core",
    without_ngrams: bool = False,
) -> Verification:
    """Write a model in the format of other programs, after its answers were found equal to those of the model.

    The exported model computes in float32, whatever its model does, and takes strings.

    Args:
        model: for classification, entities or embeddings, in float32 and computed by TensorFlow, as
            `load(folder, "float32")` returns it.
        folder: must not exist; its parent must.
        to: the format: "savedmodel", "huggingface", "kerashub", "litert", "onnx" or "wheel".
        int8: write the network in int8 too, as `quantize` proved it on this kind of processor ("onnx"), or only so
            ("wheel"; "litert", with `proof`).
        proof: labelled texts that the model was not trained on, or for an embedder texts: a file, or another source
            that `evaluate` reads. int8 must answer them as the model ("litert").
        name: of the package ("wheel").
        version: of the package ("wheel").
        ops: "core", TensorFlow's own operations only, or "text", also those of TensorFlow Text, which are faster
            ("savedmodel").
        without_ngrams: export the network of a model with n-grams alone, calibrated by itself.

    Raises:
        ConfigError: for an unknown format, an option that the format does not have or needs, or a model that it cannot
            express.
        ExportError: when an answer of the exported model differs; nothing is written.
        ModelFolderError: when the folder exists or cannot be written.
        BusyError: when another process is writing it.
    """
    folder = as_path(folder, "the folder of the exported model")
    require_exportable(to, folder)
    source = None if proof is None else str(proof)
    kind = export_format(to, ExportOptions(int8, source, name, version, ops, without_ngrams))
    if model.engine != TENSORFLOW or model.precision != "float32":
        raise ConfigError("models are exported in float32 by engine tensorflow; load this one with precision float32")
    require_expressible(model, kind, to)
    texts = [text for text in golden_texts(model.pairs) if kind.takes(model, text)]
    verifications: list[Verification] = []
    seconds: dict[str, float] = {}

    def write(building: Path) -> None:
        (building / RECORD).touch()  # by which the folder is recognized if this process is killed
        with _timed(seconds, WRITING):
            requirements = kind.write(model, building)
        with _timed(seconds, MODEL_ANSWERS):
            expected = as_lists(kind.reference(model, texts))
        with _timed(seconds, EXPORT_ANSWERS):
            answers = _answers(kind, building, texts, f"format {to}", building)
        difference = compare_answers(answers, expected, texts, kind.tolerance, f"format {to}")
        digests = {name: digest_of(building / name) for name in list_files(building)}
        record = ExportRecord(
            to,
            model.name,
            runtime.versions(),
            needs=requirements.needs,
            operations=requirements.operations,
            texts=texts,
            answers=expected,
            sha256=digests,
            left_out=left_out,
            proof=dict(requirements.proof),
        )
        record.write(building)
        sync_tree(building)
        verifications.append(_verification(record, difference, building, seconds))

    with ExitStack() as stack:
        left_out = stack.enter_context(network_alone(model)) if without_ngrams else []
        left_out += stack.enter_context(without_rejection(model, kind.has_rejection))
        build_folder(folder, write)
    return verifications[0]


def export_format(to: str, options: ExportOptions) -> ExportFormat:
    """A format by its name; a ConfigError for options that it does not have, or needs."""
    kind = registry.implementation(FORMATS, to, ExportFormat)(options)
    kind.require_packages(to)
    kind.check(to)
    return kind


def verify_export(folder: str | Path) -> Verification:
    """Compare the files of an exported model with their SHA-256, and its answers on this machine with its model's.

    This runs the exported model; a SavedModel is a program, so the folder must come from a trusted source.

    Raises:
        ExportError: for a folder that is no exported model, a file that is missing, altered or not listed, or an answer
            that differs.
        ConfigError: when a package is missing that the format needs.
    """
    folder = as_path(folder, "the folder of the exported model")
    record = read_record(folder)
    if record.format not in registry.names(FORMATS):
        raise ExportError(f"{folder} has the format {record.format!r}, which this version of textgraft does not run")
    kind = registry.implementation(FORMATS, record.format, ExportFormat)()
    kind.require_packages(record.format)
    seconds: dict[str, float] = {}
    with disk_errors("run", folder, kind=ExportError), _timed(seconds, EXPORT_ANSWERS):
        answers = _answers(kind, folder, record.inputs, folder)
    difference = compare_answers(answers, record.answers, record.inputs, kind.tolerance, folder)
    return _verification(record, difference, folder, seconds)


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[part] = round(time.monotonic() - started, 3)


def _answers(
    kind: ExportFormat, folder: Path, texts: Sequence[Text], source: str | Path, temporary: Path | None = None
) -> Answers:
    """The answers of an exported model; an ExportError that names the source for what its libraries raise."""
    try:
        return kind.open(folder, temporary)(texts)
    except (ExportError, OSError):
        raise
    except Exception as error:  # of many types
        raise ExportError(f"{source} cannot be run: {error_summary(error)}; export the model again") from error


def _verification(record: ExportRecord, difference: float, folder: Path, seconds: Mapping[str, float]) -> Verification:
    return Verification(
        record.format,
        len(record.texts),
        difference,
        needs=tuple(record.needs),
        left_out=tuple(record.left_out),
        operations=tuple(record.operations),
        proof=record.proof,
        bytes=sum((folder / name).stat().st_size for name in (*record.sha256, RECORD)),
        seconds=seconds,
    )
