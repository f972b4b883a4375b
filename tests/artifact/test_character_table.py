"""A SentencePiece model's table of characters must lead nowhere but into itself."""

import json
from base64 import b64decode

import numpy as np
import pytest
from sentencepiece import sentencepiece_model_pb2

from tests.conftest import GOLDEN
from textgraft.artifact.character_table import require_sound_model
from textgraft.errors import ModelFolderError


@pytest.fixture(scope="module")
def table():
    """The one that SentencePiece itself comes with, as a model of ALBERT's holds it."""
    content = json.loads((GOLDEN / "albert" / "tokenizer.json").read_text())
    steps = {step["type"]: step for step in content["normalizer"]["normalizers"]}
    return b64decode(steps["Precompiled"]["precompiled_charsmap"])


def model_of(table):
    model = sentencepiece_model_pb2.ModelProto()
    model.normalizer_spec.precompiled_charsmap = table
    return model.SerializeToString()


def with_unit(table, place, unit):
    units = np.frombuffer(table, "<u4", int.from_bytes(table[:4], "little") // 4, offset=4).copy()
    units[place] = unit
    return table[:4] + units.tobytes() + table[4 + units.nbytes :]


def test_a_sound_one_passes(table, tmp_path):
    require_sound_model(model_of(table), tmp_path)
    require_sound_model(model_of(b""), tmp_path)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda table: table[:1000], "cut short"),
        (lambda table: b"\xff\xff\xff\x7f" + table[4:], "cut short"),
        (lambda table: table + b"x", "cut short"),
        (lambda table: with_unit(table, 0, 0x7FFFFC00), "outside of itself"),
        (lambda table: with_unit(table, 5, 0xFFFFFFFF), "outside of its strings"),
    ],
)
def test_what_leads_out_is_refused(table, harm, message, tmp_path):
    with pytest.raises(ModelFolderError, match=message):
        require_sound_model(model_of(harm(table)), tmp_path)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelFolderError, match="no protocol buffer"):
        require_sound_model(b"\x1a\x7fmuch too short", tmp_path)
