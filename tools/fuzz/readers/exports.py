"""Readers of exported models: the record of their files, and what the runtime of exported packages reads."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from tools.fuzz.changes import JSON
from tools.fuzz.inputs import split_input
from tools.fuzz.readers import Reader
from tools.fuzz.readers.configs import base_of, model_folders
from tools.fuzz.watching import require, require_line

from textgraft.errors import ExportError
from textgraft.evaluation.answer_comparison import as_lists
from textgraft.export.record import RECORD, ExportRecord, compare_answers, read_record
from textgraft.export.wheel_runtime.golden import GOLDEN, compare
from textgraft.export.wheel_runtime.model import INFERENCE, TOKENIZER, Model

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-exports-"))
_NETWORK = "onnx/model.onnx"
_TEXTS = ("", "good film", "a \x00 plot \U0001f600 " * 9)
_ANSWERS = {
    "label": np.array(["yes", "no"]),
    "scores": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
    "count": np.array([1, 2]),
}
_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of an empty file


# === textgraft.json ===
def _read_record(data: bytes) -> None:
    """Write an input as the record of a folder with two empty files, and compare answers with it."""
    choices, content = split_input(data)
    folder = _FOLDER / "export"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "variables").mkdir(parents=True)
    for name in ("model", "variables/weights"):
        (folder / name).touch()
    (folder / RECORD).write_bytes(content)
    if not choices.rarely(4):
        _seal(folder)
    record = read_record(folder)
    require(record.sha256.keys() == {"model", "variables/weights"}, "the files")
    if len(record.inputs) == len(_ANSWERS["label"]):
        compare_answers(_ANSWERS, record.answers, record.inputs, lambda name: 1e-5, folder)


def _seal(folder: Path) -> None:
    """Write the record anew, as an exporter does, if it has the right keys."""
    try:
        values = json.loads((folder / RECORD).read_text())
        values.pop("seal")
        ExportRecord(**values).write(folder)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return


def _record_seeds() -> list[bytes]:
    records = [
        ExportRecord("savedmodel", "text-classification", {"textgraft": "1"}, ["TensorFlow Text"], ["Cast"], ["a", "b"],
                     as_lists(_ANSWERS), {"model": _SHA256, "variables/weights": _SHA256}),
        ExportRecord("onnx", "text-classification", {}, [], [], [("a", "b"), ("", "c")], as_lists(_ANSWERS),
                     {"variables/weights": _SHA256, "model": _SHA256}),
    ]  # fmt: skip
    seeds = []
    for record in records:
        with tempfile.TemporaryDirectory() as folder:
            record.write(Path(folder))
            seeds.append((Path(folder) / RECORD).read_bytes())
    return seeds


# === Files that the runtime of packages reads ===
def _read_package(data: bytes) -> None:
    """Write an input as the settings, the tokenizer or the answers of an exported model, and run it."""
    _, content = split_input(data)
    base = base_of(content, _bases())
    folder = _FOLDER / "package"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    name = TOKENIZER if b'"normalizer"' in content else GOLDEN if b'"tolerance"' in content else INFERENCE
    (folder / name).write_bytes(content)
    try:
        model = Model(folder, _NETWORK)
    except ValueError as error:
        require_line(str(error).replace("\n", " "), "the message of the runtime")
        raise ExportError(str(error)) from error
    if name == GOLDEN:
        try:
            compare(model, folder)
        except ValueError as error:
            raise ExportError(str(error)) from error
        return
    texts = [(text, "second") for text in _TEXTS] if model.pairs else list(_TEXTS)
    try:
        answers = model.answers(texts)
        model.records(texts)
    except ValueError as error:
        if "is damaged" not in str(error):  # as a tokenizer is that its library cannot run
            raise
        raise ExportError(str(error)) from error
    except Exception as error:  # ONNX Runtime has types of its own: ids that the network does not have
        if type(error).__module__.startswith("onnxruntime"):
            raise ExportError("refused by ONNX Runtime") from error
        raise
    require(all(len(values) == len(texts) for values in answers.values()), "the number of answers")


def _bases() -> list[Path]:
    return sorted(model_folders()[0].parent.glob("export-*"))


def _package_seeds() -> list[bytes]:
    golden = {"texts": list(_TEXTS), "answers": {}, "tolerance": 1e-5}
    single = base_of(b"", _bases())
    golden["answers"] = as_lists(Model(single, _NETWORK).stored_answers(_TEXTS))
    settings = [(folder / INFERENCE).read_bytes() for folder in _bases()]
    return [*settings, (single / TOKENIZER).read_bytes(), json.dumps(golden).encode()]


RECORDS = Reader(_read_record, _record_seeds, JSON)
PACKAGE = Reader(_read_package, _package_seeds, JSON)
