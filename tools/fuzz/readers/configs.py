"""Readers of configs: of model folders, of pretrained models, and TOML files of options."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tools.fuzz.changes import JSON, TABLE, TOML
from tools.fuzz.inputs import split_input
from tools.fuzz.readers import Reader
from tools.fuzz.watching import require
from typer.testing import CliRunner

from textgraft.backbones.family import TransformerFamily, families
from textgraft.backbones.sentence_transformers import SentenceTransformer, is_sentence_transformer
from textgraft.cli.app import make_app
from textgraft.cli.parameters import Parameters
from textgraft.cli.train import train
from textgraft.errors import PresetError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.versions import FORMAT_VERSION
from textgraft.storage.preset_files import published_name
from textgraft.storage.toml_files import read_options
from textgraft.storage.verification import MANIFEST
from textgraft.tuning.search_space import default_space, read_space

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-configs-"))
_TOML = (
    'preset = "minilm"\nepochs = 3\nlearning-rate = 1e-4\nhidden = "16,64"\nbalance = "none"\nfine_tune = "last:2"\n',
    'text = "b"\nlabel = ["a", "b"]\nstrip_html = true\nseed = 7\nsequence-length = 64\nout = "C:/m"\nquotes = true\n',
    'preset = ["minilm", "bert"]\nlearning_rate = {low = 1e-5, high = 1e-3, log = true}\nepochs = {low = 1, high = 5}\n'
    'fine_tune = ["none", "lora:8"]\n["lora:8"]\nlearning_rate = {low = 1e-4, high = 1e-2}\n[none]\nbatch_size = 8\n',
)


@cache
def model_folders() -> tuple[Path, ...]:
    """Small valid model folders, made once per process in another one."""
    out = _FOLDER / "bases"
    out.mkdir()
    command = [sys.executable, "-m", "tools.fuzz.model_folders", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return tuple(sorted(out.glob("model-*")))


# === Model folders ===
def _read_model_folder(data: bytes) -> None:
    """Write an input as the config, the history or the manifest of a model folder, and read the folder."""
    choices, content = split_input(data)
    start = content.lstrip()[:20]
    name = MANIFEST if b'"sha256": {' in start else "config.json" if start[:1] == b"{" else "history.csv"
    base = base_of(content, model_folders()) if name == "config.json" else choices.pick(model_folders())
    folder = _FOLDER / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    (folder / name).write_bytes(content)
    if name != MANIFEST:
        files = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in folder.iterdir()
            if file.name != MANIFEST
        }
        (folder / MANIFEST).write_text(json.dumps({"sha256": files}))
    stored = model_folder.read(folder)
    require(stored.config["format_version"] == FORMAT_VERSION, "the format version")
    require(all(type(value) in (int, float) for row in stored.history for value in row.values()), "the history")
    if choices.rarely(4):
        result = CliRunner().invoke(_app(), ["info", str(folder)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        require(result.exit_code == 0, f"info ends with {result.exit_code}")


def base_of(content: bytes, folders: Sequence[Path]) -> Path:
    """The folder of which an input was made, by the task and the kind of labels; folders are named PREFIX-KIND."""
    marks = {
        b'"multi-label"': "multi",
        b'"regression"': "regression",
        b'"word_vectors"': "words",
        b'"token-classification"': "tagged",
        b'"feature-extraction"': "embedder",
    }
    kinds = {folder.name.partition("-")[2]: folder for folder in folders}
    return next((kinds[kind] for mark, kind in marks.items() if mark in content and kind in kinds), kinds["single"])


@cache
def _app() -> Any:
    return make_app()


def _model_seeds() -> list[bytes]:
    configs = [json.dumps(json.loads((folder / "config.json").read_text())).encode() for folder in model_folders()]
    first = model_folders()[0]
    return [
        *configs,
        *((folder / "history.csv").read_bytes() for folder in model_folders()[:2]),
        (first / MANIFEST).read_bytes(),
    ]


# === Pretrained models ===
def _read_preset(data: bytes) -> None:
    """Write an input as a config of a pretrained model, and read what needs no weights."""
    _, content = split_input(data)
    folder = _FOLDER / "preset"
    shutil.rmtree(folder, ignore_errors=True)
    for path in ("1_Pooling/config.json", "2_Dense/config.json", "config.json", "modules.json"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(_PRESET[path])
    path = next((path for path, mark in _MARKS.items() if mark in content), "config.json")
    (folder / path).write_bytes(content)
    published_name(folder)
    if is_sentence_transformer(folder):
        SentenceTransformer(folder)
    readable = [family for family in families().values() if family.reads(folder)]
    for family in readable:
        if isinstance(family, TransformerFamily):
            weights_format = next(family.formats_of(folder))
            with refused_as_preset():
                sizes = weights_format.read_sizes(folder)
                require(all(value for name, value in sizes.items() if name != "dropout"), "a size of zero")
            with refused_as_preset():
                weights_format.read_layer_config(folder, None)  # type: ignore[arg-type]
            for notice in weights_format.notices(folder):
                require(notice, "an empty notice")


@contextmanager
def refused_as_preset() -> Iterator[None]:
    """Refuse what `Transformer.from_pretrained` refuses."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise PresetError("refused as a preset") from error


_PRESET = {
    "config.json": (GOLDEN / "bert" / "config.json").read_text(),
    "modules.json": json.dumps(
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        ]
    ),
    "1_Pooling/config.json": json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}),
    "2_Dense/config.json": json.dumps(
        {"in_features": 32, "out_features": 8, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}
    ),
    "sentence_bert_config.json": json.dumps({"max_seq_length": 128, "do_lower_case": False}),
    "config_sentence_transformers.json": json.dumps({"prompts": {"query": "q: "}, "default_prompt_name": "query"}),
    "tokenizer_config.json": json.dumps(
        {"model_max_length": 64, "do_lower_case": True, "tokenizer_class": "BertTokenizer"}
    ),
}
_MARKS = {
    "modules.json": b"sentence_transformers.",
    "1_Pooling/config.json": b"pooling_mode",
    "2_Dense/config.json": b"out_features",
    "sentence_bert_config.json": b"max_seq_length",
    "config_sentence_transformers.json": b"prompt",
    "tokenizer_config.json": b"model_max_length",
}


def _preset_seeds() -> list[bytes]:
    configs = sorted(GOLDEN.glob("*/config.json"))
    return [*(config.read_bytes() for config in configs), *(text.encode() for text in _PRESET.values())]


# === TOML ===
def _read_toml(data: bytes) -> None:
    """Read an input as options of `textgraft train`, or as a search space."""
    choices, content = split_input(data)
    path = _FOLDER / "options.toml"
    path.write_bytes(content)
    if choices.rarely(2) or b"low" in content:
        space = read_space(path, default_space(100, 100))
        json.dumps(space.to_json())
        return
    parameters = Parameters(train)
    parameters.arguments(read_options(path, parameters.toml_types()))


CONFIG = Reader(_read_model_folder, _model_seeds, (*JSON, *TABLE[-3:]))
PRESET_CONFIG = Reader(_read_preset, _preset_seeds, JSON)
TOML_OPTIONS = Reader(_read_toml, lambda: [text.encode() for text in _TOML], TOML)
