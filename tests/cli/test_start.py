"""The start of a command: no TensorFlow where it is not needed, signs of life, interruption, and homeless users."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

import pytest

from tests.helpers.commands import run_successfully, start_process
from textgraft import runtime
from textgraft.cli.app import COMMANDS
from textgraft.cli.output import status as status_module
from textgraft.cli.output.status import _NOT_NEEDED, _not_imported, status

COMMANDS_WITHOUT_TENSORFLOW = [["--version"], ["-h"], ["train", "-h"], ["presets"], ["cache"], ["info", "no-folder"]]


def test_commands_without_a_model_import_no_tensorflow():
    code = (
        "import sys\n"
        "from textgraft.cli.app import make_app\n"
        f"for arguments in {COMMANDS_WITHOUT_TENSORFLOW}:\n"
        "    try:\n"
        "        make_app()(arguments)\n"
        "    except SystemExit as end:\n"
        "        assert end.code in (0, 5), end.code\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_invalid_data_is_reported_before_tensorflow_is_imported(tmp_path):
    for command in (["train", "missing.csv"], ["adapt", "minilm", "missing.txt"]):
        process = start_process(*command, "--dry-run", "--threads", "1", cwd=tmp_path)
        output, _ = process.communicate()
        assert output == f"error: {command[-1]}: no such file; check the name\n"
        assert process.returncode == 3


def test_short_help_option():
    assert run_successfully("predict", "-h").output == run_successfully("predict", "--help").output


def test_help_fits_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for command in COMMANDS:
        lines = run_successfully(command, "-h").output.splitlines()
        assert not [line for line in lines if "…" in line or len(line) > 80], command


def test_presets_fit_a_terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in run_successfully("presets").stdout.splitlines()]
    assert max(map(len, lines)) == 80
    assert any(line.startswith("electra_large_discriminator_uncased_en ") for line in lines)


@pytest.mark.parametrize(
    ("words", "completions"), [(["textgraft", "tr"], ["train"]), (["textgraft", ""], COMMANDS)], ids=str
)
def test_shell_completes_commands(words, completions):
    environment = {"_TEXTGRAFT_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": "1"}
    textgraft = Path(sys.executable).parent / "textgraft"
    answer = subprocess.run([textgraft], env={**os.environ, **environment}, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [*completions]


def test_interruption_of_the_start_is_one_line():
    process = start_process("inspect", "a text")
    assert process.stdout.readline() == "loading TensorFlow ...\n"
    process.send_signal(2)
    output, _ = process.communicate()
    assert output.startswith("stopped by SIGINT")
    assert output.count("\n") == 1
    assert process.returncode == 130


@pytest.mark.parametrize(("delay", "line"), [(0, "reading ...\n"), (60, "")])
def test_status_is_a_line_where_work_takes_long(delay, line, capfd):
    with status("reading", delay), runtime.suppressed_native_stderr():
        pass
    assert capfd.readouterr().err == line


def test_work_that_ends_while_its_line_is_written_waits_for_it(monkeypatch, capfd):
    begun = Event()

    def write_slowly(stream, message):
        begun.set()
        time.sleep(0.1)
        write(stream, message)

    write = status_module._write
    monkeypatch.setattr(status_module, "_write", write_slowly)
    with status("reading", delay=0.01):
        assert begun.wait(timeout=10)
    assert capfd.readouterr().err == "reading ...\n"


def test_packages_are_not_imported_only_for_a_while(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with _not_imported(("colorsys", "json")):
        with pytest.raises(ImportError):
            import colorsys
        import json  # noqa: F401
    import colorsys  # noqa: F401


def test_predictions_import_no_package_that_is_not_needed():
    code = (
        "import gc, sys\n"
        "from textgraft.cli.output.status import load_tensorflow\n"
        "load_tensorflow()\n"
        "import textgraft.tasks.loading, textgraft.tasks.text_classification, textgraft.tasks.feature_extraction\n"
        f"print([name for name in {_NOT_NEEDED} if name in sys.modules], gc.isenabled(), gc.get_freeze_count() > 10**5)"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout == "[] True True\n"


@pytest.fixture
def temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("MPLCONFIGDIR", "own")
    return tmp_path


def no_home():
    raise RuntimeError("Could not determine home directory.")


def test_user_without_home_gets_a_private_folder(temporary_folder, monkeypatch):
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(runtime.Path, "home", no_home)
    for _ in range(2):
        runtime.provide_home()
        home = Path(os.environ["HOME"])
        assert home == temporary_folder / f"textgraft-{os.getuid()}"
        assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("taken", ["by a link", "with open permissions"])
def test_folder_that_others_can_write_to_is_no_home(taken, temporary_folder, monkeypatch):
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(runtime.Path, "home", no_home)
    name = temporary_folder / f"textgraft-{os.getuid()}"
    name.symlink_to(temporary_folder) if taken == "by a link" else name.mkdir()
    if not name.is_symlink():
        name.chmod(0o777)
    runtime.provide_home()
    assert Path(os.environ["HOME"]).parent == temporary_folder
    assert Path(os.environ["HOME"]) != name


def test_libraries_do_not_write_to_a_read_only_home(temporary_folder, monkeypatch):
    monkeypatch.setattr(runtime.os, "access", lambda *_: False)
    runtime.provide_home()
    assert Path(os.environ["KERAS_HOME"]).parent == temporary_folder
    assert os.environ["MPLCONFIGDIR"] == "own"
    monkeypatch.delenv("KERAS_HOME")


def test_closed_standard_output_is_reported_in_one_line(tmp_path):
    command = f"exec {sys.executable} -m textgraft presets --json >&-"
    process = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    assert process.stderr == "error: a file, or standard output: Bad file descriptor\n"
    assert process.returncode == 1


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path):
    code = (
        "import sys\n"
        "from textgraft.runtime import provide_standard_streams\n"
        "provide_standard_streams()\n"
        f"with open({str(tmp_path / 'file')!r}, 'w') as file:\n"
        "    assert file.fileno() > 2\n"
        "    assert sys.stdin.read() == ''\n"
    )
    command = f'exec {sys.executable} -c "$0" <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command, code], cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_broken_pipe_ends_a_command_without_an_error(options):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "textgraft", "presets", *options]
    process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, "")
