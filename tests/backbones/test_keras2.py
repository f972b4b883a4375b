"""Weights that transformers 4, ktrain and Keras 2 saved with TensorFlow; see tools/make_keras2_goldens.py."""

import pickle
import shutil
import tarfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.golden.with_head import HEADS, expected_of, with_head
from tests.helpers.paths import GOLDEN
from tests.helpers.reviews import reviews
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError, TextgraftWarning

FAMILIES = ("albert", "bert", "bert_cased", "deberta_v3", "distil_bert", "electra", "gpt2", "opt", "roberta")
SLOW = ("bert_cased", "deberta_v3", "electra", "opt", "xlm_roberta")


def some_slow(names):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in names]


@pytest.fixture(scope="session")
def keras2(tmp_path_factory):
    """The folders of keras2.tar.xz; those of transformers also have the tokenizer of tests/golden."""
    folder = tmp_path_factory.mktemp("keras2")
    for name in ("keras2", "hub_encoder"):
        with tarfile.open(GOLDEN / f"{name}.tar.xz") as archive:
            # Python 3.11.3 and older have no filters.
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    for family in folder.glob("keras2/*/config.json"):
        for file in (GOLDEN / family.parent.name).glob("token*.json"):
            shutil.copy(file, family.parent)
    shutil.move(folder / "hub_encoder", folder / "keras2" / "hub_encoder")
    return folder / "keras2"


@pytest.fixture
def copied(keras2, tmp_path):
    return lambda name: shutil.copytree(keras2 / name, tmp_path / name)


def assert_same_weights(network, other):
    for weight, expected in zip(network.weights, other.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected.numpy(), err_msg=weight.path)


@pytest.mark.filterwarnings("ignore::textgraft.errors.TextgraftWarning")
@pytest.mark.parametrize("family", some_slow([*FAMILIES, "xlm_roberta"]))
def test_weights_of_transformers_4_are_those_of_the_same_network_in_safetensors(keras2, family):
    old, new = load_backbone(keras2 / family), load_backbone(GOLDEN / family)
    assert old.config()["network"] == new.config()["network"]
    assert_same_weights(old.network, new.network)


@pytest.mark.filterwarnings("ignore::textgraft.errors.TextgraftWarning")
@pytest.mark.parametrize("family", some_slow(sorted({*FAMILIES, "xlm_roberta"} & {*HEADS} - {"roberta"})))
def test_masked_head_of_transformers_4_is_read(keras2, family, tmp_path):
    old = tg.MaskFiller(keras2 / family, "float32")
    new = tg.MaskFiller(with_head(family, tmp_path / "new"), "float32")
    assert not old.has_untrained_head
    assert_same_weights(old.head, new.head)
    ids, positions = (expected_of(family)[name] for name in ("ids", "places"))
    batch = [tf.RaggedTensor.from_tensor(tf.constant(array)) for array in (ids, positions)]
    batch = [array.with_row_splits_dtype(tf.int64) for array in batch]
    np.testing.assert_allclose(
        old.forward(tuple(batch)).values, expected_of(family)["logits"].reshape(2 * len(ids), -1), rtol=1e-5, atol=1e-5
    )


def test_classifier_of_a_tutorial_has_the_weights_of_its_encoder(keras2):
    with pytest.warns(TextgraftWarning, match="classifier.h5: 2 tensors of another head, such as classifier"):
        old = load_backbone(keras2 / "tutorial")
    assert old.family == "bert"
    new = load_backbone(keras2 / "hub_encoder", trust_savedmodel=True)
    assert old.config() == new.config()
    assert_same_weights(old.network, new.network)
    assert old.assets() == new.assets()


@pytest.mark.filterwarnings("ignore::textgraft.errors.TextgraftWarning")
def test_whole_model_of_a_tutorial_is_read_without_building_it(keras2, copied):
    folder = copied("tutorial")
    (folder / "classifier.h5").unlink()
    (folder / "whole.keras2").rename(folder / "model.h5")
    with h5py.File(folder / "model.h5", "a") as file:
        file.attrs["model_config"] = '{"class_name": "Lambda"}'
    assert_same_weights(load_backbone(folder).network, load_backbone(keras2 / "tutorial").network)


def test_pickle_of_ktrain_is_never_opened_and_its_loss_is_reported(copied, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    folder = copied("roberta")
    (folder / "tf_model.preproc").write_bytes(pickle.dumps(Trap()))
    with pytest.warns(TextgraftWarning) as warned:
        model = tg.TextClassifier(folder, ["no", "yes"], "float32")
    lines = [str(warning.message) for warning in warned]
    assert any("tf_model.preproc is a pickle, which can run code, and is not opened" in line for line in lines)
    assert any("tensors of another head, such as classifier" in line for line in lines)
    assert model.backbone.family == "roberta"
    assert not (tmp_path / "executed").exists()


def link(file, outside):
    file["bert"]["more"] = h5py.ExternalLink(str(outside), "/")


def wrong_shape(file, outside):
    name = "bert/tf_bert_for_pre_training/bert/encoder/layer_._0/output/dense/kernel:0"
    del file[name]
    file[name] = np.zeros((3, 5), np.float32)


def missing(file, outside):
    del file["bert/tf_bert_for_pre_training/bert/encoder/layer_._0/output/dense/kernel:0"]


def surprise(file, outside):
    file["bert/tf_bert_for_pre_training/bert/encoder/layer_._0/surprise/kernel:0"] = np.zeros((3, 5), np.float32)


def no_numbers(file, outside):
    file["bert/words"] = np.array([b"words"])


def huge(file, outside):
    file.create_dataset("bert/huge", (2**40,), "f4", chunks=(1024,))


def not_finite(file, outside):
    name = "bert/tf_bert_for_pre_training/bert/encoder/layer_._0/output/dense/bias:0"
    file[name][0] = np.nan


def another_copy(file, outside):
    name = "tf_bert_for_pre_training/bert/embeddings/word_embeddings/weight:0"
    file[f"another/{name}"] = np.zeros((3, 5), np.float32)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (link, "'/bert/more' is a link"),
        (wrong_shape, r"layer.0.output.dense.weight has shape \(5, 3\)"),
        (missing, "layer.0.output.dense.weight is missing"),
        (surprise, "unknown tensor bert.encoder.layer.0.surprise.weight"),
        (no_numbers, "'/bert/words' has no numbers"),
        (huge, "larger than any weight"),
        (not_finite, "not a finite number"),
        (another_copy, "two arrays of the variable 'tf_bert_for_pre_training/bert/embeddings.* have different shapes"),
    ],
)
@pytest.mark.filterwarnings("ignore::textgraft.errors.TextgraftWarning")
def test_damaged_file_of_transformers_4_is_reported_in_one_line(copied, tmp_path, harm, message):
    folder = copied("bert")
    with h5py.File(folder / "tf_model.h5", "a") as file:
        harm(file, tmp_path / "outside.h5")
    with pytest.raises(PresetError, match=message) as error:
        load_backbone(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def half_a_file(folder):
    file = next(folder.glob("*.h5"))
    file.write_bytes(file.read_bytes()[:5000])


def two_files(folder):
    shutil.copy(folder / "classifier.h5", folder / "other.h5")


def no_vocabulary(folder):
    (folder / "vocab.txt").unlink()


def another_network(folder):
    with h5py.File(folder / "classifier.h5", "w") as file:
        file["dense/dense/kernel:0"] = np.zeros((3, 5), np.float32)


def no_config(folder):
    shutil.copy(folder.parent / "bert" / "tf_model.h5", folder / "classifier.h5")


def a_scalar(folder):
    name = "BERT_encoder/word_embeddings/embeddings:0"
    with h5py.File(folder / "classifier.h5", "a") as file:
        del file[name]
        file[name] = np.float32(1)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (half_a_file, "classifier.h5: cannot read the weights"),
        (two_files, "has 2 .h5 files; leave the one with the weights"),
        (no_vocabulary, "cannot read .*vocab.txt"),
        (another_network, "classifier.h5 has no weights of TF-Hub's or Model Garden's BERT"),
        (no_config, "classifier.h5 has weights of transformers; copy the model's config.json"),
        (a_scalar, "does not describe a bert network"),
    ],
)
def test_damaged_classifier_is_reported_in_one_line(copied, harm, message):
    copied("bert")
    folder = copied("tutorial")
    harm(folder)
    with pytest.raises(PresetError, match=message) as error:
        load_backbone(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def test_safetensors_are_preferred_to_the_file_of_tensorflow(copied):
    folder = copied("gpt2")
    (folder / "tf_model.h5").write_bytes(b"damaged")
    with pytest.raises(PresetError, match=r"tf_model.h5: cannot read the weights"):
        load_backbone(folder)
    shutil.copy(GOLDEN / "gpt2" / "model.safetensors", folder)
    assert_same_weights(load_backbone(folder).network, load_backbone(GOLDEN / "gpt2").network)


@pytest.mark.filterwarnings("ignore::textgraft.errors.TextgraftWarning")
@pytest.mark.slow
def test_old_preset_is_trained_and_saved(keras2, tmp_path):
    model = tg.TextClassifier(keras2 / "distil_bert", ["bad", "good"], "float32")
    model.fit(reviews(), validation=reviews(), epochs=1, progress=False)
    model.save(tmp_path / "model")
    expected = model.predict_proba(["a great film"])
    np.testing.assert_array_equal(tg.load(tmp_path / "model", "float32").predict_proba(["a great film"]), expected)
