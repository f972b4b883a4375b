"""Texts by which the answers of a model are compared: ordinary ones, and those that break tokenizers."""

from collections.abc import Sequence

ORDINARY = (
    "A great film: funny, moving and beautifully shot.",
    "The plot was thin, the acting worse, and I left before the end.",
    "Shares fell 3.5 % on Tuesday after the company cut its forecast for the year.",
    "Who wrote the first symphony in C major, and when was it performed?",
    "My order #4711 arrived two weeks late and the box was open; please refund $19.99.",
    "Two goals in the last minute took the home team to the final in Munich.",
    "it's not bad, but it isn't what we'd hoped for",
    "THIS IS AMAZING!!! Best. Purchase. Ever.",
)
NASTY = (
    "",
    " ",
    "\t\n\r",
    "a",
    "cliché naïve façade Ångström e\u0301 o\u0308\u0323",
    "it´s a ‘quoted’ “word” – or — two…",
    "İstanbul ısı straße ẞ ﬁne ﬂow ΟΔΥΣΣΕΥΣ",
    "Москва столица России",
    "東京は日本の首都です。中文没有空格，标点不同！",
    "한국어 띄어쓰기 텍스트",
    "ภาษาไทยไม่มีช่องว่าง हिन्दी में लिखा हुआ",
    "العَرَبِيَّة مع التشكيل שָׁלוֹם עוֹלָם",
    "😀 😃🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪",
    "zero\u200bwidth soft\u00adhyphen non\u00a0breaking line\u2028break \ufeffmark",
    "con\x00trol\x01 \x1besc \x7fdel \x85nel \x97",
    "\ufffd replaced \uffff \U0010ffff private \ue000",
    "[CLS] [SEP] [MASK] [PAD] [UNK] <s> </s> <mask> <|endoftext|>",
    "##ing ## #hashtag @user http://example.com/path?query=1&b=2#frag",
    "1,234.56 $99.99 50% 3/4 ½ ² ① Ⅷ",
    "<br /><b>film</b> &amp; that &#39;one&#39;",
    "x" * 120,
    "漢" * 300,
    "one two three four five " * 400,
    "!" * 500,
)
GOLDEN_TEXTS = (*ORDINARY, *NASTY)


def golden_texts(pairs: bool) -> Sequence[str | tuple[str, str]]:
    """The texts for a model of single texts, or of pairs."""
    return [(text, text[::-1]) for text in GOLDEN_TEXTS] if pairs else GOLDEN_TEXTS
