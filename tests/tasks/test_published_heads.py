"""Heads of published masked language models; see tools/make_goldens.py."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

import textgraft as tg
from tests.golden.texts import SHORT
from tests.golden.with_head import HEADS, expected_of, tensors_of, with_head
from tests.helpers.preset_folders import split_in_two, write_release
from tests.helpers.resuming import RecordingCallback
from textgraft.backbones.formats import hugging_face_weights
from textgraft.errors import PresetError
from textgraft.tasks.feature_extraction import TextEmbedder

TEXTS = [text for text in SHORT if text.isascii()][:12]


def filler(preset):
    return tg.MaskFiller(preset, "float32")


def logits(model, name):
    """At the masks that the reference was asked for: (rows, 2, vocabulary)."""
    expected = expected_of(name)
    rows, places = (tf.RaggedTensor.from_tensor(expected[key], row_splits_dtype=tf.int64) for key in ("ids", "places"))
    found = model.forward((rows, places)).values.numpy()
    return found.reshape(*expected["places"].shape, -1)


def as_published(found, name):
    np.testing.assert_allclose(found, expected_of(name)["logits"], rtol=1e-5, atol=1e-5)


def fitted(model):
    """Messages about the head before the first step, and the perplexity before it."""
    callback, data = RecordingCallback(), tg.Dataset.from_lists(TEXTS)
    metrics = model.before_training(model._prepare_run(data, data, {"batch_size": 4}), {}, None, callback)
    return callback.messages, metrics


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The folder of a head by its name."""
    parent = tmp_path_factory.mktemp("published")
    return cache(lambda name: with_head(name, parent / name))


@pytest.mark.parametrize("name", HEADS)
def test_logits_equal_the_reference(name, published):
    as_published(logits(filler(published(name)), name), name)


@pytest.mark.parametrize(
    "name", ["electra", *(pytest.param(name, marks=pytest.mark.slow) for name in ("albert", "bert_pretraining"))]
)
def test_layer_config_of_the_head_is_saved(name, published, tmp_path):
    first = filler(published(name))
    loaded = tg.load(first.save(tmp_path / "model"), "float32")
    again = filler(tmp_path / "model")
    for model in (loaded, again):
        assert model.settings() == first.settings()
        np.testing.assert_array_equal(logits(model, name), logits(first, name))
    text = f"What {first.backbone.token(first.backbone.mask)} the capital?"
    assert loaded.predict([text]) == first.predict([text])


def test_published_head_of_a_model_folder_is_not_new(published, tmp_path):
    first = filler(published("bert"))
    perplexity = first.evaluate(tg.Dataset.from_lists(TEXTS))["perplexity"]
    notes, found = fitted(tg.load(first.save(tmp_path / "model"), "float32"))
    assert [note.split(":")[0] for note in notes] == ["perplexity before training"]
    assert found["val_perplexity_before"] == pytest.approx(perplexity, rel=1e-6)  # so the preset's head is no new one


def test_sharded_weights_are_read(tmp_path):
    split_in_two(with_head("roberta", tmp_path / "parts"))
    as_published(logits(filler(tmp_path / "parts"), "roberta"), "roberta")


def test_original_release_is_read(published, tmp_path):
    """Its program computes GELU in the tanh form, as the cased BERT here does."""
    write_release(tmp_path / "release", published("bert_cased"))
    as_published(logits(filler(tmp_path / "release"), "bert_cased"), "bert_cased")


@pytest.mark.slow
def test_training_starts_at_the_perplexity_of_the_preset(published):
    perplexity = filler(published("bert")).evaluate(tg.Dataset.from_lists(TEXTS))["perplexity"]
    notes, found = fitted(filler(published("bert")))
    assert [note.split(":")[0] for note in notes] == ["perplexity before training"]
    assert found["val_perplexity_before"] == pytest.approx(perplexity, rel=1e-6)


def test_other_tasks_read_no_head(published, monkeypatch):
    read = []
    files = hugging_face_weights._SafetensorsFiles
    read_tensor = files.__getitem__
    monkeypatch.setattr(files, "__getitem__", lambda self, name: (read.append(name), read_tensor(self, name))[1])
    TextEmbedder(published("bert"), precision="float32")
    assert read
    assert not tensors_of("bert").keys() & read


@pytest.mark.parametrize("name", ["bert", "distil_bert"])
def test_incomplete_head_is_reported(name, tmp_path):
    head = tensors_of(name)
    for lost in head:
        folder = with_head(name, tmp_path / lost, {key: tensor for key, tensor in head.items() if key != lost})
        with pytest.raises(PresetError, match=rf"{lost} is missing; download the preset again") as error:
            filler(folder)
        assert "\n" not in str(error.value)
        assert str(folder) in str(error.value)
    TextEmbedder(folder, precision="float32")


def test_head_of_another_shape_is_reported(tmp_path):
    for name, tensor in tensors_of("bert").items():
        folder = with_head("bert", tmp_path / name, {**tensors_of("bert"), name: tensor[:-1]})
        with pytest.raises(PresetError, match=rf"{name} has shape .*, but config.json describes") as error:
            filler(folder)
        assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "decoder", "embeddings"),
    [
        ("bert", "cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
        pytest.param(
            "distil_bert",
            "vocab_projector.weight",
            "distilbert.embeddings.word_embeddings.weight",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_decoder_must_equal_the_token_table(name, decoder, embeddings, published, tmp_path):
    table = load_file(published(name) / "model.safetensors")[embeddings]
    same = with_head(name, tmp_path / "same", {**tensors_of(name), decoder: table})
    as_published(logits(filler(same), name), name)
    another = with_head(name, tmp_path / "another", {**tensors_of(name), decoder: table[::-1].copy()})
    notes, _ = fitted(filler(another))
    assert notes[0].startswith(f"new head ({decoder} in {another / 'model.safetensors'}")


@pytest.mark.slow
def test_backbone_without_head_gets_a_new_one(published, tmp_path):
    folder = with_head("bert", tmp_path / "headless", {})
    assert fitted(filler(folder))[0][0].startswith("new head: training it alone on ")
