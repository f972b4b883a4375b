"""Scores of entities: calibration, the lowest one that is answered, folders of earlier versions, and their curve."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.exports import sharpen
from tests.helpers.resuming import RecordingCallback
from textgraft.errors import ConfigError
from textgraft.export.exporting import export_model
from textgraft.model_folder import folder as model_folder
from textgraft.storage.folders import write_folder
from textgraft.storage.verification import MANIFEST
from textgraft.tasks.objectives.tags import Tags
from textgraft.tasks.span_calibration import span_temperature, tag_probabilities
from textgraft.tasks.tag_decoding import decode_spans, scored_spans, viterbi
from textgraft.training.ragged import Ragged

WORDS = [text.split() for text in ("the film was good", "a dull plot .", "very bad film , it was dull", "plot")] * 6
TAGS = [["B-X" if word in {"film", "plot"} else "O" for word in words] for words in WORDS]
TAGS[2::4] = [["B-Y", "I-Y", "B-X", "O", "O", "O", "O"]] * 6
TEXTS = [" ".join(words) for words in WORDS[:4]]


@pytest.fixture(scope="module")
def trained(tiny_word_vectors):
    model, recorder = (
        tg.TokenClassifier(tiny_word_vectors, ["X", "Y"], "float32", splitting="edges"),
        RecordingCallback(),
    )
    data = tg.TaggedDataset.from_lists(WORDS, TAGS)
    model.fit(data, validation=data, callbacks=recorder, epochs=6, batch_size=4, learning_rate=1e-2)
    return model, recorder.messages


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    return trained[0].save(tmp_path_factory.mktemp("entities") / "model")


def sample_tags(logits, lengths, seed):
    """Tags drawn from the distribution over valid sequences that the logits define, by rejection."""
    random, drawn, start = np.random.default_rng(seed), [], 0
    for length in lengths:
        chances = np.cumsum(tag_probabilities(logits[start : start + length], 1.0), axis=1)
        while True:
            tags = (random.random((length, 1)) > chances).sum(axis=1).clip(max=chances.shape[1] - 1)
            if (viterbi(np.log(np.eye(chances.shape[1])[tags] + 1e-9), np.array([length])) == tags).all():
                break
        drawn.append(tags)
        start += length
    return np.concatenate(drawn)


@pytest.mark.parametrize("factor", [0.5, 1, 3])
def test_temperature_recovers_the_factor_of_scaled_logits(factor):
    random = np.random.default_rng(0)
    lengths = random.integers(1, 6, 1000)
    logits = random.normal(0, 2, (lengths.sum(), 3)).astype(np.float32)
    true = decode_spans(sample_tags(logits, lengths, 1), lengths)
    temperature, spans = span_temperature(Ragged(np.float32(factor) * logits, lengths), true, "constrained")
    assert temperature == pytest.approx(factor, rel=0.1)
    _, scores = scored_spans(tag_probabilities(factor * logits, temperature), lengths, "constrained")
    predicted = decode_spans(viterbi(np.log(tag_probabilities(logits, 1.0)), lengths), lengths)
    known = set(zip(*map(np.ndarray.tolist, true), strict=True))
    right = np.mean([span in known for span in zip(*map(np.ndarray.tolist, predicted), strict=True)])
    assert len(scores) == spans
    assert scores.mean() == pytest.approx(right, abs=0.03)


def test_training_calibrates(trained):
    model, messages = trained
    assert any(message.startswith("calibrated: temperature") for message in messages)
    assert model.objective.temperature != 1
    assert model.settings()["scoring"] == "spans"


def test_entities_below_the_lowest_score_are_dropped_and_counted(trained, folder, monkeypatch):
    model, _ = trained
    entities = [entity for row in model.predict(TEXTS) for entity in row]
    limit = sorted(entity.score for entity in entities)[len(entities) // 2] - 1e-5
    options = ("--min-confidence", limit, "--precision", "float32")
    result = run_successfully("predict", folder, *options, stdin="\n".join(TEXTS))
    printed = [entity for row in result.stdout.splitlines() for entity in json.loads(row)["entities"]]
    assert 0 < len(printed) < len(entities)
    assert all(entity["score"] >= limit for entity in printed)
    monkeypatch.setattr(model.objective, "min_confidence", limit)
    metrics = model.evaluate(tg.TaggedDataset.from_lists(WORDS[:4], TAGS[:4]))
    counts = metrics["below_min_confidence"]
    assert sum(counts.values()) == len(entities) - len(printed)
    tables = Console(file=io.StringIO(), width=200)
    tables.print(model.objective.report(metrics))
    line = f"entities dropped below the minimum confidence: {sum(counts.values())} ("
    assert line in tables.file.getvalue()
    assert_fails(run("predict", folder, "--abstain-below", "0.5", stdin="x"), 2, "--abstain-below is for classifiers")


@pytest.mark.parametrize(("to", "decoding"), [("savedmodel", "constrained"), ("wheel", "free")])
@pytest.mark.slow
def test_exports_have_the_calibration_and_the_lowest_score(tiny_bert, tmp_path, to, decoding):
    options = {"decoding": decoding, "temperature": 1.7, "min_confidence": 0.05, "sequence_length": 16}
    model = sharpen(tg.TokenClassifier(tiny_bert, ["PER", "LOC"], "float32", **options))
    named = {"name": "sure", "version": "1.0"} if to == "wheel" else {}
    assert export_model(model, tmp_path / "out", to, **named).largest_difference < 1e-5


def test_a_folder_of_an_earlier_version_has_the_scores_of_words(trained, folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    del config["settings"]["scoring"], config["settings"]["temperature"]
    files = {path.name: [path.read_bytes()] for path in folder.iterdir() if path.name != MANIFEST}
    write_folder(tmp_path / "old", {**files, "config.json": [json.dumps(config).encode()]})
    model = tg.load(tmp_path / "old", "float32")
    logits = next(model.outputs([np.array([text.encode() for text in TEXTS], object)]))
    probabilities = tag_probabilities(logits.values, 1.0)
    tags = viterbi(np.log(probabilities + np.float32(1e-30)), logits.lengths)
    chosen, spans = probabilities[np.arange(len(tags)), tags], decode_spans(tags, logits.lengths)
    expected = [chosen[start:end].mean(dtype=np.float64) for start, end in zip(spans.starts, spans.ends, strict=True)]
    scores = [entity.score for row in model.predict(TEXTS) for entity in row]
    assert scores == pytest.approx(expected, abs=1e-6)
    assert model_folder.read(model.save(tmp_path / "again")).config["settings"]["scoring"] == "words"


def test_curve_ends_with_the_metrics_of_all_entities(trained):
    model, data = trained[0], tg.TaggedDataset.from_lists(WORDS, TAGS)
    metrics, curve = model.evaluate(data), model.precision_recall_curve(data)
    assert (np.diff(curve.thresholds) < 0).all()
    assert curve.precision[-1] == pytest.approx(metrics["precision"])
    assert curve.recall[-1] == pytest.approx(metrics["recall"])


@pytest.mark.parametrize("options", [{"scoring": "odd"}, {"temperature": 0}, {"min_confidence": 2}])
def test_invalid_options_are_reported(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Tags(["X"], "constrained", **options)
