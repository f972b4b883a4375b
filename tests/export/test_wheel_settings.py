"""Damaged files of a package are named when they are read; importing what reads them imports no TensorFlow."""

import gzip
import json
import math

import numpy as np
import pytest

from textgraft.evaluation.answer_comparison import largest_difference
from textgraft.export.wheel_runtime import compression
from textgraft.export.wheel_runtime.damage import damage_named
from textgraft.export.wheel_runtime.settings import read_settings

SPECIAL = {"start": 1, "end": 2, "pad": 0, "unknown": None}
LABELS = {
    "task": "text-classification", "problem": "single-label", "pairs": False, "labels": ["a", "b"], "classes": [1, 2],
    "sequence_length": 8, "truncation": "head", "special": SPECIAL, "prompt": "",
}  # fmt: skip
SETS = {**LABELS, "problem": "multi-label", "thresholds": [0.5, 0.25]}
NUMBERS = {**LABELS, "problem": "regression", "labels": [], "classes": []}
VECTORS = {**NUMBERS, "task": "feature-extraction", "problem": None}
ENTITIES = {
    **LABELS, "task": "token-classification", "problem": None, "labels": ["X"], "classes": ["X"],
    "tags": ["O", "B-X", "I-X"], "decoding": "constrained", "word_pattern": r"\w+", "space_before_words": True,
}  # fmt: skip


def read(folder, content):
    (folder / "inference.json").write_text(content)
    return read_settings(folder / "inference.json")


@pytest.mark.parametrize("settings", [LABELS, SETS, NUMBERS, VECTORS, ENTITIES], ids=lambda value: value["problem"])
def test_settings_of_each_task_are_read(tmp_path, settings):
    assert read(tmp_path, json.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("settings", "change", "problem"),
    [
        (LABELS, {"task": "summarization"}, "task 'summarization' is not valid"),
        (LABELS, {"problem": None}, "problem None is not one of task text-classification"),
        (LABELS, {"pairs": 1}, "pairs 1 is not valid"),
        (LABELS, {"labels": ["a", "a"]}, "labels .* is not valid"),
        (LABELS, {"labels": [{}, "b"]}, "labels .* is not valid"),
        (LABELS, {"classes": [1]}, "labels or classes do not fit"),
        (LABELS, {"sequence_length": 0}, "sequence_length 0 is not valid"),
        (LABELS, {"sequence_length": True}, "sequence_length True is not valid"),
        (LABELS, {"sequence_length": None, "truncation": "windows"}, "truncation windows needs a sequence_length"),
        (LABELS, {"special": {**SPECIAL, "pad": None}}, "special .* is not valid"),
        (LABELS, {"special": {**SPECIAL, "end": -1}}, "special .* is not valid"),
        (SETS, {"thresholds": [0.5]}, "thresholds are not those of the labels"),
        (SETS, {"thresholds": [0.5, 2.0]}, "a threshold is not a number from 0 to 1"),
        (LABELS, {"cleaning": [{"pattern": "(", "replacement": ""}]}, "cleaning .* is not valid"),
        (LABELS, {"cleaning": [{"characters": {"ab": ""}}]}, "cleaning .* is not valid"),
        (SETS, {"abstain_below": 0.5}, "abstain_below 0.5 is not valid"),
        (LABELS, {"set_threshold": 1.5}, "set_threshold 1.5 is not valid"),
        (LABELS, {"reject_above": math.inf}, "reject_above inf is not valid"),
        (LABELS, {"ngrams": {"lower": {}}}, "ngrams has no between_words"),
        (SETS, {"ngrams": {}}, "ngrams do not suit the task"),
        (ENTITIES, {"tags": ["O", "I-X", "B-X"]}, "tags are not those of the labels"),
        (ENTITIES, {"decoding": "greedy"}, "decoding 'greedy' is not valid"),
        (ENTITIES, {"word_pattern": "("}, "word_pattern .* is not valid"),
    ],
)
def test_values_that_no_model_has_are_reported_with_the_file(tmp_path, settings, change, problem):
    with pytest.raises(ValueError, match=rf"inference.json is damaged: {problem}"):
        read(tmp_path, json.dumps({**settings, **change}))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"task": ', "[" * 100_000, "{}", "nul\x00"])
def test_content_that_is_no_object_is_reported_with_the_file(tmp_path, content):
    with pytest.raises(ValueError, match=r"inference.json is damaged: "):
        read(tmp_path, content)


def test_panic_of_native_code_is_an_error_that_names_the_file():
    class PanicException(BaseException):  # as pyo3's
        pass

    with pytest.raises(ValueError, match=r"tokenizer.json is damaged: no entry$"), damage_named("tokenizer.json"):
        raise PanicException("no entry\nstack")
    with pytest.raises(KeyboardInterrupt), damage_named("tokenizer.json"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(("dtype", "value"), [("float32", 1e300), ("int64", 10**400), ("float32", None)])
def test_answers_beyond_the_range_of_their_type_differ(dtype, value):
    with pytest.raises(ValueError, match=r"x of|there are no valid answers for x"):
        largest_difference({"x": np.zeros(1, dtype)}, {"x": [value]}, ["a"])


def test_compressed_content_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    (tmp_path / "network.gz").write_bytes(gzip.compress(bytes(100_000)))
    path = compression.compressed_name(tmp_path / "network")
    assert compression.read_content(path) == bytes(100_000)
    monkeypatch.setattr(compression, "_MAX_BYTES", 99_999)
    with pytest.raises(ValueError, match="2 GiB"):
        compression.read_content(path)
