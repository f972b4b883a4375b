"""The language of texts, which an optional package tells."""

import sys

import pytest

from textgraft.data import text_languages
from textgraft.data.text_languages import detect_languages, without_rare_languages

TEXTS = {
    "English": "The weather was fine, and we walked along the river until the evening.",
    "German": "Das Wetter war schön, und wir gingen bis zum Abend am Fluss entlang spazieren.",
    "French": "Il faisait beau, et nous nous sommes promenés le long de la rivière jusqu'au soir.",
    "Russian": "Погода была хорошая, и мы гуляли вдоль реки до самого вечера.",
    "Japanese": "天気がよかったので、夕方まで川に沿って散歩しました。とても楽しい一日でした。",
}


def test_languages_of_sentences_are_told_apart_and_short_texts_are_undetermined():
    pytest.importorskip("py3langid", reason="needs py3langid, which the extra `languages` installs")
    assert detect_languages([*TEXTS.values(), "Das Wetter war gut", "", "12 " * 50]) == [*TEXTS, *["undetermined"] * 3]


def test_languages_are_not_told_apart_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    monkeypatch.setattr(text_languages, "_identifier", text_languages._identifier.__wrapped__)
    assert detect_languages(["A text."]) is None


def test_language_of_few_texts_is_undetermined():
    assert without_rare_languages(["German"] * 5 + ["Maltese"] * 4) == ["German"] * 5 + ["undetermined"] * 4
    assert without_rare_languages(["German"] * 995 + ["Maltese"] * 5)[-1] == "undetermined"
