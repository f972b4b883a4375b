"""Cleaning against Python's own Unicode tables."""

import unicodedata

import pytest
import tensorflow as tf

from tests.helpers.nasty_texts import NASTY
from textgraft.text.cleaning import Cleaning


def cleaned(text, **options):
    return Cleaning(**options)(tf.constant([text.encode()]))[0].numpy().decode()


def test_texts_are_unchanged_by_default():
    assert cleaned(" A <b>B</b>! ") == " A <b>B</b>! "


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:24]))
def test_lowercase_equals_python_character_by_character(text):
    expected = "".join(character.lower() for character in text if character != "\0")
    assert cleaned(text, lowercase=True) == expected


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:24]))
def test_normalize_unicode_is_nfkc(text):
    assert cleaned(text, normalize_unicode=True) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:24]))
def test_strip_punctuation_deletes_the_punctuation_categories(text):
    expected = "".join(character for character in text if not unicodedata.category(character).startswith("P"))
    assert cleaned(text, strip_punctuation=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<br /><br />Fine", "  Fine"),
        ("a <b>bold</b> word", "a  bold  word"),
        ("<!-- a\nnote --> seen", "  seen"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("i <3 you", "i <3 you"),
        ("&lt;tag&gt; &quot;q&quot; &#39;s&apos; a&nbsp;b", "<tag> \"q\" 's' a b"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_strip_html_replaces_tags_and_entities(text, expected):
    assert cleaned(text, strip_html=True) == expected


def test_html_is_stripped_before_punctuation():
    assert cleaned("<b>Wow!</b> &amp; OK", strip_html=True, strip_punctuation=True, lowercase=True) == " wow   ok"
