"""Vectors of a frozen backbone: cached for later runs, and heads trained on them."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import textgraft as tg
from textgraft.errors import ConfigError, DataError, TrainingError
from textgraft.storage.array_cache import ArrayCache
from textgraft.tasks.fine_tuning.frozen import feature_extractor
from textgraft.training.features import Vectors

TEXTS = ["the film was good", "a fine plot", "very good", "the film was bad", "a dull plot", "very bad", "dull ."] * 4
LABELS = ["good", "good", "good", "bad", "bad", "bad", "bad"] * 4


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path / "cache"))


def fresh(preset, labels=("bad", "good"), **architecture):
    return tg.TextClassifier(preset, labels, precision="float32", **architecture)


def data(texts=TEXTS, labels=LABELS):
    return tg.Dataset.from_lists(texts, labels)


@pytest.fixture(scope="module")
def cache_of_first_run(tiny_bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TEXTGRAFT_CACHE", str(folder))
        fresh(tiny_bert).fit(data(), validation=data(), fine_tune="none", epochs=1)
    return folder


@pytest.fixture
def first_run(cache_of_first_run, monkeypatch):
    """An earlier run has cached its vectors."""
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(cache_of_first_run))


def vectors_of(extractor, tokens):
    return np.array(extractor.extract(tokens, lambda _: None, pytest.fail).values)


def batches_of(model, monkeypatch):
    """A list that receives each batch that goes through the backbone."""
    batches = []
    pool = model.pool
    monkeypatch.setattr(model, "pool", lambda *given, **named: (batches.append(given), pool(*given, **named))[1])
    return batches


@pytest.mark.parametrize(
    ("changed", "fit", "again"),
    [
        ({}, {}, False),
        ({}, {"seed": 5, "learning_rate": 1e-3}, False),
        ({"hidden": (4,), "seed": 3}, {}, False),
        ({}, {"head": "logistic", "epochs": None}, False),
        ({"pooling": "max"}, {}, True),
        ({"sequence_length": 4}, {}, True),
    ],
)
def test_later_run_uses_cached_vectors(bert_backbone, first_run, monkeypatch, changed, fit, again):
    model = fresh(bert_backbone, **changed)
    batches = batches_of(model, monkeypatch)
    model.fit(data(), validation=data(), fine_tune="none", **{"epochs": 1, **fit})
    assert bool(batches) == again


def test_other_weights_have_other_vectors(tiny_bert, first_run, monkeypatch):
    model = fresh(tiny_bert)
    weight = model.backbone.network.trainable_variables[-1]
    weight.assign(weight + 1e-3)
    batches = batches_of(model, monkeypatch)
    model.fit(data(), validation=data(), fine_tune="none", epochs=1)
    assert batches


def test_planted_vectors_are_computed_again(bert_backbone):
    model, cache = fresh(bert_backbone), ArrayCache.from_environment()
    tokens = model.tokenize([np.array([text.encode() for text in TEXTS], object)])
    extractor = feature_extractor(model.fine_tuning(fine_tune="none"))
    expected = vectors_of(extractor, tokens)
    (entry,) = cache.entries
    for planted in (
        [expected, expected],
        [expected[:1]],
        [expected[:0]],
        [expected[:, :1]],
        [np.full_like(expected, np.nan)],
        [expected.astype(np.float64)],
        [expected.view(np.int32)],
    ):
        cache.put(entry.name, planted)
        np.testing.assert_array_equal(vectors_of(extractor, tokens), expected)
        np.testing.assert_array_equal(np.load(entry / "0.npy"), expected)


def test_unusable_cache_is_said_once(bert_backbone):
    model, lines = fresh(bert_backbone), []
    extractor = feature_extractor(model.fine_tuning(fine_tune="none"))
    folder = ArrayCache.from_environment().folder
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    for text in (b"a film", b"a plot"):
        extractor.extract(model.tokenize([np.array([text], object)]), lambda _: None, lines.append)
    assert lines == [
        f"not cached for later runs: other users can write to {folder}; remove it, or set TEXTGRAFT_CACHE to a folder "
        "of your own"
    ]


def test_vectors_that_are_not_numbers_are_reported_and_not_cached(tiny_bert):
    model = fresh(tiny_bert)
    weight = model.backbone.network.trainable_variables[-1]
    weight.assign(weight * np.nan)
    extractor = feature_extractor(model.fine_tuning(fine_tune="none"))
    with pytest.raises(TrainingError, match=r"^an output of the backbone is not a finite float32; try --precision"):
        vectors_of(extractor, model.tokenize([np.array([b"a film"], object)]))
    assert ArrayCache.from_environment().entries == []


def test_cached_vectors_change_no_result(bert_backbone):
    ends = []
    for _ in range(2):
        model = fresh(bert_backbone)
        model.fit(data(), validation=data(), fine_tune="none", epochs=1)
        ends.append(model.head.get_layer("logits").kernel.numpy())
    np.testing.assert_array_equal(*ends)


def test_vectors_are_read_as_written():
    stored, values = Vectors(5, 3), np.arange(15, dtype=np.float32).reshape(5, 3)
    stored.put(slice(2, 5), values[2:])
    stored.put(slice(0, 2), values[:2])
    np.testing.assert_array_equal(stored.values, values)
    assert Vectors(0, 3).values.shape == (0, 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_full_disk_is_reported():
    stored, said = Vectors(5, 3), r"No space left on device; set TMPDIR to a larger disk"
    with Path("/dev/full").open("r+b", buffering=0) as stored.file, pytest.raises(TrainingError, match=said):
        stored.put(slice(0, 5), np.ones((5, 3), np.float32))


@pytest.mark.parametrize("labels", [LABELS, ["good", "plot", "good", "bad", "plot", "bad", "bad"] * 4])
def test_logistic_head_equals_scikit_learn(bert_backbone, labels):
    names = sorted(set(labels))
    model = fresh(bert_backbone, names)
    options = {"fine_tune": "none", "head": "logistic", "ngrams": False}
    history = model.fit(data(labels=labels), validation=data(labels=labels), **options)
    vectors = tg.TextEmbedder(model.backbone, precision="float32").predict(TEXTS)
    scaled = vectors / np.sqrt((vectors**2).sum(axis=1).mean())
    reference = LogisticRegression(tol=1e-8, max_iter=1000).fit(scaled, labels)
    model.objective.temperature = 1.0
    np.testing.assert_allclose(model.predict_proba(TEXTS), reference.predict_proba(scaled), atol=1e-3)
    assert history.records[0]["val_accuracy"] == pytest.approx(reference.score(scaled, labels))
    assert history.records[0]["val_loss"] < np.log(len(names))


@pytest.mark.parametrize(
    ("fit", "steps"),
    [({"epochs": 3, "batch_size": 4}, 3 * 7), ({"head": "logistic"}, 0), ({}, 0)],
    ids=str,
)
def test_plan_counts_the_steps_of_the_head(bert_backbone, fit, steps):
    plan = fresh(bert_backbone).plan(data(), validation=data(), fine_tune="none", **fit)
    assert plan.steps == steps
    assert plan.trainable == 16 + 1
    assert plan.seconds > 0


def test_logistic_head_that_cannot_be_fitted_is_refused(bert_backbone):
    with pytest.raises(ConfigError, match="drop head or hidden"):
        fresh(bert_backbone, hidden=(4,)).fit(data(), validation=data(), fine_tune="none", head="logistic")
    with pytest.raises(DataError, match="a label has no training text"):
        fresh(bert_backbone, ["bad", "good", "new"]).fit(data(), validation=data(), fine_tune="none", head="logistic")
