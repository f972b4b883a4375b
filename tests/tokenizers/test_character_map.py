"""Character rules of SentencePiece models against the `tokenizers` library, with invented rules."""

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers.normalizers import Precompiled
from tools.character_tables import character_table

from tests.helpers.tokenizer_comparison import CHARACTERS, CLASS_BORDERS
from textgraft.tokenizers.character_map import CharacterMap
from textgraft.tokenizers.sentence_piece_file import character_rules

# All classes of grapheme clusters: accents of two and three bytes, marks, joiners, signs, syllables whole and in parts.
LETTERS = (
    "ae\u00e9\u0301\u0344\u20dd\u0903 \r\n\x01"
    "\u200b\u200d\u2122\u2764\u0600\u0915\u094d\u0958\u1100\u1161\u11a8\uac00\uac01\U0001f1e6"
)
TEXT = st.text(st.sampled_from(LETTERS), max_size=12)
RULES = st.dictionaries(st.text(st.sampled_from(LETTERS), min_size=1, max_size=4), TEXT, max_size=12)


def normalized(charsmap, texts):
    normalize = CharacterMap(character_rules(charsmap))
    return [text.decode() for text in normalize(tf.constant([text.encode() for text in texts])).numpy()]


@settings(max_examples=25, deadline=None)
@example(rules={"a": ""}, texts=["\r"])
@given(rules=RULES, texts=st.lists(TEXT, min_size=1, max_size=20))
def test_any_rules_normalize_as_in_the_reference(rules, texts):
    charsmap = character_table({"a": "A", **rules})
    assert normalized(charsmap, texts) == list(map(Precompiled(charsmap).normalize_str, texts))


@pytest.mark.parametrize(
    "characters", [CLASS_BORDERS, pytest.param(CHARACTERS, marks=pytest.mark.slow)], ids=["class borders", "all"]
)
def test_every_character_joins_clusters_as_in_the_reference(characters):
    charsmap = character_table({"a": "A", "\u0344": "B", "\u2122": "C"})
    texts = [f"a{char}\u0344\u0301{char}\u200d\u2122\u0301" for char in characters]
    expected = map(Precompiled(charsmap).normalize_str, texts)
    assert [pair for pair in zip(normalized(charsmap, texts), expected, strict=True) if pair[0] != pair[1]] == []
