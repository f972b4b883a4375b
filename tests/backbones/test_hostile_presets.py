"""Presets that name other files, or hold numbers that are not finite, are refused."""

import json
import shutil

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import textgraft as tg
from textgraft.backbones.format import Head
from textgraft.backbones.hdf5_files import require_own_arrays
from textgraft.backbones.presets import load_backbone
from textgraft.backbones.tensorflow_files import Checkpoint
from textgraft.backbones.text_vectors import TextVectors
from textgraft.errors import ConfigError, PresetError


def external_link(file, outside):
    file["layers"] = h5py.ExternalLink(outside, "/secret")


def soft_link(file, outside):
    file["layers"] = h5py.SoftLink("/vars")


def external_storage(file, outside):
    file.create_dataset("layers/0", (4,), "f4", external=[(str(outside), 0, 16)])


def virtual_dataset(file, outside):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(outside), "secret", (4,))
    file.create_virtual_dataset("layers", layout)


def huge_dataset(file, outside):
    file.create_dataset("layers/0", (2**40,), "f4", chunks=(1024,), compression="gzip")


def named_type(file, outside):
    file["layers"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (external_link, "'/layers' is a link"),
        (soft_link, "'/layers' is a link"),
        (external_storage, "'/layers/0' is stored in another file"),
        (virtual_dataset, "'/layers' is stored in another file"),
        (huge_dataset, r"'/layers/0' has the shape \(1099511627776,\), larger than any weight"),
        (named_type, "'/layers' is neither a group of its own nor an array"),
    ],
)
def test_hdf5_file_that_refers_to_others_is_refused(tmp_path, harm, words):
    path, outside = tmp_path / "model.weights.h5", tmp_path / "outside.h5"
    with h5py.File(outside, "w") as file:
        file["secret"] = np.ones(4, np.float32)
    with h5py.File(path, "w") as file:
        file["vars/0"] = np.ones(4, np.float32)
        harm(file, outside)
    with pytest.raises(PresetError, match=words):
        require_own_arrays(path, 4)


def test_hdf5_group_that_contains_itself_is_refused(tmp_path):
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file["vars/again"] = file["/"]
    with pytest.raises(PresetError, match="'/vars/again' is neither"):
        require_own_arrays(tmp_path / "model.weights.h5", 4)


@pytest.mark.parametrize(
    ("value", "dtype"), [(np.nan, np.float32), pytest.param(1e300, np.float64, marks=pytest.mark.slow)]
)
def test_weight_that_is_not_finite_is_refused(tiny_bert, tmp_path, value, dtype):
    folder = shutil.copytree(tiny_bert, tmp_path / "preset")
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] = np.full(16, value, dtype)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(PresetError, match="the weight embeddings_layer_norm/beta has a value that is not a finite"):
        load_backbone(folder)


@pytest.mark.parametrize("epsilon", [0, 1e-300, 1e30, "x"])
def test_epsilon_without_a_normal_number_is_refused(tiny_bert, tmp_path, epsilon):
    folder = shutil.copytree(tiny_bert, tmp_path / "preset")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": epsilon}))
    with pytest.raises(PresetError, match="does not describe a bert network"):
        load_backbone(folder)


def test_head_with_a_weight_that_is_not_finite_is_refused(tiny_bert):
    def fill(head):
        head.weights[0].assign(np.full(head.weights[0].shape, np.nan))
        return ""

    backbone = load_backbone(tiny_bert)
    dense = {"units": 2, "activation": "linear", "use_bias": False}
    backbone.embed_as(TextVectors("mean"), Head({"normalize": False, "layers": [dense], "prompt": ""}, fill))
    with pytest.raises(PresetError, match="the weight dense_0/kernel has a value that is not a finite number"):
        tg.TextEmbedder(backbone, "float32")


def test_default_length_without_space_for_a_text_is_refused(tiny_bert):
    backbone = load_backbone(tiny_bert)
    vectors = TextVectors("mean", sequence_length=2)
    backbone.embed_as(vectors, Head(vectors.settings(), lambda head: ""))
    with pytest.raises(ConfigError, match="sequence_length must be between 3 and 64, or 0 for 64, not 2"):
        tg.TextEmbedder(backbone, "float32")


def test_folder_in_place_of_a_checkpoint_is_not_followed(tmp_path):
    (tmp_path / "bert_model.ckpt").mkdir()
    (tmp_path / "bert_model.ckpt" / "checkpoint").write_text('model_checkpoint_path: "../../elsewhere/model"\n')
    with pytest.raises(PresetError, match="is a folder, not the prefix of a checkpoint's files"):
        Checkpoint(tmp_path / "bert_model.ckpt")
