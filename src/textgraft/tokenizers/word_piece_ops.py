"""WordPiece as BERT's reference tokenizer does it, as graph ops.

The reference is the `tokenizers` library's BertNormalizer, BertPreTokenizer and WordPiece; the tests compare with it
on every Unicode code point.

References:
    Devlin et al., 2018, https://arxiv.org/abs/1810.04805
    Song et al., 2020, https://arxiv.org/abs/2012.15524
"""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.text.string_ops import escaped, lower

MAX_CHARACTERS_PER_WORD = 100
_MAX_BYTES_PER_CHARACTER = 4

# Unicode noncharacters: no text holds them once it is normalized, so each can stand for one special token.
_FIRST_PLACEHOLDER = 0xFDD0
NONCHARACTERS = frozenset(map(chr, [*range(0xFDD0, 0xFDF0), 0xFFFE]))
_PLACEHOLDERS = "\ufdd0-\ufdef"
MOST_SPECIAL = 32  # placeholders

# The reference's tables stop at Unicode 8: to it these later marks, signs and controls are letters of unknown words.
_LATER_THAN_UNICODE_8 = (
    "61d 7fd 890-891 898-89f 8ca-8e2 9fd-9fe a76 afa-aff b55 c04 c3c c77 c84 d00 d3b-d3c d81 eba ece "
    "180f 1885-1886 1abf-1ace 1b7d-1b7e 1df6-1dfb 2e43-2e4f 2e52-2e5d a82c a8c5 a8ff a9bd 10d24-10d27 10eab-10ead "
    "10efd-10eff 10f46-10f50 10f55-10f59 10f82-10f89 11070 11073-11074 110c2 110cd 111cf 1123e 11241 1133b "
    "11438-1143f 11442-11444 11446 1144b-1144f 1145a-1145b 1145d-1145e 11660-1166c 116b9 1182f-11837 11839-1183b "
    "1193b-1193c 1193e 11943-11946 119d4-119d7 119da-119db 119e0 119e2 11a01-11a0a 11a33-11a38 11a3b-11a47 "
    "11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a9c 11a9e-11aa2 11b00-11b09 11c30-11c36 11c38-11c3d 11c3f "
    "11c41-11c45 11c70-11c71 11c92-11ca7 11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a 11d3c-11d3d "
    "11d3f-11d45 11d47 11d90-11d91 11d95 11d97 11ef3-11ef4 11ef7-11ef8 11f00-11f01 11f36-11f3a 11f40 11f42-11f4f "
    "11fff 12ff1-12ff2 13430-13440 13447-13455 16e97-16e9a 16f4f 16fe2 16fe4 1cf00-1cf2d 1cf30-1cf46 1e000-1e006 "
    "1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e944-1e94a "
    "1e95e-1e95f"
)
_UNKNOWN_LETTER = "\ufffe"

_WHITESPACE = "\\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CJK = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}"
    r"\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
_PUNCTUATION = r"[!-/:-@\[-`{-~\pP\x{166D}]"  # U+166D and U+1734 have changed category since
_ACCENTS = r"[\p{Mn}\x{1734}]"

_LATER = "".join(
    "-".join(f"\\x{{{code_point}}}" for code_point in span.split("-")) for span in _LATER_THAN_UNICODE_8.split()
)


class WordPiece:
    """Texts to token ids with a WordPiece vocabulary."""

    def __init__(
        self, vocabulary: Sequence[str], special_tokens: Sequence[str], *, lowercase: bool, strip_accents: bool
    ) -> None:
        """Build the vocabulary's trie.

        Args:
            vocabulary: tokens in the order of their ids.
            special_tokens: tokens that are found whole in a text, such as "[SEP]"; "[UNK]" must be one of them.
            lowercase: lower-case the text (uncased models).
            strip_accents: delete accents (uncased models).
        """
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self._placeholders = {token: chr(_FIRST_PLACEHOLDER + i) for i, token in enumerate(special_tokens)}
        self._pieces = tf_text.FastWordpieceTokenizer(
            vocab=[self._placeholders.get(token, token) for token in vocabulary],
            unknown_token=self._placeholders["[UNK]"],
            max_bytes_per_word=MAX_CHARACTERS_PER_WORD * _MAX_BYTES_PER_CHARACTER,
            no_pretokenization=True,
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize.

        Args:
            texts: string tensor of shape (n,), UTF-8.

        Returns:
            int32 ragged tensor of shape (n, None), without any token added at the ends.
        """
        return tf.cast(self._pieces.tokenize(self.words(texts)).merge_dims(1, 2), tf.int32)

    def words(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """What is then split into pieces: string ragged (n, None), special tokens as noncharacters among them."""
        return self._words(self._normalize(texts))

    def _normalize(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.strings.regex_replace(texts, f"[{_PLACEHOLDERS}{_LATER}]", _UNKNOWN_LETTER)
        for token, placeholder in self._placeholders.items():
            texts = tf.strings.regex_replace(texts, escaped(token), f" {placeholder} ")
        texts = tf.strings.regex_replace(texts, r"[\t\n\r]", " ")
        texts = tf.strings.regex_replace(texts, r"[\x00\pC\x{FFFD}]", "")
        texts = tf.strings.regex_replace(texts, _CJK, r" \0 ")
        if self.strip_accents:
            texts = tf.strings.regex_replace(tf_text.normalize_utf8(texts, "NFD"), _ACCENTS, "")
        return lower(texts) if self.lowercase else texts

    def _words(self, texts: tf.Tensor) -> tf.RaggedTensor:
        words = tf_text.regex_split(
            texts,
            delim_regex_pattern=f"[{_WHITESPACE}]+|{_PUNCTUATION}|[{_PLACEHOLDERS}]",
            keep_delim_regex_pattern=f"{_PUNCTUATION}|[{_PLACEHOLDERS}]",
        )
        too_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > MAX_CHARACTERS_PER_WORD
        return words.with_flat_values(tf.where(too_long, self._placeholders["[UNK]"], words.flat_values))
