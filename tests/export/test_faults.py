"""Exports that are interrupted or cannot be written leave nothing under the final name; verify refuses damage."""

import errno
import os
import random
import re
import resource
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tools.faults import CHANGES, Faults
from tools.make_tiny_presets import make_tiny_bert

import textgraft as tg
from tests.helpers.commands import assert_fails, run
from textgraft import registry
from textgraft.engines.int8 import processor_kind
from textgraft.errors import ExportError, ModelFolderError
from textgraft.export.format import FORMATS
from textgraft.export.record import RECORD, list_files, read_record
from textgraft.storage.folders import clean_up
from textgraft.storage.temporary import BUILDING, temporary_path
from textgraft.storage.verification import digest_of

OPTIONS = {"wheel": {"name": "x", "version": "1.0"}}
CASES = (*registry.names(FORMATS), "onnx int8")
PACKAGES = {"litert": "ai_edge_litert", "onnx": "onnxruntime", "onnx int8": "onnxruntime", "wheel": "onnxruntime"}
QUICK = ("onnx", "wheel")
SYSTEM_CALLS = ("create", "write", "fsync", "close", "mkdir", "rename", "flock")


def export(model, target, case):
    if case in PACKAGES:
        pytest.importorskip(PACKAGES[case])
    options = {"int8": True} if case.endswith("int8") else OPTIONS.get(case, {})
    return tg.export_model(model, target, case.split()[0], **options)


def slow(*cases, quick=()):
    return [case if case in quick else pytest.param(case, marks=pytest.mark.slow) for case in cases]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    preset = make_tiny_bert(tmp_path_factory.mktemp("presets") / "bert", activation="gelu_new")
    model = tg.TextClassifier(preset, ["bad", "good"], precision="float32", sequence_length=16, pooling="cls")
    model.record["int8"] = [{"processor": processor_kind(), "float32": [], "tables": True}]
    return model


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """A function from a case to its folder, written once."""
    folder = tmp_path_factory.mktemp("exports")

    def find(case):
        if not (folder / case).exists():
            export(model, folder / case, case)
        return folder / case

    return find


@contextmanager
def file_size_limit(size):
    """Fail the writes beyond a size, also those of native code."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def change_byte(content, draw):
    """Content with one bit changed, or one byte where there was none."""
    changed = bytearray(content or b"\0")
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("case", CASES)
def test_one_changed_byte_of_any_file_is_refused_and_the_file_named(exported, tmp_path, case):
    folder, draw = shutil.copytree(exported(case), tmp_path / "copy"), random.Random(0)
    for name in [RECORD] * 20 + list_files(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(change_byte(content, draw))
        with pytest.raises(ExportError, match=re.escape(str(folder / name))) as error:
            tg.verify_export(folder)
        assert "\n" not in str(error.value)
        (folder / name).write_bytes(content)
    assert read_record(folder)


NETWORKS = [
    ("savedmodel", "saved_model.pb"),
    *(("onnx", name) for name in ("onnx/model.onnx", "tokenizer.json", "inference.json")),
    *(("litert", name) for name in ("model.tflite", "tokenizer.json", "config.json")),
    *(
        ("kerashub", name)
        for name in ("task.json", "model.weights.h5", "assets/tokenizer/vocabulary.txt", "inference.json")
    ),
    *(("huggingface", name) for name in ("model.safetensors", "tokenizer.json", "config.json")),
    ("wheel", "x-1.0-py3-none-any.whl"),
]


@pytest.mark.parametrize(("case", "name"), NETWORKS)
def test_files_of_another_content_are_refused_in_one_line(exported, tmp_path, case, name):
    """Although their SHA-256 is in the record."""
    folder = shutil.copytree(exported(case), tmp_path / "copy")
    record = read_record(folder)
    for content in (b"", b"{}", b"[]"):
        (folder / name).write_bytes(content)
        replace(record, sha256={**record.sha256, name: digest_of(folder / name)}).write(folder)
        with pytest.raises(ExportError, match=re.escape(str(folder))) as error:
            tg.verify_export(folder)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", slow(*CASES, quick=QUICK))
def test_full_disk_leaves_nothing_under_the_final_name(model, tmp_path, case):
    """From some call on, nothing can be changed any more, as after a kill; the next export removes what is left."""
    target = tmp_path / "parent" / "out"
    target.parent.mkdir()
    counted = Faults(target.parent)
    with counted.injected():
        export(model, target, case)
    shutil.rmtree(target)
    calls = counted.calls[: len(counted.calls) - counted.calls[::-1].index("rename")]
    indices = {name: [index for index, other in enumerate(calls) if other == name] for name in SYSTEM_CALLS}
    for start in sorted({indices[name][end] for name in SYSTEM_CALLS for end in (0, -1)}):
        faults = Faults(target.parent, errno.ENOSPC, lambda i, name, _, start=start: i >= start and name in CHANGES)
        with pytest.raises(ModelFolderError, match=r"No space left on device; .*free disk space") as error:  # noqa: SIM117
            with faults.injected():
                export(model, target, case)
        assert "\n" not in str(error.value)
        assert not target.exists()
        clean_up(target)
        assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("case", slow(*CASES, quick={*CASES} - {"kerashub", "litert"}))
def test_file_that_cannot_grow_is_reported_also_by_native_code(model, tmp_path, case):
    largest = 600 if case == "huggingface" else 4000
    for size in (1, largest):
        with pytest.raises(ModelFolderError, match=r"cannot write .*out: File too large; .*ulimit -f") as error:  # noqa: SIM117
            with file_size_limit(size):
                export(model, tmp_path / "out", case)
        assert "\n" not in str(error.value)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("case", CASES)
def test_next_export_removes_what_a_killed_one_left(exported, tmp_path, case):
    target = tmp_path / "out"
    left = [temporary_path(target, BUILDING) for _ in range(2)]
    shutil.copytree(exported(case), left[0])
    (left[1] / "temporary" / "variables").mkdir(parents=True)
    (left[1] / RECORD).touch()
    (left[1] / "temporary" / "variables" / "part").write_bytes(b"half")
    clean_up(target)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_removed_before_the_model_is_read(tmp_path):
    left = temporary_path(tmp_path / "out", BUILDING)
    (left / "variables").mkdir(parents=True)
    (left / RECORD).touch()
    assert_fails(run("export", tmp_path / "no-model", "--out", tmp_path / "out"), 5, "no-model")
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_killed_export_is_removed_when_the_name_is_refused(exported, tmp_path):
    shutil.copytree(exported("onnx"), tmp_path / "out")
    (tmp_path / ".out.lock").touch()
    assert_fails(run("export", tmp_path / "no-model", "--out", tmp_path / "out"), 5, "already exists")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return model.save(tmp_path_factory.mktemp("models") / "model")


@pytest.mark.parametrize("case", registry.names(FORMATS))
def test_bad_targets_are_refused_before_the_model_is_read(folder, tmp_path, case):
    more = ("--name", "x", "--version", "1.0") if case == "wheel" else ()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    shutil.copytree(folder, tmp_path / "model")
    targets = {
        "file": "already exists",
        "link": "already exists",
        "missing/out": "is not a folder; create it first",
        "file/out": "is not a folder; create it first",
        "model/out": "is a model folder or an export, which out would damage; choose another one",
        "x" * 300: "File name too long; choose a shorter name",
    }
    before = sorted(tmp_path.iterdir())
    for name, message in targets.items():
        assert_fails(run("export", folder / "no-model", "--to", case, *more, "--out", tmp_path / name), 5, message)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_refused_before_the_model_is_read(folder, tmp_path):
    (tmp_path / "parent").mkdir(mode=0o555)
    result = run("export", folder / "no-model", "--out", tmp_path / "parent" / "out")
    assert_fails(result, 5, "Permission denied; check the permissions")


def test_verification_of_a_file_that_cannot_be_read_is_one_line(exported, tmp_path):
    copy = shutil.copytree(exported("onnx"), tmp_path / "copy")
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer.json").symlink_to(exported("onnx") / "tokenizer.json")
    assert_fails(run("verify", copy), 9, "copy/tokenizer.json")
