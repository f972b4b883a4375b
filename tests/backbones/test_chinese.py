"""Chinese: ids of a folder like bert-base-chinese and of one with XLM-RoBERTa's tokenizer; the warning of minilm."""

import shutil

import pytest
import tensorflow as tf

import textgraft as tg
from tests.golden.texts import CHINESE
from tests.helpers.paths import GOLDEN
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError, TextgraftWarning
from tokenizers import Tokenizer


@pytest.mark.parametrize("folder", ["bert_chinese", "bert_sentence_piece"])
def test_token_ids_equal_the_reference(folder):
    reference = Tokenizer.from_file(str(GOLDEN / folder / "tokenizer.json"))
    expected = [encoding.ids for encoding in reference.encode_batch(CHINESE, add_special_tokens=False)]
    texts = tf.constant([text.encode() for text in CHINESE])
    assert load_backbone(GOLDEN / folder).tokenize(texts).to_list() == expected


def test_minilm_warns_of_chinese():
    with pytest.warns(TextgraftWarning, match="presets that know Chinese: bge_small_v1.5_zh, "):
        tg.TextEmbedder("minilm", "float32").predict(CHINESE[:2])


def test_tokenizer_decides_between_families_of_berts_network(tmp_path):
    assert load_backbone(GOLDEN / "bert_sentence_piece").family == "bert_sentence_piece"
    assert load_backbone(GOLDEN / "bert_chinese").family == "bert"
    # === Without tokenizer.json, the model file decides ===
    folder = shutil.copytree(GOLDEN / "bert_sentence_piece", tmp_path / "folder")
    (folder / "tokenizer.json").unlink()
    (folder / "sentencepiece.bpe.model").write_bytes(b"damaged")
    with pytest.raises(PresetError, match="its SentencePiece model is damaged"):
        load_backbone(folder)
