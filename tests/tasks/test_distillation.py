"""Distillation: a table with a row per token, used as a preset."""

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from textgraft.backbones.presets import load_backbone
from textgraft.backbones.static_table import are_used, frequency_weights, make_table, ranked_frequencies
from textgraft.errors import ConfigError, DataError
from textgraft.tasks.distillation import distil_preset

TEXTS = ["the goodly film", "a plot goodly", "no goodly"] * 5


@pytest.fixture(scope="module")
def static(tiny_bert, tmp_path_factory):
    return distil_preset(tiny_bert, precision="float32", dimensions=8).save(
        tmp_path_factory.mktemp("static") / "static"
    )


def test_vectors_of_all_dimensions_are_a_map_of_the_network_s_vectors(tiny_bert):
    source = tg.TextEmbedder(tiny_bert, "float32")
    vocabulary = source.backbone.tokenizer.vocabulary
    used = are_used(vocabulary, source.backbone.tokenizer.settings()["special_tokens"])
    words = [word for word, is_used in zip(vocabulary, used, strict=True) if is_used and word.isalpha()]
    vectors = source.predict(words)
    weights = frequency_weights(ranked_frequencies(vocabulary, used), 3e-4)
    table = distil_preset(tiny_bert, precision="float32", dimensions=16).backbone.token_embedding.vectors.numpy()
    rows = [vocabulary.index(word) for word in words]
    unweighted = table[rows] / weights[rows, np.newaxis]
    design = np.concatenate([vectors, np.ones((len(words), 1))], axis=1)
    fitted, *_ = np.linalg.lstsq(design, unweighted, rcond=None)
    np.testing.assert_allclose(design @ fitted, unweighted, atol=1e-3)


def test_principal_components_have_falling_variance_and_ignore_unused_tokens():
    random = np.random.default_rng(0)
    vectors = (random.normal(size=(500, 5)) * [1, 9, 3, 0.1, 5]).astype(np.float32)
    used = np.arange(500) > 0
    vectors[0] = 1e4
    table = make_table(vectors, 3, np.ones(500), used)
    assert table.shape == (500, 3)
    np.testing.assert_allclose(table[used].std(axis=0), [3, 5**0.5, 3**0.5], rtol=0.1)


def test_frequent_tokens_are_the_first_and_ascii():
    vocabulary = ["[PAD]", "[unused0]", "京", "!", "the", "##ing", "京都"]
    used = are_used(vocabulary, ["[PAD]"])
    assert used.tolist() == [False, False, True, True, True, True, True]
    frequencies = ranked_frequencies(vocabulary, used)
    assert np.argsort(-frequencies, kind="stable").tolist() == [3, 4, 5, 6, 2, 0, 1]
    assert frequencies.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "preset",
    [
        "tiny_bert",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("tiny_roberta", "tiny_xlm_roberta", "tiny_albert")),
    ],
)
def test_frequent_words_of_texts_become_tokens(preset, request, tmp_path):
    folder = request.getfixturevalue(preset)
    before = load_backbone(folder).tokenizer
    static = distil_preset(folder, TEXTS, dimensions=4)
    static.save(tmp_path / "static")
    loaded = tg.load(tmp_path / "static").backbone
    texts = tf.constant([" goodly", "a goodly film", "other words"])
    ids = loaded.tokenize(texts).to_list()
    assert loaded.vocabulary_size > len(before.vocabulary)
    assert len(ids[0]) == 1
    assert ids[0][0] >= len(before.vocabulary)
    assert ids[2] == before(texts).to_list()[2]
    assert loaded.vocabulary_size == static.backbone.token_embedding.vectors.shape[0]


def test_words_can_be_turned_off(tiny_bert):
    size = load_backbone(tiny_bert).vocabulary_size
    assert distil_preset(tiny_bert, TEXTS, dimensions=4, words=0).backbone.vocabulary_size == size


@pytest.mark.parametrize("options", [{"fine_tune": "none", "ngrams": False}, {"fine_tune": "all", "epochs": 1}])
def test_classifier_is_trained_on_the_table(static, options, tmp_path):
    model = tg.TextClassifier(static, ["bad", "good"])
    before = model.backbone.token_embedding.vectors.numpy()
    texts = [f"{label} film {'very ' * count}" for count in range(20) for label in model.labels]
    model.fit(texts, [*model.labels] * 20, **options)
    assert np.array_equal(model.backbone.token_embedding.vectors.numpy(), before) == (options["fine_tune"] == "none")
    model.save(tmp_path / "model")
    np.testing.assert_allclose(tg.load(tmp_path / "model").predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-6)


def test_invalid_requests_are_reported(tiny_bert, static):
    with pytest.raises(ConfigError, match="has vectors of 16 numbers; set dimensions to at most 16"):
        distil_preset(tiny_bert, dimensions=17)
    with pytest.raises(ConfigError, match="words are counted in texts; pass texts, or drop words"):
        distil_preset(tiny_bert, words=5)
    with pytest.raises(ConfigError, match="static is a table of vectors already; use it as a preset"):
        distil_preset(static)
    with pytest.raises(DataError, match="the texts have no words"):
        distil_preset(tiny_bert, [" "], dimensions=4)
