"""The fuzzer finds what it should, and nothing in the readers of tables within a few hundred inputs."""

import json
import warnings
from random import Random

import pytest
from tools.fuzz import changes
from tools.fuzz.engine import Fuzzer
from tools.fuzz.inputs import Choices, join_input, seed_input, split_input
from tools.fuzz.readers import READERS, load_reader
from tools.fuzz.watching import Watch, require, require_line

from textgraft.errors import DataError

IMPORTING = (
    "config",
    "keras2_folder",
    "package",
    "tokenizer_json",
    "sentence_piece",
)  # readers or makers of their seeds that import TensorFlow


def raising(error):
    def read(data):
        raise error

    return read


def never_ending(data):
    while True:
        pass


def warning(data):
    warnings.warn("invalid escape", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda data: None, ""),
        (raising(DataError("a.csv, line 3: no value")), ""),
        (raising(DataError()), "length of the message at"),
        (lambda data: require_line("two\nlines", "a repr"), "line break in a repr"),
        (lambda data: require_line("\x1b[31m", "a repr"), "control character in a repr"),
        (lambda data: require_line("a" * 10_000, "a repr"), "length of a repr"),
        (raising(KeyError("x")), "KeyError at"),
        (raising(RecursionError()), "RecursionError at"),
        (lambda data: require(False, "7 rows"), "inconsistent: N rows"),
        (warning, "DeprecationWarning at"),
        (never_ending, "SlowError at"),
    ],
)
def test_finding_is_stored_with_its_kind(read, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("tools.fuzz.watching.MAX_SECONDS", 0.3)
    watch = Watch(read, tmp_path)
    found = watch(b"input")
    assert found.startswith(kind)
    assert bool(found) == bool(kind)
    stored = [file.read_bytes() for file in tmp_path.iterdir() if not file.suffix]
    assert stored == ([b"input"] if kind else [])


def test_memory_that_an_input_takes_is_a_finding(tmp_path, monkeypatch):
    peaks = iter([10**9, 2 * 10**9])
    monkeypatch.setattr("tools.fuzz.watching._peak_bytes", lambda: next(peaks))
    assert Watch(lambda data: None, tmp_path)(b"input") == "memory"


def test_inputs_choose_options():
    choices, content = split_input(seed_input(b"text", Random(0)))
    assert content == b"text"
    picks = [Choices((7).to_bytes(8, "little")).pick("abc"), choices.pick("abc")]
    assert picks[0] == "b"


def test_values_of_json_are_changed_and_remain_json():
    draw, seeds = Random(0), [b'{"text": "a", "n": [1, 2]}', b'{"label": true}']
    results = {changes.json_value(seeds[0], draw, seeds) for _ in range(50)}
    assert len({json.dumps(json.loads(result)) for result in results}) > 30


def test_protocol_buffers_are_changed_by_field():
    draw = Random(0)
    message = b"\x0a\x03\x0a\x01a\x10\x05\x1a\x02hi"
    assert [field[0] for field in changes._fields(message)] == [1, 2, 3]
    assert len({changes.protobuf_fields(message, draw, [message]) for _ in range(50)}) > 20


@pytest.mark.parametrize("name", ["csv", "jsonl", "conll", "annotations"])
def test_tables_that_were_changed_at_random_are_read_or_refused(name, tmp_path):
    fuzzer = Fuzzer(name, 0, tmp_path, guided=False)
    draw = Random(0)
    seeds = [seed_input(content, draw) for content in load_reader(name).seeds()]
    for _ in range(150):
        fuzzer.watch(fuzzer.change(draw.choice(seeds), draw))
    assert [*fuzzer.watch.findings] == []
    assert fuzzer.watch.outcomes["read"] > 10


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in IMPORTING else []) for name in READERS]
)
def test_seeds_are_valid(name, tmp_path):
    reader = load_reader(name)
    watch = Watch(reader.read, tmp_path)
    seeds = reader.seeds()
    assert [watch(join_input(b"", content)) for content in seeds] == [""] * len(seeds)
    assert watch.outcomes["read"] > len(seeds) / 2
