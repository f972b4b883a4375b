"""Co-training: unlabelled texts train a classifier where held-out labelled texts support that."""

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.resuming import (
    RecordingCallback,
    SimulatedCrashError,
    assert_resume_changes_nothing,
    crash,
)
from textgraft.errors import ConfigError, DataError

LABELS = ["bad", "good"]
WORDS = {"bad": ["bad", "dull", "not", "it"], "good": ["good", "fine", "very", "plot"]}
OTHERS = ["the", "a", "film", "was"]


def pool(label):
    """500 different texts: of three words of a label and another one; for None, of four other ones or labels' words."""
    random = np.random.default_rng(LABELS.index(label) if label else 2)
    own = WORDS[label] if label else sum(WORDS.values(), OTHERS)
    texts = {}
    while len(texts) < 500:
        texts[" ".join(random.permutation([*random.choice(own, 3), random.choice(OTHERS)]))] = True
    return list(texts)


POOLS = {label: pool(label) for label in LABELS}
LABELLED, VALIDATION, UNLABELLED, TEST = slice(0, 5), slice(5, 12), slice(12, 112), slice(200, 400)


def texts_of(part):
    return [text for label in LABELS for text in POOLS[label][part]]


def dataset(part):
    return tg.Dataset.from_lists(texts_of(part), np.repeat(LABELS, part.stop - part.start))


def labelled():
    return dataset(LABELLED)


def helpful():
    return texts_of(UNLABELLED)


def unrelated():
    """Texts of words that both labels have, or none."""
    known = {text for texts in POOLS.values() for text in texts}
    return [text for text in pool(None) if text not in known][:100]


def fresh(preset):
    return tg.TextClassifier(preset, LABELS, precision="float32")


def fit(model, callback=None, **options):
    arguments = {"fine_tune": "none", "unlabelled": helpful(), "keep_reference": 0, **options}
    model.fit(labelled(), callbacks=callback or RecordingCallback(), progress=False, **arguments)
    return model


def message(callback):
    (line,) = (line for line in callback.messages if line.startswith("co-training"))
    return line


def head_of(model):
    return model.head.get_layer("logits").kernel.numpy()


def test_helpful_texts_train_a_frozen_model(tiny_word_vectors):
    callback = RecordingCallback()
    model, without = fit(fresh(tiny_word_vectors), callback), fit(fresh(tiny_word_vectors), unlabelled=None)
    facts = model.record["co_training"]
    assert facts["not_used_because"] == ""
    assert facts["loss_after"] < facts["loss_before"]
    assert (facts["texts"], facts["held_out"]) == (200, 10)
    line = f"co-training: {facts['labelled']:,} of 200 unlabelled texts labelled; on 10 held-out texts: log loss "
    assert message(callback).startswith(line)
    assert not np.allclose(head_of(model), head_of(without))
    assert model.evaluate(dataset(TEST))["accuracy"] > without.evaluate(dataset(TEST))["accuracy"]


def test_head_validation_and_calibration_are_those_of_heads_without_the_held_out_texts(tiny_word_vectors):
    model = fit(fresh(tiny_word_vectors))
    facts, metrics = model.record["co_training"], model.record["metrics"]["validation"]
    assert metrics["val_accuracy"] == pytest.approx(facts["accuracy_after"])
    assert model.record["validated_by"] == "cross-validation"
    assert model.objective.temperature == pytest.approx(facts["temperature"])


def test_texts_that_do_not_help_are_not_used(tiny_word_vectors):
    callback = RecordingCallback()
    model, without = (fit(fresh(tiny_word_vectors), callback, unlabelled=texts) for texts in (unrelated(), None))
    assert message(callback).startswith("co-training: not used: the log loss of held-out texts is higher, by more than")
    np.testing.assert_array_equal(head_of(model), head_of(without))
    assert model.evaluate(tg.Dataset.from_lists(unrelated()[:2], LABELS))["seen"] == {"train": 0, "validation": 0}


def test_network_is_trained_on_confident_labels(tiny_word_vectors):
    callback = RecordingCallback()
    model = fit(fresh(tiny_word_vectors), callback, fine_tune="all", epochs=1, batch_size=1)
    facts = model.record["co_training"]
    assert facts["confidence"] >= 0.9
    assert callback.steps == 9 + facts["labelled"]
    assert "head initialized by co-training on embeddings" in callback.messages
    assert model.record["data"]["train"]["texts"] == 9
    assert model.evaluate(dataset(UNLABELLED))["seen"]["adaptation"] == 200


def test_network_is_not_trained_on_too_few_confident_labels(tiny_word_vectors, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.co_training.MIN_CONFIDENCE", 1.1)
    callback = RecordingCallback()
    model = fit(fresh(tiny_word_vectors), callback, fine_tune="all", epochs=1)
    assert "not used: less than 100 texts have a label with a probability of at least" in message(callback)
    without = fit(fresh(tiny_word_vectors), fine_tune="all", epochs=1, unlabelled=None)
    for name, weight in without.weights.items():
        np.testing.assert_array_equal(model.weights[name].numpy(), weight.numpy(), err_msg=name)


@pytest.mark.parametrize("descriptions", [None, {"bad": "it was bad", "good": "a fine plot"}])
def test_network_without_descriptions_needs_an_accurate_head(tiny_word_vectors, monkeypatch, descriptions):
    monkeypatch.setattr("textgraft.tasks.co_training.MIN_ACCURACY", 1.1)
    monkeypatch.setattr("textgraft.tasks.co_training.MIN_CONFIDENCE", 0.5)
    callback = RecordingCallback()
    model = tg.TextClassifier(tiny_word_vectors, LABELS, precision="float32", descriptions=descriptions)
    fit(model, callback, fine_tune="all", epochs=1)
    is_refused = "without descriptions, a network needs a head with an accuracy of at least 1.1" in message(callback)
    assert is_refused == (descriptions is None)


def test_many_labelled_texts_need_no_others(tiny_word_vectors, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.co_training.MAX_LABELLED_TEXTS", 9)
    callback = RecordingCallback()
    model = fit(fresh(tiny_word_vectors), callback)
    assert message(callback) == "co-training: not used: more than 9 labelled texts"
    assert "co_training" not in model.record


@pytest.mark.slow
@pytest.mark.parametrize("fine_tune", ["lora:2", "last:1"])
def test_every_mode_takes_unlabelled_texts(two_layer_bert, monkeypatch, fine_tune):
    monkeypatch.setattr("textgraft.tasks.co_training._why_not_used", lambda *_: "")
    monkeypatch.setattr("textgraft.tasks.co_training.MIN_CONFIDENCE", 0.0)
    callback = RecordingCallback()
    fit(fresh(two_layer_bert), callback, fine_tune=fine_tune, epochs=1, batch_size=1)
    assert callback.steps > 100


@pytest.mark.parametrize("after", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_interrupted_run_ends_as_an_uninterrupted_one(tiny_word_vectors, tmp_path, after):
    def fit_network(model, callback, checkpoints):
        fit(model, callback, fine_tune="all", epochs=1, batch_size=4, checkpoints=checkpoints)

    resumed, expected, _ = assert_resume_changes_nothing(
        lambda: fresh(tiny_word_vectors), fit_network, after, tmp_path / "run"
    )
    assert resumed.record["co_training"] == expected.record["co_training"]


def test_other_unlabelled_texts_are_another_run(tiny_word_vectors):
    class CrashingCallback(RecordingCallback):
        def on_train_begin(self, facts, is_resumed):
            digests.append(facts["data_sha256"])
            crash()

    digests = []
    for texts in (helpful(), helpful(), helpful()[1:]):
        with pytest.raises(SimulatedCrashError):
            fit(fresh(tiny_word_vectors), CrashingCallback(), unlabelled=texts)
    assert digests[0] == digests[1]
    assert {name for name in digests[0] if digests[0][name] != digests[2][name]} == {"unlabelled"}


def test_known_repeated_and_empty_texts_are_counted_and_not_used(tiny_word_vectors):
    known = [row.text.upper() for row in labelled()][:3]
    callback, texts = RecordingCallback(), [*helpful(), *known, helpful()[0], " "]
    model = fit(fresh(tiny_word_vectors), callback, unlabelled=texts, max_unlabelled=150)
    assert model.record["co_training"]["texts"] == 150
    for line in (
        "unlabelled: 3 of 205 unlabelled texts not used: also among the train texts",
        "unlabelled: 2 of 202 unlabelled texts not used: empty or repeated",
        "unlabelled: 150 of 200 unlabelled texts used, drawn at random",
    ):
        assert line in callback.messages


def test_validation_texts_decide_too_and_are_not_used(tiny_word_vectors):
    callback, texts = RecordingCallback(), [*helpful(), *texts_of(VALIDATION)]
    model = fit(fresh(tiny_word_vectors), callback, validation=dataset(VALIDATION), unlabelled=texts)
    assert "unlabelled: 14 of 214 unlabelled texts not used: also among the validation texts" in callback.messages
    assert model.record["co_training"]["held_out"] == 10 + 14


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        ({}, {"balance": "weights", "head": "gradient"}, "unlabelled does not support balance; drop one"),
        ({}, {"fine_tune": "all", "refit": True}, "refit of a network that is fine-tuned does not support unlabelled"),
        ({"problem": "multi-label"}, {}, "unlabelled texts train classifiers of one label per single text"),
        ({"pairs": True}, {}, "unlabelled texts train classifiers of one label per single text"),
    ],
)
def test_what_takes_no_unlabelled_texts_is_refused(tiny_bert, make, options, message):
    model = tg.TextClassifier(tiny_bert, LABELS, precision="float32", **make)
    with pytest.raises(ConfigError, match=message):
        fit(model, **options)


def test_model_that_extends_another_one_is_refused(tiny_word_vectors, tmp_path):
    fit(fresh(tiny_word_vectors), unlabelled=None, ngrams=False).save(tmp_path / "model")
    model = tg.ExtendedClassifier(tmp_path / "model", precision="float32")
    with pytest.raises(ConfigError, match="a model that extends another one is trained on labelled texts only"):
        model.fit(labelled(), unlabelled=helpful(), progress=False)


def test_language_model_is_refused(tiny_bert):
    with pytest.raises(ConfigError, match="unlabelled texts train classifiers of one label per single text"):
        tg.MaskFiller(tiny_bert).fit(["a film"] * 9, unlabelled=["a plot"], progress=False)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([row.text for row in labelled()], r"no unlabelled text is new \(.* 10 of 10 unlabelled texts not used: also"),
        ([], "unlabelled: texts must be a list of at least one string"),
        ([("a", "b")], "unlabelled texts must be single texts"),
        (["a film", None], "unlabelled"),
    ],
)
def test_unusable_texts_are_one_line(tiny_word_vectors, texts, message):
    with pytest.raises(DataError, match=message):
        fit(fresh(tiny_word_vectors), unlabelled=texts)


def test_estimate_counts_unlabelled_texts(tiny_word_vectors):
    plan = fresh(tiny_word_vectors).plan(labelled(), unlabelled=helpful(), epochs=1, batch_size=1)
    assert plan.texts == {"train": 9, "validation": 1, "unlabelled": 200}
    assert plan.tokens["unlabelled"] == 4 * 200
    assert plan.steps == 209


def test_command_reads_any_format_and_reports(tiny_word_vectors, tmp_path):
    data, test = tmp_path / "few.csv", tmp_path / "test.csv"
    data.write_text("text,label\n" + "".join(f'"{row.text}",{row.label}\n' for row in labelled()))
    test.write_text("text,label\n" + "".join(f'"{text}",good\n' for text in helpful()[-5:]))
    more = tmp_path / "more.csv"
    more.write_text("text,label\n" + "".join(f'"{text}",x\n' for text in helpful()))
    command = ("train", data, "--preset", tiny_word_vectors, "--fine-tune", "none", "--unlabelled", more)
    result = run_successfully(*command, "--test", test, "--out", tmp_path / "model")
    assert f"{more}: 5 of 200 unlabelled texts not used: also among the test texts" in result.stderr
    assert f"{more}: the column 'label' is ignored; the texts count as unlabelled" in result.stderr
    assert "unlabelled 195" in result.stderr
    assert "co-training: " in result.stderr
    assert "co-training" in run_successfully("info", tmp_path / "model").stdout
    assert f"- co-training on `{more}`: " in (tmp_path / "model" / "README.md").read_text()
    assert "unlabelled" in run_successfully(*command, "--dry-run").stdout
    missing = tmp_path / "missing.txt"
    assert_fails(run(*command[:-1], missing, "--out", tmp_path / "other"), 3, f"{missing}: no such file")
