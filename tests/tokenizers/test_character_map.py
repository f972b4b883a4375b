"""A model's own normalization against the `tokenizers` library's, with made-up rules."""

import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers.normalizers import Precompiled
from tools.character_tables import character_table

from textgraft.tokenizers.character_map import CharacterMap
from textgraft.tokenizers.sentence_piece_file import character_rules

# Each kind that clusters know: accents of two and three bytes, marks, joiners, signs, syllables whole and in parts.
LETTERS = (
    "ae\u00e9\u0301\u0344\u20dd\u0903 \r\n\x01"
    "\u200b\u200d\u2122\u2764\u0600\u0915\u094d\u0958\u1100\u1161\u11a8\uac00\uac01\U0001f1e6"
)
TEXT = st.text(st.sampled_from(LETTERS), max_size=12)
RULES = st.dictionaries(st.text(st.sampled_from(LETTERS), min_size=1, max_size=4), TEXT, max_size=12)


@settings(max_examples=100, deadline=None)
@example(rules={"a": ""}, texts=["\r"])
@given(rules=RULES, texts=st.lists(TEXT, min_size=1, max_size=20))
def test_as_the_reference_normalizes(rules, texts):
    table = character_table({"a": "A", **rules})
    found = CharacterMap(character_rules(table))(tf.constant([text.encode() for text in texts]))
    assert [text.decode() for text in found.numpy()] == [Precompiled(table).normalize_str(text) for text in texts]


def test_every_code_point_joins_what_the_reference_joins():
    table = character_table({"a": "A", "\u0344": "B", "\u2122": "C"})
    codes = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = [f"a{code}\u0344\u0301{code}\u200d\u2122\u0301" for code in codes]
    found = CharacterMap(character_rules(table))(tf.constant([text.encode() for text in texts])).numpy()
    reference = Precompiled(table)
    assert [text for text, one in zip(texts, found, strict=True) if one.decode() != reference.normalize_str(text)] == []
