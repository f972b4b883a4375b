"""SentencePiece model files with damaged character rules are refused."""

import json
from base64 import b64decode

import numpy as np
import pytest
from sentencepiece import sentencepiece_model_pb2
from tools.character_tables import character_table

from tests.helpers.paths import GOLDEN
from textgraft.errors import ModelFolderError
from textgraft.tokenizers.sentence_piece_file import character_rules, check_sentence_piece_model


@pytest.fixture(scope="module")
def table():
    """SentencePiece's default character rules, from an ALBERT model."""
    content = json.loads((GOLDEN / "albert" / "tokenizer.json").read_text())
    steps = {step["type"]: step for step in content["normalizer"]["normalizers"]}
    return b64decode(steps["Precompiled"]["precompiled_charsmap"])


def model_of(table):
    model = sentencepiece_model_pb2.ModelProto()
    model.normalizer_spec.precompiled_charsmap = table
    return model.SerializeToString()


def with_units(table, change):
    size = int.from_bytes(table[:4], "little")
    units = change(np.frombuffer(table, "<u4", size // 4, offset=4)).astype("<u4").tobytes()
    return len(units).to_bytes(4, "little") + units + table[4 + size :]


def with_unit(table, index, unit):
    return with_units(table, lambda units: np.where(np.arange(len(units)) == index, unit, units))


def test_character_rules_are_read_as_written():
    rules = {"a": "A", "e\u0301": "\u00e9", "\ufb01": "fi", "\U0001f600": ""}
    assert character_rules(character_table(rules)) == rules


def test_an_intact_model_passes(table, tmp_path):
    assert check_sentence_piece_model(model_of(table), tmp_path) == 0
    assert check_sentence_piece_model(model_of(b""), tmp_path) == 0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda table: table[:1000], "truncated"),
        (lambda table: b"\xff\xff\xff\x7f" + table[4:], "truncated"),
        (lambda table: table + b"x", "truncated"),
        (lambda table: with_unit(table, 0, 0x7FFFFC00), "offset out of range"),
        (lambda table: with_units(table, lambda units: units | (units >> 31) * 0x7FFFFFFF), "replacement out of range"),
        (lambda table: table.replace(b"\0fi\0", b"\0\xff\xff\0"), "not UTF-8"),
        (lambda table: with_units(table, lambda units: np.arange(256) * 0x401), "have a cycle"),
    ],
)
def test_damaged_character_rules_are_refused(table, damage, message, tmp_path):
    with pytest.raises(ModelFolderError, match=message):
        check_sentence_piece_model(model_of(damage(table)), tmp_path)


def test_a_file_that_is_not_a_model_is_refused(tmp_path):
    with pytest.raises(ModelFolderError, match="not a protocol buffer"):
        check_sentence_piece_model(b"\x1a\x7fmuch too short", tmp_path)
