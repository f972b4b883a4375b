"""BERT: vectors against the reference implementation, places it loads from, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.golden.texts import TEXTS
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError
from textgraft.tasks.feature_extraction import TextEmbedder

GOLDEN = Path(__file__).parents[1] / "golden" / "minilm.npz"


@pytest.fixture(scope="module")
def embedder():
    return TextEmbedder("minilm", precision="float32", normalize=True, sequence_length=256)


def test_vectors_equal_the_reference(embedder):
    expected = np.load(GOLDEN)["vectors"]
    assert len(expected) == len(TEXTS)
    np.testing.assert_allclose(embedder.predict(TEXTS), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "last"])
def test_padding_and_other_rows_do_not_change_vectors(pooling):
    embedder = TextEmbedder("minilm", precision="float32", pooling=pooling, sequence_length=64)
    texts = ["short", "a text of some more words than that", "word " * 200, ""]
    together = embedder.predict(texts)
    alone = np.concatenate([embedder.predict([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_bfloat16_vectors_are_close_to_float32(embedder):
    texts = ["The plot is thin but the acting carries it.", "Shares fell on Monday.", "Who wrote Hamlet?"]
    rough = TextEmbedder("minilm", precision="mixed_bfloat16", normalize=True).predict(texts)
    cosines = (rough * embedder.predict(texts)).sum(axis=1)
    assert cosines.min() > 0.999


def test_hugging_face_folder_is_read(tiny_bert):
    backbone = load_backbone(tiny_bert)
    assert backbone.dim == 16
    assert backbone.max_sequence_length == 64
    assert set(backbone.origin.sha256) == {"config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"}


def test_keras_hub_preset_is_read(tiny_bert, tmp_path):
    import keras_hub

    vocabulary = (tiny_bert / "vocab.txt").read_text().split()
    network = keras_hub.models.BertBackbone(
        vocabulary_size=len(vocabulary), num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=32,
        max_sequence_length=64,
    )  # fmt: skip
    network.save_to_preset(str(tmp_path))
    keras_hub.models.BertTokenizer(vocabulary=vocabulary, lowercase=True).save_to_preset(str(tmp_path))
    embedder = TextEmbedder(str(tmp_path), precision="float32", pooling="cls")
    ids = [vocabulary.index(token) for token in ("[CLS]", "the", "film", "[SEP]")]
    assert embedder.text_graph.pack(["the film"]).token_ids.to_list() == [ids]
    row = {"token_ids": [ids], "padding_mask": [[1] * 4], "segment_ids": [[0] * 4]}
    expected = network({name: np.array(value) for name, value in row.items()})["sequence_output"][0, 0]
    np.testing.assert_allclose(embedder.predict(["the film"])[0], expected, atol=1e-6)


@pytest.fixture
def folder(tiny_bert, tmp_path):
    return shutil.copytree(tiny_bert, tmp_path / "preset")


def test_tensor_names_of_the_original_release_are_read(folder):
    from safetensors.numpy import load_file, save_file

    expected = TextEmbedder(folder, precision="float32").predict(["the film was good"])
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = load_file(folder / "model.safetensors")
    for old, new in names.items():
        weights = {f"{name.removesuffix(old)}{new}" if name.endswith(old) else name: w for name, w in weights.items()}
    save_file({f"bert.{name}": weight for name, weight in weights.items()}, folder / "model.safetensors")
    np.testing.assert_array_equal(TextEmbedder(folder, precision="float32").predict(["the film was good"]), expected)


def change_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def drop_tensor(folder):
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.0.output.dense.bias"]
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "not a preset"),
        (lambda folder: change_config(folder, model_type="mystery"), "the family 'mystery' is not supported"),
        (lambda folder: change_config(folder, hidden_act="swish"), "hidden_act 'swish'"),
        (lambda folder: change_config(folder, position_embedding_type="relative_key"), "position"),
        (lambda folder: (folder / "vocab.txt").unlink(), "neither vocab.txt nor tokenizer.json"),
        (lambda folder: (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n"), "6 tokens"),
        (lambda folder: (folder / "vocab.txt").write_text("the\na\n"), r"lacks \[PAD\]"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"half"), "cannot read the weights"),
        (drop_tensor, r"encoder.layer.0.output.dense.bias is missing"),
    ],
)
def test_damaged_folder_is_reported_in_one_line(folder, harm, message):
    harm(folder)
    with pytest.raises(PresetError, match=message) as error:
        load_backbone(folder)
    assert "\n" not in str(error.value)


def test_unknown_preset_is_reported_with_known_names():
    with pytest.raises(PresetError, match="minilm"):
        load_backbone("no-such-preset")


def test_altered_minilm_is_refused(monkeypatch, tmp_path):
    from dataclasses import replace

    from textgraft.backbones.preset_sources import Wheel

    located = Wheel().resolve("minilm", download=False)
    copy = shutil.copytree(located.path, tmp_path / "minilm")
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\1")
    monkeypatch.setattr(Wheel, "resolve", lambda *_, **__: replace(located, path=copy))
    with pytest.raises(PresetError, match="SHA-256"):
        load_backbone("minilm")


def test_hub_name_is_not_downloaded_offline(monkeypatch, tmp_path):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    for name in ("nnlm-en-dim50", "https://tfhub.dev/google/nnlm-en-dim50/2"):
        with pytest.raises(PresetError, match="not on this machine, and TEXTGRAFT_OFFLINE=1"):
            load_backbone(name)
