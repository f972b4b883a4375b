"""TF-Hub's BERT encoders: a tiny one that Model Garden exported; see tools/make_encoder_golden.py."""

import hashlib
import shutil
import tarfile

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.golden.texts import MOST_TOKENS, SHORT
from tests.helpers.paths import GOLDEN
from tests.helpers.token_vectors import hidden, packed
from textgraft.backbones import model_garden
from textgraft.backbones.format import LayerConfig
from textgraft.backbones.formats import hub_encoder
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("hub")
    with tarfile.open(GOLDEN / "hub_encoder.tar.xz") as archive:
        # Python 3.11.3 and older have no filters.
        archive.extractall(place, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return place / "hub_encoder"


@pytest.fixture(scope="module")
def expected(folder):
    return np.load(folder / "expected.npz")


@pytest.fixture(scope="module")
def backbone(folder):
    return load_backbone(folder, trust_savedmodel=True)


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def split(values, lengths):
    return np.split(values, np.cumsum(lengths)[:-1])


def test_hidden_states_equal_the_module(backbone, expected):
    rows = [row[:MOST_TOKENS] for row in split(expected["ids"], expected["lengths"])]
    states = split(expected["hidden"], [len(row) for row in rows])
    for batch in ([[row] for row in rows], [rows]):
        found = [state for mates in batch for state in hidden(backbone, mates)]
        for one, other in zip(found, states, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_masked_head_equals_the_module(folder, expected):
    judged = len(expected["logits"])
    rows = [row[:MOST_TOKENS].tolist() for row in split(expected["ids"], expected["lengths"])[:judged]]
    model = tg.MaskFiller(folder, "float32", trust_savedmodel=True)
    first = tf.ragged.constant([[0]] * judged, tf.int32, row_splits_dtype=tf.int64)
    found = model.forward((tf.ragged.constant(rows, tf.int32, row_splits_dtype=tf.int64), first))
    np.testing.assert_allclose(found.values, expected["logits"], rtol=1e-5, atol=1e-5)


def test_ids_of_ascii_texts_equal_the_preprocessor(backbone, expected):
    """On others they are those of the program that BERT was trained with, as docs/guide/presets.md says."""
    references = split(expected["ids"], expected["lengths"])
    plain = [number for number, text in enumerate(SHORT) if text.isascii() and text.isprintable() and "[" not in text]
    assert len(plain) > 10
    found = packed(backbone, [SHORT[number] for number in plain]).to_list()
    assert found == [references[number].tolist() for number in plain]


def test_ids_equal_a_hugging_face_folder_with_the_same_vocabulary(backbone):
    reference = np.load(GOLDEN / "bert" / "expected.npz")
    found = packed(backbone, SHORT).to_list()
    assert found == [row.tolist() for row in split(reference["ids"], reference["lengths"])]


def test_classifier_on_an_encoder_is_saved(folder, tmp_path):
    model = tg.TextClassifier(folder, ["odd", "even"], sequence_length=16, trust_savedmodel=True)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(tg.load(tmp_path / "model").predict_proba(SHORT), model.predict_proba(SHORT))


def test_untrusted_module_is_refused(folder):
    with pytest.raises(PresetError, match="is a SavedModel, which is a program"):
        load_backbone(folder)


def test_address_in_the_hub_cache_is_trusted(copied, tmp_path, monkeypatch):
    address = "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-2_H-16_A-2/1"
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    copied.rename(tmp_path / hashlib.sha1(address.encode()).hexdigest())
    assert load_backbone(address).family == "bert"


def another_computation(folder, monkeypatch):
    monkeypatch.setattr(hub_encoder.HubEncoder, "read_layer_config", lambda *_: LayerConfig("relu", 1e-12))


def no_vocabulary(folder, monkeypatch):
    (folder / "assets" / "vocab.txt").unlink()


def another_vocabulary(folder, monkeypatch):
    with (folder / "assets" / "vocab.txt").open("a") as file:
        file.write("another\n")


def no_weights(folder, monkeypatch):
    (folder / "variables" / "variables.index").unlink()


def half_the_weights(folder, monkeypatch):
    file = folder / "variables" / "variables.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:1000])


def a_preprocessor(folder, monkeypatch):
    (folder / "saved_model.pb").write_bytes(b"... bert_pack_inputs ...")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (another_computation, "its vectors are not those of BERT with its weights"),
        (no_vocabulary, "lacks assets/vocab.txt; copy the vocab.txt of the module that preprocesses its texts there"),
        (another_vocabulary, "tokens"),
        (no_weights, "cannot read the checkpoint"),
        (half_the_weights, "cannot read the checkpoint"),
        (a_preprocessor, "is a preprocessor of texts for an encoder; give the encoder"),
    ],
)
def test_damaged_module_is_reported_in_one_line(copied, harm, message, monkeypatch):
    harm(copied, monkeypatch)
    with pytest.raises(PresetError, match=message) as caught:
        load_backbone(copied, trust_savedmodel=True)
    assert "\n" not in str(caught.value)


def test_missing_variable_is_reported(copied, monkeypatch):
    renames = [(pattern, name) for pattern, name in model_garden._RENAMES if "type" not in pattern]
    monkeypatch.setattr(model_garden, "_RENAMES", renames)
    with pytest.raises(PresetError, match=r"bert.embeddings.token_type_embeddings.weight is missing"):
        load_backbone(copied, trust_savedmodel=True)
