"""A high share of tokens outside the vocabulary is reported, with presets that know the script."""

import warnings

import numpy as np
import pytest

import textgraft as tg
from tests.golden.sentence_folders import GOLDEN
from tests.helpers import commands
from tests.helpers.commands import write_csv
from textgraft.backbones.presets import list_presets
from textgraft.errors import TextgraftWarning
from textgraft.tasks.texts import as_batches

THAI = ["อาหารอร่อยมาก บริการดี", "ห้องพักสกปรก ไม่ประทับใจ"]


def message(preset, texts):
    embedder = tg.TextEmbedder(preset, "float32")
    (batch,) = as_batches(texts)
    unknown = embedder.count_unknown()
    unknown.add(embedder.tokenize([batch]).ids, batch)
    return unknown.message() if unknown.is_high else ""


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (THAI, "(Thai); presets that know Thai: multilingual_e5_small, "),
        (["这家酒店很好"], "such as '这' (Chinese); presets that know Chinese: bge_small_v1.5_zh, "),
        (["このホテルはとても良い"], "(Japanese); presets that know Japanese: multilingual_e5_small, "),
        (["호텔이 아주 좋아요"], "(Korean); presets that know Korean: "),
        (["ምግቡ ጥሩ ነው"], "(Amharic); presets that know Amharic: multilingual_e5_small, xlm_roberta_base_multi, "),
        (["ﾎﾃﾙ"], "such as 'ﾎﾃﾙ' (Japanese)"),
        (["好吃 gnu-zebra"], "such as '好' (Chinese)"),
        (["好 ห้องพักสกปรก"], "such as 'ห้องพักสกปรก' (Thai)"),
        (["zebra gnu"], "such as 'zebra'; see `textgraft presets`"),
        (["the film was good the film was good the film was gnu"], ""),
    ],
)
def test_message_names_share_example_and_presets(bert_backbone, texts, expected):
    line = message(bert_backbone, texts)
    assert expected in line
    assert bool(expected) == bool(line)
    assert "\n" not in line


def test_presets_have_languages():
    languages = {entry.name: entry.languages for entry in list_presets()}
    assert languages["bert_base_zh"] == "zh"
    assert languages["bert_base_multi"] == languages["bge_m3"] == languages["multilingual_e5_small"] == "multi"
    assert languages["minilm"] == languages["multi_qa_minilm_l6_cos_v1_en"] == "en"


def test_byte_level_vocabularies_know_every_text():
    assert message(GOLDEN / "gpt2", THAI) == ""


def test_unknown_words_of_word_vectors_are_counted(tmp_path):
    (tmp_path / "vectors.txt").write_text("good 1 2\nbad 3 4\n")
    assert "67 % of the tokens are unknown to" in message(tmp_path / "vectors.txt", ["good", "gnu emu"])


def test_train_embed_and_inspect_report_unknown_texts(tiny_bert, tmp_path):
    rows = [(f"{text} {number}", "ab"[number % 2]) for number in range(12) for text in THAI]
    data = write_csv(tmp_path / "th.csv", rows)
    options = ("--preset", tiny_bert, "--fine-tune", "none", "--no-ngrams")
    trained = commands.run_successfully("train", data, *options, "--out", tmp_path / "model")
    assert trained.stderr.count("of the tokens are unknown to") == 1
    assert "results of cross-validation on all training texts:\n" in trained.stderr
    evaluated = commands.run_successfully("evaluate", tmp_path / "model", data)
    assert evaluated.stderr.count("100 % of the tokens are unknown to") == 1
    texts = "".join(f"{text}\n" for text in [*THAI * 20, *["the film was good"] * 20])
    for command in ("predict", "embed"):
        out = tmp_path / f"{command}.parquet"
        streamed = commands.run_successfully(command, tmp_path / "model", "-", "--out", out, stdin=texts)
        assert streamed.stderr.count("50 % of the tokens are unknown to") == 1, streamed.stderr
    shown = commands.run_successfully("inspect", THAI[0], "--preset", tiny_bert)
    assert "(Thai); presets that know Thai" in shown.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("error", TextgraftWarning)
        assert tg.TextEmbedder(tiny_bert, "float32").predict(["the film was good"]).shape == (1, 16)
        with pytest.raises(TextgraftWarning, match="unknown"):
            tg.TextEmbedder(tiny_bert, "float32").predict(THAI)
    assert np.isfinite(tg.TextEmbedder(tiny_bert, "float32").predict(THAI)).all()


def test_entities_in_unknown_texts_are_reported_once(bert_backbone):
    model = tg.TokenClassifier(bert_backbone, ["PER"], "float32")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.predict(["the film was good"])
        model.predict(THAI)
        model.predict(THAI)
    assert ["unknown to" in str(warning.message) for warning in caught].count(True) == 1
