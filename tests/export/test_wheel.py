"""Packages for pip: equal answers without TensorFlow and textgraft."""

import base64
import csv
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.exports import TEXTS, add_ngrams, sharpen, texts_of
from tests.helpers.nasty_texts import NASTY
from tests.helpers.paths import GOLDEN
from textgraft.engines.int8 import processor_kind
from textgraft.errors import ConfigError, ExportError
from textgraft.export.format import ExportOptions
from textgraft.text.cleaning import Cleaning

pytest.importorskip("onnxruntime")

# A process in which nothing can be imported that the package must not need.
_BLOCKING = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "keras", "keras_hub", "textgraft", "torch", "transformers", "onnx"}:
            raise ImportError(f"{name} is imported")

sys.meta_path.insert(0, Blocker())
"""

_MARKUP = [
    "a<br/>b<!-- c > d\n-->e", "<!-- never ends <b>x</b>", "<a href='1>2'>x</a>", "1 < 2 > 3 </ b> <é>",
    "&amp;lt;b&gt;", "<p\nclass=x>\x00&nbsp;&#39;</p>", "<<b>>&quot;&apos;", "<!DOCTYPE html>ΑΣ. ΣΑ!",
    "<!---->a<!-->b-->",
]  # fmt: skip


def export(model, folder, **options):
    tg.export_model(model, folder / "dist", "wheel", name="my-model", version="1.2.0", **options)
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return wheel


def ask(folder, code, **options):
    """Run a program beside the unpacked package, and read its output as JSON."""
    environment = {"PYTHONPATH": str(folder / "site"), "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", _BLOCKING + code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        **options,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def command(folder, *arguments, **options):
    environment = {"PYTHONPATH": str(folder / "site"), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "my_model", *arguments],
        capture_output=True, text=True, check=False, env=environment, encoding="utf-8", **options,
    )  # fmt: skip


_PREDICT = """
import json
import my_model
texts = json.loads({texts!r})
print(json.dumps([my_model.predict(texts), {more}]))
"""


def predictions(folder, texts, more="my_model.predict_proba(texts).tolist()"):
    return ask(folder, _PREDICT.format(texts=json.dumps(texts), more=more))


@pytest.fixture(scope="module")
def model(tiny_bert):
    model = tg.TextClassifier(tiny_bert, [1, 2, 30], precision="float32", sequence_length=16, truncation="windows")
    model.objective.temperature = 1.7
    sharpen(model)
    return model


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    export(model, folder)
    return folder


def test_labels_and_probabilities_of_long_texts_equal_those_of_the_model(model, folder):
    labels, scores = predictions(folder, TEXTS)
    assert labels == model.predict(TEXTS)
    assert len(set(labels)) > 1
    np.testing.assert_allclose(scores, model.predict_proba(TEXTS), atol=1e-6)
    label, names = predictions(folder, "a great film", "list(my_model.labels())")
    assert (label, names) == (model.predict("a great film"), [1, 2, 30])


def test_lines_of_standard_input_are_answered(model, folder):
    texts = ["a great film", "", "naïve \x1b[31mcafé", "one two three " * 40]
    result = command(folder, input="\n".join(texts) + "\n")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["label"] for row in rows] == model.predict(texts)
    np.testing.assert_allclose([row["score"] for row in rows], model.predict_proba(texts).max(axis=1), atol=1e-6)


def test_check_names_an_answer_that_differs(folder, tmp_path):
    result = command(folder, "--check")
    assert result.returncode == 0, result.stderr
    assert "all answers are those of the model" in result.stdout
    copy = tmp_path / "site"
    subprocess.run(["cp", "-r", folder / "site", copy], check=True)
    path = copy / "my_model/data/golden.json"
    golden = json.loads(path.read_text())
    golden["answers"]["scores"][3][0] += 0.01
    path.write_text(json.dumps(golden))
    result = command(tmp_path, "--check")
    assert result.returncode == 1
    assert result.stderr.startswith("error: scores of ")


def test_damaged_file_is_reported_in_one_line(folder, tmp_path):
    shutil.copytree(folder / "site", tmp_path / "site")
    file = tmp_path / "site/my_model/data/tokenizer.json.gz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged, arguments in ((gzip.compress(b"{}"), ()), (b"{}", ()), (content, ("--check",)), (content[:50], ())):
        file.write_bytes(damaged)
        result = command(tmp_path, *arguments, input="a great film\n")
        assert result.returncode == 1
        assert re.fullmatch(r"error: .*tokenizer.json.gz is damaged: .*; install my_model again\n", result.stderr)


def test_texts_of_another_type_are_refused(folder):
    code = """
import json, my_model
try:
    my_model.predict(["a", 3])
except TypeError as error:
    print(json.dumps(str(error)))
"""
    assert ask(folder, code) == "text 2 must be a string, not int"


def test_ngrams_are_added_to_the_network(with_ngrams, tmp_path):
    export(with_ngrams, tmp_path)
    texts = [*TEXTS, *(text for text in NASTY if len(text) < 5000)]
    labels, scores = predictions(tmp_path, texts)
    assert labels == with_ngrams.predict(texts)
    np.testing.assert_allclose(scores, with_ngrams.predict_proba(texts), atol=1e-5)
    assert tg.verify_export(tmp_path / "dist").left_out == ()
    result = command(tmp_path, "--check")
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_cleaning_is_that_of_the_training(tiny_bert, tmp_path):
    cleaning = Cleaning(strip_html=True, lowercase=True, strip_punctuation=True)
    options = {"precision": "float32", "sequence_length": 16, "cleaning": cleaning}
    model = add_ngrams(sharpen(tg.TextClassifier(tiny_bert, [False, True], **options)))
    export(model, tmp_path)
    texts = [*TEXTS, *(text for text in NASTY if len(text) < 5000), *_MARKUP]
    labels, scores = predictions(tmp_path, texts)
    assert labels == model.predict(texts)
    np.testing.assert_allclose(scores, model.predict_proba(texts), atol=1e-5)


@pytest.mark.parametrize("kind", [tg.TextClassifier, tg.TokenClassifier])
def test_cleaning_that_python_does_otherwise_is_refused(tiny_bert, tmp_path, kind):
    cleaning = Cleaning(normalize_unicode=kind is tg.TextClassifier, lowercase=True)
    model = kind(tiny_bert, ["x", "y"], precision="float32", cleaning=cleaning)
    with pytest.raises(ConfigError, match=r"is exported to savedmodel only; choose it"):
        tg.export_model(model, tmp_path / "out", "wheel", name="x", version="1.0")


_PEAK = "next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))"  # KiB


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_pairs_of_long_texts_take_little_memory(of_kind, tmp_path):
    """Truncation by the tokenizers library takes about 1 GB for this pair."""
    export(of_kind("pairs"), tmp_path)
    pair = ("one word " * 1000, "and another " * 1000)
    answers, peak = predictions(tmp_path, [pair], _PEAK)
    assert len(answers) == 1
    assert peak < 500 * 1024


@pytest.mark.parametrize(
    "kind",
    [
        "multi-label",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in ("pairs", "pairs head+tail", "head+tail", "regression")
        ),
    ],
)
def test_each_kind_of_classifier_answers_as_in_python(of_kind, tmp_path, kind):
    model = of_kind(kind)
    export(model, tmp_path)
    texts = texts_of(model)
    if kind == "regression":
        numbers, _ = predictions(tmp_path, texts, "None")
        np.testing.assert_allclose(numbers, model.predict(texts), rtol=1e-6)
        return
    answers, scores = predictions(tmp_path, texts)
    assert answers == model.predict(texts)
    np.testing.assert_allclose(scores, model.predict_proba(texts), atol=1e-6)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("bert", {}),
        pytest.param("roberta", {"splitting": "edges"}, marks=pytest.mark.slow),
        pytest.param("xlm_roberta", {"decoding": "free"}, marks=pytest.mark.slow),
        pytest.param("bert", {"splitting": "characters", "hidden": (8,)}, marks=pytest.mark.slow),
    ],
)
def test_entities_equal_those_of_the_model(family, options, tmp_path):
    model = tg.TokenClassifier(GOLDEN / family, ["PER", "LOC"], precision="float32", sequence_length=16, **options)
    sharpen(model)
    export(model, tmp_path)
    texts = ["Ada Lovelace met Charles in London.", *TEXTS]
    answers, _ = predictions(tmp_path, texts, "None")
    expected = model.predict(texts)
    assert sum(map(len, expected)) > 30
    fields = [[(entity.text, entity.label, entity.start, entity.end) for entity in row] for row in expected]
    assert [[tuple(entity[:4]) for entity in row] for row in answers] == fields
    scores = [entity[4] for row in answers for entity in row]
    assert scores == pytest.approx([entity.score for row in expected for entity in row], abs=1e-5)


def test_vectors_have_the_prompt(tiny_bert, tmp_path):
    embedder = tg.TextEmbedder(tiny_bert, precision="float32", prompt="query: ", normalize=True)
    export(embedder, tmp_path)
    vectors = ask(tmp_path, f"import json, my_model; print(json.dumps(my_model.predict({TEXTS!r}).tolist()))")
    np.testing.assert_allclose(vectors, embedder.predict(TEXTS), atol=1e-6)
    windows = tg.TextEmbedder(tiny_bert, precision="float32", truncation="windows", sequence_length=16)
    with pytest.raises(ConfigError, match="vectors of texts in windows are exported to savedmodel only"):
        tg.export_model(windows, tmp_path / "out", "wheel", name="x", version="1.0")


@pytest.mark.slow
def test_int8_answers_within_its_tolerance(of_kind, tmp_path, monkeypatch):
    model = of_kind("binary")
    monkeypatch.setitem(model.record, "int8", [{"processor": processor_kind(), "float32": [], "tables": True}])
    wheel = export(model, tmp_path, int8=True)
    assert any(name.endswith("data/model.onnx.gz") for name in zipfile.ZipFile(wheel).namelist())
    assert tg.verify_export(tmp_path / "dist").largest_difference <= 0.02
    assert command(tmp_path, "--check").returncode == 0
    _, scores = predictions(tmp_path, TEXTS)
    np.testing.assert_allclose(scores, model.predict_proba(TEXTS), atol=0.2)
    assert np.abs(np.array(scores) - model.predict_proba(TEXTS)).max() > 1e-5


def test_wheel_is_valid_and_reproducible(model, folder, tmp_path):
    (wheel,) = (folder / "dist").glob("*.whl")
    assert wheel.name == "my_model-1.2.0-py3-none-any.whl"
    (tmp_path / "again").mkdir()
    assert export(model, tmp_path / "again").read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        rows = list(csv.reader(archive.read("my_model-1.2.0.dist-info/RECORD").decode().splitlines()))
        assert [row[0] for row in rows] == archive.namelist()
        for name, digest, size in rows[:-1]:
            content = archive.read(name)
            encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={encoded}", len(content))
        metadata = archive.read("my_model-1.2.0.dist-info/METADATA").decode().splitlines()
        assert {"Name: my-model", "Version: 1.2.0", "License: unknown", "License-File: LICENSE"} <= set(metadata)
        licence = archive.read("my_model-1.2.0.dist-info/LICENSE").decode()
        assert "whose licence is unknown. Ask the publisher" in licence
        assert "Apache License" in licence
        needs = [line.split()[1].split(">")[0] for line in metadata if line.startswith("Requires-Dist")]
        assert needs == ["numpy", "onnxruntime", "tokenizers"]
        code = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")]
        assert not [source for source in code if "import textgraft" in source or "from textgraft" in source]


@pytest.mark.slow
def test_pip_installs_the_wheel(folder, tmp_path):
    (wheel,) = (folder / "dist").glob("*.whl")
    target = tmp_path / "site"
    arguments = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("needs pip")
    subprocess.run([sys.executable, *arguments], check=True)
    start = time.monotonic()
    result = command(tmp_path, input="a great film\n")
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - start < 10  # an idle machine takes less than 2 s


def test_verification_runs_no_code_of_the_wheel(folder, tmp_path):
    from textgraft.export.formats.wheel import WheelFormat

    assert tg.verify_export(folder / "dist").texts == 32
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(tmp_path / wheel.name, "w") as other:
        for name in archive.namelist():
            more = b"raise SystemExit\n" if name.endswith("model.py") else b""
            other.writestr(name, archive.read(name) + more)
    with pytest.raises(ExportError, match="has the runtime of another version of textgraft"):
        WheelFormat().open(tmp_path)


@pytest.mark.parametrize("name", ["", "1x", "x-", "a b", "../x", "json", "class", "numpy", "é", "x\n"])
def test_names_that_no_package_can_have_are_refused(name):
    with pytest.raises(ConfigError, match="name"):
        ExportOptions(name=name)


@pytest.mark.parametrize("version", ["", "1.2.", "v1", "1.02", "1.0-1", "1.0+local", "1\n", "1.0 "])
def test_versions_that_are_not_canonical_are_refused(version):
    with pytest.raises(ConfigError, match=r"is not a version such as 1.2.0"):
        ExportOptions(version=version)


def test_valid_names_and_versions_are_accepted():
    assert ExportOptions(name="My-Model.X", version="1!2.0rc1.post2.dev3").module == "my_model_x"


def test_the_command_line_exports_a_wheel(tiny_bert, tmp_path):
    tg.TextEmbedder(tiny_bert, precision="float32").save(tmp_path / "model")
    arguments = ("export", tmp_path / "model", "--to", "wheel", "--out", tmp_path / "dist")
    assert_fails(run(*arguments), 2, "format wheel needs --name and --version")
    assert_fails(run(*arguments, "--name", "a b"), 2, "is not the name of a package")
    run_successfully(*arguments, "--name", "vectors", "--version", "0.1")
    assert (tmp_path / "dist" / "vectors-0.1-py3-none-any.whl").is_file()
    assert "32 texts are those of the model" in run_successfully("verify", tmp_path / "dist").stderr
