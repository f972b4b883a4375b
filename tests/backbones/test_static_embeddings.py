"""Static embeddings read from folders of model2vec."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import textgraft as tg
from tests.golden.model2vec_folders import GOLDEN, VARIANTS, write_model2vec_folder
from tests.golden.texts import SHORT
from tests.helpers.preset_folders import change_config
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError

with np.load(GOLDEN / "model2vec.npz") as _file:
    EXPECTED = {name: _file[name] for name in VARIANTS}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    path = tmp_path_factory.mktemp("model2vec")
    return {name: write_model2vec_folder(path / name, name) for name in VARIANTS}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "sentence_piece" else ()) for name in VARIANTS]
)
def test_vectors_equal_those_of_model2vec(name, folders, tmp_path):
    embedder = tg.TextEmbedder(folders[name], "float32")
    np.testing.assert_allclose(embedder.predict(SHORT), EXPECTED[name], atol=1e-5)
    embedder.save(tmp_path / "saved")
    np.testing.assert_allclose(tg.load(tmp_path / "saved", "float32").predict(SHORT), EXPECTED[name], atol=1e-5)


def test_text_outside_the_vocabulary_does_not_change_the_mean(folders):
    embedder = tg.TextEmbedder(folders["word_piece"], "float32", normalize=False)
    np.testing.assert_array_equal(embedder.predict("a fin 鱼"), embedder.predict("a fin"))
    np.testing.assert_array_equal(embedder.predict("鱼"), np.zeros(embedder.dim))


def _without(tensor):
    def change(tensors):
        del tensors[tensor]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("embeddings"), "lacks embeddings"),
        (_without("mapping"), r"embeddings has shape .*, expected a row for each of \d+ tokens"),
        (lambda tensors: tensors.update(mapping=tensors["mapping"] + 1000), "mapping has shape .*, expected rows of"),
        (lambda tensors: tensors.update(weights=tensors["weights"][1:]), "weights has shape .*, expected one for each"),
        (lambda tensors: tensors.update(embeddings=tensors["embeddings"][0]), r"embeddings has shape \(8,\)"),
    ],
)
def test_tensors_that_do_not_fit_are_reported(change, message, folders, tmp_path):
    folder = shutil.copytree(folders["sentence_piece"], tmp_path / "folder")
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / "model.safetensors")
    with pytest.raises(PresetError, match=message):
        load_backbone(folder)


def test_other_settings_are_reported(folders, tmp_path):
    folder = shutil.copytree(folders["word_piece"], tmp_path / "folder")
    change_config(folder, max_length="long")
    with pytest.raises(PresetError, match="max_length must be a positive integer or null, not 'long'"):
        load_backbone(folder)
    change_config(folder, max_length=16)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"] = {"type": "WordLevel", "vocab": content["model"]["vocab"], "unk_token": "[UNK]"}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(PresetError, match="its tokenizer has the model 'WordLevel', which textgraft does not support"):
        load_backbone(folder)
