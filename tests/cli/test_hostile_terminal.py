"""No command passes control characters of names, labels, texts or files on to the terminal."""

import csv
import errno
import io
import json
import os
import shutil
import signal
import sys
import warnings

import pytest
from tools.make_hostile import seal

import textgraft as tg
from tests.helpers.commands import run_successfully
from tests.helpers.terminals import CONTROLS, run_on_terminal
from textgraft import cli
from textgraft.errors import InterruptionError
from textgraft.model_folder import folder as model_folder
from textgraft.terminal.escaping import MAX_LINE, printable

NAME = f"a{CONTROLS}\n[b]"
LABELS = [f"pos{NAME}[/b] [/red]", f"neg{NAME}", "x" * 100_000]
ENTITY = "E\x1b]0;title\x07\x1b[8m\x9b31m\u202e"  # one line
TEXT = f"a good film{NAME}[/b] [/red]"


@pytest.fixture(scope="module")
def model(tiny_word_vectors, tmp_path_factory):
    """A model folder with control characters in each name that its maker chooses, and two like it."""
    folder = tmp_path_factory.mktemp("models")
    data = tg.Dataset.from_lists([f"{TEXT} {n}" for n in range(12)], LABELS * 4)
    task = tg.TextClassifier(tiny_word_vectors, LABELS, precision="float32")
    task.fit(data, validation=data, epochs=1, fine_tune="none", keep_index=6)
    task.evaluate(data, store=True)
    task.save(folder / "model")
    path = folder / "model" / "config.json"
    config = json.loads(path.read_text())
    config["preset"] = config["data"]["train"]["source"] = NAME
    config["versions"] |= {NAME: NAME}
    config["fit"] |= {NAME: NAME}
    config["data"][NAME] = config["data"]["train"]
    path.write_text(json.dumps(config))
    seal(folder / "model")
    shutil.copytree(folder / "model", folder / NAME)
    return folder / NAME


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A CSV file with control characters in its name, its columns and its cells."""
    path = tmp_path_factory.mktemp("data") / f"{NAME}.csv"
    rows = [(f"{TEXT} {n}", LABELS[n % 3], NAME) for n in range(9)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label", f"other{NAME}"), *rows])
    return path


TOML_KEY = "".join(f"\\U{ord(character):08x}" for character in NAME)
TRAIN = ("--preset", "VECTORS", "--epochs", 1)

COMMANDS = {
    "info": ("info", "MODEL"),
    "info as JSON": ("info", "MODEL", "--json"),
    "info of a file": ("info", "DATA"),
    "unknown command": (NAME,),
    "unknown option": ("info", f"--{NAME}"),
    "more arguments": ("info", "MODEL", NAME),
    "value of a wrong type": ("predict", "MODEL", "--threads", NAME),
    "unknown choice": ("cache", NAME),
    "cache": ("cache",),
    "missing file": ("predict", "MODEL", f"{NAME}.csv"),
    "predict": ("predict", "MODEL", "DATA"),
    "unknown ending": ("predict", "MODEL", "DATA", "--out", f"OUT/{NAME}"),
    "leak": ("train", "DATA", "--test", "DATA", *TRAIN, "--out", "OUT/model"),
    "check": ("check", "DATA", "--test", "OTHER"),
    "check of a leak": ("check", "DATA", "--test", "DATA"),
    "check as JSON": ("check", "DATA", "--json"),
    "unknown column": ("predict", "MODEL", "DATA", "--text", NAME),
    "unknown label column": ("train", "DATA", "--label", NAME, "--dry-run"),
    "evaluate": ("evaluate", "MODEL", "DATA", "--errors", 5),
    "unknown label": ("evaluate", "MODEL", "OTHER"),
    "folder that exists": ("demo", "--out", "DATA"),
    "unknown preset": ("inspect", TEXT, "--preset", NAME),
    "preset of a wrong spelling": ("fetch", f"hf://{NAME}"),
    "unknown key of a config": ("train", "--config", "CONFIG"),
    "unknown key of a space": ("tune", "DATA", "--out", "OUT/search", "--trials", 1, "--space", "CONFIG"),
}
SLOW_COMMANDS: dict[str, tuple[object, ...]] = {
    "predict to a file": ("predict", "MODEL", "DATA", "--out", "OUT/x.csv"),
    "evaluate as JSON": ("evaluate", "MODEL", "DATA", "--errors", 5, "--json"),
    "compare": ("compare", "MODEL", "MODEL", "--data", "DATA", "--allow-seen"),
    "compare as JSON": ("compare", "MODEL", "MODEL", "--data", "DATA", "--allow-seen", "--json"),
    "embed": ("embed", "MODEL", "DATA", "--out", f"OUT/{NAME}.npy"),
    "inspect": ("inspect", TEXT, "--preset", "MODEL", "--pad-to", 99),
    "presets": ("presets",),
    "explain": ("explain", "MODEL", "DATA", "--limit", 2, "--nearest", 1),
    "explain a text": ("explain", "MODEL", TEXT, "--label", LABELS[0], "--check"),
    "dry run": ("train", "DATA", "--preset", "VECTORS", "--dry-run"),
    "train": ("train", "DATA", "--test", "DATA", "--allow-leaks", *TRAIN, "--out", "OUT/model"),
    "train a model folder": ("train", "DATA", "--preset", "MODEL", "--epochs", 1, "--out", "OUT/model"),
    "tune": ("tune", "DATA", "--preset", "MODEL", "--trials", 1, "--out", "OUT/search"),
    "adapt": ("adapt", "BERT", "DATA", "--epochs", 1, "--sequence-length", 16, "--out", "OUT/model"),
    "pretrain": ("pretrain", "DATA", "--epochs", 1, "--layers", 1, "--width", 16, "--out", "OUT/model"),
    "generate": ("generate", "GPT", TEXT, "--max-new-tokens", 4),
    "generate as a stream": ("generate", "GPT", TEXT, "--max-new-tokens", 4, "--stream"),
    "generate as JSON": ("generate", "GPT", TEXT, "--max-new-tokens", 4, "--json"),
    "entities": ("train", "TAGGED", "--preset", "BERT", "--epochs", 1, "--out", "OUT/model"),
}


@pytest.fixture
def on_terminal(model, data, tiny_word_vectors, tmp_path, monkeypatch):
    """Runs a command on a terminal, with paths in place of words in capitals."""
    (tmp_path / f"{NAME}.toml").write_text(f'"{TOML_KEY}" = 1\n')
    with (tmp_path / f"other{NAME}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), ("good film", NAME), ("bad film", "b")])
    (tmp_path / f"out{NAME}").mkdir()
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path / f"cache{NAME}"))
    paths = {
        "MODEL": model,
        "DATA": data,
        "OTHER": tmp_path / f"other{NAME}.csv",
        "CONFIG": tmp_path / f"{NAME}.toml",
        "VECTORS": tiny_word_vectors,
    }

    def run(*words, typed="", **more):
        arguments = [str((paths | more).get(str(word), word)) for word in words]
        out = f"{tmp_path / f'out{NAME}'}{os.sep}"
        return run_on_terminal(*(argument.replace("OUT/", out) for argument in arguments), typed=typed)

    return run


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_no_control_character_reaches_the_terminal(arguments, on_terminal):
    answer = on_terminal(*arguments)
    assert answer.controls == set()
    assert "Traceback" not in answer.output
    assert len(answer.output) < 20_000 or "--json" in arguments
    if answer.code and "Usage: " not in answer.output:
        *_, error, after = answer.lines
        assert error.startswith("error: ")
        assert len(error) <= MAX_LINE
        assert after == ""


def test_tracebacks_and_warnings_of_libraries_are_escaped(on_terminal, monkeypatch):
    def read(folder):
        warnings.warn(f"warning {CONTROLS}", FutureWarning, stacklevel=1)
        raise RuntimeError(f"error {CONTROLS}")

    monkeypatch.setattr(model_folder, "read", read)
    answer = on_terminal("info", "MODEL")
    assert answer.controls == set()
    assert answer.code == 1
    assert "FutureWarning: warning \\x1b" in answer.output
    assert "Traceback (most recent call last):\n" in answer.output
    assert "RuntimeError: error \\x1b" in answer.output


def test_errors_of_the_system_are_one_printable_line(on_terminal, monkeypatch):
    def read(folder):
        raise PermissionError(errno.EACCES, "Permission denied", f"a{CONTROLS}\n")

    monkeypatch.setattr(model_folder, "read", read)
    answer = on_terminal("info", "MODEL")
    assert answer.output == f"error: {printable(f'a{CONTROLS}')}\\n: Permission denied\n"
    assert answer.code == 1


def test_interruptions_name_folders_without_control_characters(on_terminal, monkeypatch):
    def read(folder):
        raise InterruptionError(f"stopped by SIGINT; {folder} is complete", signal.SIGINT)

    monkeypatch.setattr(model_folder, "read", read)
    answer = on_terminal("info", "MODEL")
    assert answer.controls == set()
    assert answer.code == 130


def test_characters_that_the_encoding_lacks_are_escaped(model, monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "argv", ["textgraft", "info", str(shutil.copytree(model, model.with_name("é王")))])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    assert b"\\xe9\\u738b: all files match the manifest" in stdout.buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", SLOW_COMMANDS.values(), ids=SLOW_COMMANDS)
def test_no_command_passes_control_characters_on(arguments, on_terminal, tiny_bert, tiny_gpt2, tmp_path):
    tagged = tmp_path / f"tagged{NAME}.jsonl"
    rows = [{"text": f"{TEXT} {n}", "entities": [[2, 6, ENTITY]]} for n in range(12)]
    tagged.write_text("".join(json.dumps(row) + "\n" for row in rows))
    presets = {}
    for name, folder in (("BERT", tiny_bert), ("GPT", tiny_gpt2)):
        presets[name] = shutil.copytree(folder, tmp_path / f"{name}{NAME}")
    answer = on_terminal(*arguments, TAGGED=tagged, **presets)
    assert answer.controls == set()
    assert answer.code == 0, answer.output[-2000:]
    if "TAGGED" in arguments:
        for command in (("predict", "--highlight"), ("predict",), ("evaluate", "--errors", 9)):
            answer = on_terminal(*command, "OUT/model", "TAGGED", TAGGED=tagged)
            assert answer.controls == set()
            assert answer.code == 0, answer.output[-2000:]


@pytest.mark.slow
def test_typed_texts_are_answered_without_control_characters(on_terminal):
    answer = on_terminal("predict", "MODEL", typed="a good film")
    assert answer.controls == set()
    assert "prediction " in answer.output


def test_rows_in_a_pipe_keep_their_bytes(model, data):
    rows = list(csv.reader(io.StringIO(run_successfully("predict", model, data).stdout, newline="")))
    assert rows[0][2] == f"other{NAME}"
    assert [row[0] for row in rows[1:]] == [f"{TEXT} {n}" for n in range(9)]
    assert {row[3] for row in rows[1:]} <= set(LABELS)
