"""Long texts in windows, compared with the reference; logits are averaged over windows."""

import re
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.commands import run, write_csv
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.errors import ConfigError
from textgraft.tasks.texts import as_batches
from tokenizers import Tokenizer

SHORT = ["the film was good", "", "a dull plot ."]
LONG = ["the film was " * 30 + "bad", "good " * 14, "good " * 15, "a plot , " * 50]
TEXTS = (SHORT + LONG) * 2
LABELS = ["good", "bad", "bad", "bad", "good", "good", "bad"] * 2
FIT = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-3, "keep_reference": 0}
LENGTH = 16
# Families and lengths whose windows are compared with the reference in every run.
FAST = {("bert", 8), ("bert", 31), ("roberta", 16), ("gpt2", 8)}


def classifier(preset, truncation="windows", **options):
    return tg.TextClassifier(
        preset, ["bad", "good"], precision="float32", truncation=truncation, **{"sequence_length": LENGTH, **options}
    )


def data():
    return tg.Dataset.from_lists(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("family", "length"),
    [
        pytest.param(family, length, marks=() if (family, length) in FAST else pytest.mark.slow)
        for family in ("bert", "roberta", "gpt2")
        for length in (8, 16, 31)
    ],
)
def test_windows_equal_the_reference(family, length, request):
    folder = request.config.rootpath / "tests" / "golden" / family
    reference = Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = len(reference.encode("").ids)
    reference.enable_truncation(length, stride=(length - special) // 4)
    expected = [[part.ids for part in (whole, *whole.overflowing)] for whole in reference.encode_batch(SHORT + LONG)]
    graph = classifier(folder, sequence_length=length).text_graph
    packed = graph.pack(tf.constant(SHORT + LONG))
    assert packed.token_ids.to_list() == expected
    assert not packed.dropped.numpy().any()


def test_short_texts_equal_truncation_head(bert_backbone):
    windows, head = classifier(bert_backbone), classifier(bert_backbone, "head")
    np.testing.assert_array_equal(windows.predict_proba(SHORT), head.predict_proba(SHORT))


def test_number_of_windows_in_memory_is_limited(tiny_bert):
    """Those that go through it at once are no more than fit a batch, however long a text is."""
    long, most = " ".join(LONG * 20), 4
    expected = next(classifier(tiny_bert).outputs(as_batches([long, *SHORT])))
    watching, seen = classifier(tiny_bert), []
    watching.backbone.training_defaults = replace(watching.backbone.training_defaults, batch_tokens=most * LENGTH)
    pool = watching.backbone.pool

    def watched(rows, *args):
        tf.py_function(lambda count: seen.append(int(count)), [rows.nrows()], [])
        return pool(rows, *args)

    watching.backbone.pool = watched
    np.testing.assert_allclose(next(watching.outputs(as_batches([long, *SHORT]))), expected, rtol=1e-5, atol=1e-6)
    assert max(seen) == most
    assert sum(seen) > 2 * most


@pytest.mark.parametrize("hidden", [pytest.param((), marks=pytest.mark.slow), (5,)])
def test_logits_are_the_mean_over_windows(bert_backbone, hidden):
    model = classifier(bert_backbone, hidden=hidden)
    words = LONG[0].split()
    room, step = LENGTH - 2, LENGTH - 2 - (LENGTH - 2) // 4
    starts = range(0, len(words) - room + step, step)
    parts = [" ".join(words[start : start + room]) for start in starts]
    assert parts[-1].endswith("bad")
    alone = np.concatenate(list(classifier(bert_backbone, "head", hidden=hidden).outputs(as_batches(parts))))
    (found,) = model.outputs(as_batches([LONG[0]]))
    np.testing.assert_allclose(found[0], alone.mean(axis=0), atol=1e-6)


def test_batch_mates_have_no_effect(bert_backbone, recwarn):
    model = classifier(bert_backbone)
    alone = np.concatenate([model.predict_proba([text]) for text in TEXTS])
    np.testing.assert_allclose(model.predict_proba(TEXTS), alone, atol=1e-5)
    assert model.evaluate(data())["truncated"] == {"texts": 0, "tokens": 0}
    assert not [warning for warning in recwarn if "cut" in str(warning.message)]


def test_row_length_counts_all_windows(bert_backbone):
    tokens = classifier(bert_backbone).tokenize(as_batches(["good " * 15]))
    assert tokens.lengths.tolist() == [14 + 2 + (15 - 11) + 2]
    assert len(tokens.ids) == tokens.lengths.sum()


@pytest.mark.parametrize(
    "config", [{}, {"fine_tune": "none"}, {"fine_tune": "last:1"}, {"fine_tune": "lora:2"}], ids=str
)
@pytest.mark.slow
def test_resume_changes_nothing(tiny_bert, tmp_path, config):
    resumed, *_ = assert_resume_changes_nothing(
        lambda: classifier(tiny_bert),
        lambda model, callback, run: model.fit(
            data(), validation=data(), callbacks=callback, checkpoints=run, **config, **FIT
        ),
        after=6,
        folder=tmp_path / "run",
    )
    resumed.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), resumed.predict_proba(TEXTS))


@pytest.mark.parametrize(
    "config",
    [{"fine_tune": "last:1", "cache_dtype": "float32"}, pytest.param({"fine_tune": "none"}, marks=pytest.mark.slow)],
    ids=str,
)
@pytest.mark.slow
def test_stored_activations_change_no_loss(tiny_bert, config):
    """What validates epochs sees the mean over windows too."""
    model = classifier(tiny_bert)
    history = model.fit(data(), validation=data(), callbacks=RecordingCallback(), **config, **FIT)
    model.objective.temperature = 1.0  # as in the history
    assert history.records[history.best_epoch - 1]["val_loss"] == pytest.approx(
        model.evaluate(data())["loss"], rel=1e-4
    )


def test_logistic_head_on_windows(tiny_bert):
    model = classifier(tiny_bert)
    history = model.fit(data(), validation=data(), callbacks=RecordingCallback(), fine_tune="none", head="logistic")
    model.objective.temperature = 1.0  # as in the history
    assert history.records[0]["val_loss"] == pytest.approx(model.evaluate(data())["loss"], rel=1e-4)


@pytest.mark.slow
def test_accumulated_gradients_equal_one_step(tiny_word_vectors):
    weights = []
    for tokens in (1 << 20, 64):
        model = classifier(tiny_word_vectors, dropout=0)
        model.fit(
            data(),
            validation=data(),
            callbacks=RecordingCallback(),
            batch_tokens=tokens,
            epochs=1,
            batch_size=7,
            learning_rate=1e-3,
        )
        weights.append(model.head.get_weights()[0])
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)


def test_windows_of_word_vectors_and_embeddings(word_vectors_backbone, bert_backbone):
    model = classifier(word_vectors_backbone)
    assert model.predict_proba(TEXTS).shape == (14, 2)
    embedder = tg.TextEmbedder(bert_backbone, "float32", normalize=True, truncation="windows", sequence_length=LENGTH)
    np.testing.assert_allclose(np.linalg.norm(embedder.predict(LONG), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": True}, "one vector per single text"),
        ({"sequence_length": 7}, "at least 8, not 7"),
        ({"truncation": "window"}, "head, head\\+tail, windows"),
    ],
)
def test_invalid_option_is_reported(bert_backbone, word_vectors_backbone, options, message):
    with pytest.raises(ConfigError, match=message):
        classifier(bert_backbone, **options)
    with pytest.raises(ConfigError, match="needs a sequence_length"):
        classifier(word_vectors_backbone, sequence_length=None)
    with pytest.raises(ConfigError, match="with windows does not support hidden"):
        classifier(bert_backbone, hidden=(4,)).fit(data(), fine_tune="none")


def test_commands_with_windows(tiny_word_vectors, tmp_path):
    source, folder = write_csv(tmp_path / "data.csv", zip(TEXTS[2:7], LABELS[2:7], strict=True)), tmp_path / "model"
    options = ("--preset", tiny_word_vectors, "--truncation", "windows", "--sequence-length", LENGTH)
    assert (
        run("train", source, "--test", source, "--allow-leaks", "--epochs", 1, "--out", folder, *options).exit_code == 0
    )
    assert "texts truncated" not in run("evaluate", folder, source).stderr
    assert len(run("predict", folder, source).stdout.splitlines()) == 6
    assert "0 texts truncated (0 tokens dropped)" in run("train", source, "--dry-run", *options).stdout
    assert re.search(r"longer texts\W+windows", run("info", folder).stdout)
    shown = run("inspect", "good " * 17, "--preset", folder).stdout
    assert "window 1" in shown
    assert "window 2" in shown
    assert "window 3" not in shown
