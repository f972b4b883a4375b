"""Byte-level BPE of GPT-2, OPT and RoBERTa; token ids equal those of the `tokenizers` library."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json, read_optional_json, read_preset_lines
from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import VOCABULARY, SpecialNames, Tokenizer, to_lines
from textgraft.tokenizers.byte_pair_ops import BYTE_SYMBOLS, BytePair, symbol_bytes
from textgraft.tokenizers.files import MERGES
from textgraft.tokenizers.tokenizer_json import AddedTokens, TokenizerJson, with_added_tokens

_EMPTY = ("", None)

Merges = Sequence[tuple[str, str]]


class BytePairTokenizer(Tokenizer):
    """Reads vocab.json and merges.txt, or tokenizer.json alone."""

    space_before_words = True

    def __init__(
        self,
        vocabulary: Sequence[str],
        merges: Merges,
        special_tokens: Sequence[str],
        stripping: Sequence[str] = (),
        add_prefix_space: bool = False,
    ) -> None:
        """Build the graph; for the arguments see `BytePair`.

        Raises:
            ValueError: when the vocabulary lacks a byte, a special token or a token of the merges.
        """
        settings = {"special_tokens": list(special_tokens), "stripping": list(stripping)}
        super().__init__(vocabulary, {**settings, "add_prefix_space": add_prefix_space})
        _require_merges(vocabulary, merges)
        self._merges = merges
        self._graph = BytePair(
            vocabulary, merges, special_tokens, add_prefix_space=add_prefix_space, stripping=stripping
        )

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        config = read_optional_json(folder / tokenizer_json.CONFIG)
        settings: Mapping[str, Any] = {}
        if (folder / tokenizer_json.NAME).exists():
            file = TokenizerJson(folder)
            vocabulary, merges, settings = _from_json(file)
            added = file.added_tokens
        elif (folder / "vocab.json").exists():
            vocabulary = tokenizer_json.ordered(read_json(folder / "vocab.json"), folder / "vocab.json")
            merges, added = _read_merges(folder / MERGES), configured_tokens(config, special)
            vocabulary, more = with_added_tokens(vocabulary, folder, normalizes=False)
            added = AddedTokens(tuple(dict.fromkeys((*added.special, *more.special))), added.stripping)
        else:
            raise PresetError(f"{folder} has neither vocab.json nor tokenizer.json; copy one into it")
        prefix = config.get("add_prefix_space", settings.get("add_prefix_space", False))
        return cls(vocabulary, merges, added.special, added.stripping, prefix)

    @classmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        assets, config = folder / "assets/tokenizer", read_optional_json(folder / "tokenizer.json").get("config", {})
        vocabulary = tokenizer_json.ordered(read_json(assets / "vocabulary.json"), assets / "vocabulary.json")
        merges, added = _read_merges(assets / MERGES), configured_tokens({}, special)
        return cls(vocabulary, merges, added.special, added.stripping, bool(config.get("add_prefix_space", False)))

    @classmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        return cls(read_preset_lines(folder / VOCABULARY), _read_merges(folder / MERGES), **settings)

    def assets(self) -> dict[str, bytes]:
        return {**super().assets(), MERGES: to_lines(map(" ".join, self._merges))}

    def token_bytes(self, token_id: int) -> bytes:
        token = self.vocabulary[token_id]
        return token.encode() if token in self._settings["special_tokens"] else symbol_bytes(token)

    def with_words(self, words: Sequence[Sequence[int]]) -> tuple[Self, list[Sequence[int]]]:
        known, merges, new = set(self.vocabulary), list(self._merges), dict[str, Sequence[int]]()
        for ids in words:
            word = self.vocabulary[ids[0]]
            for end in range(1, len(ids)):
                pair = word, self.vocabulary[ids[end]]
                word = "".join(pair)
                if word not in known:
                    known.add(word)
                    merges.append(pair)
                    new[word] = ids[: end + 1]
        return type(self)([*self.vocabulary, *new], merges, **self._settings), [*new.values()]

    def hugging_face_parts(self) -> dict[str, Any]:
        byte_level = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
        return {
            "normalizer": None,
            "pre_tokenizer": {**byte_level, "add_prefix_space": self._settings["add_prefix_space"]},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": {token: token_id for token_id, token in enumerate(self.vocabulary)},
                "merges": list(map(" ".join, self._merges)),  # readers of any age know this form
            },
            "decoder": {**byte_level, "add_prefix_space": True},
        }

    def hugging_face_settings(self) -> dict[str, Any]:
        return {"add_prefix_space": self._settings["add_prefix_space"]}

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._graph(texts)


def _from_json(file: TokenizerJson) -> tuple[list[str], Merges, dict[str, Any]]:
    """The vocabulary, the merges and the settings of the splitter."""
    file.require(
        file.model,
        type=("BPE",),
        dropout=(None, 0.0),
        continuing_subword_prefix=_EMPTY,
        end_of_word_suffix=_EMPTY,
        byte_fallback=(False,),
        ignore_merges=(False,),
    )
    if file.normalizers:
        raise file.unsupported(f"the normalizer {file.normalizers[0].get('type')}")
    if [splitter.get("type") for splitter in file.splitters] != ["ByteLevel"]:
        raise file.unsupported(f"the splitters {[splitter.get('type') for splitter in file.splitters]}")
    file.require(file.splitters[0], use_regex=(True,))
    merges = [_pair(merge, file.path) for merge in file.model["merges"]]
    return file.vocabulary(file.model["vocab"]), merges, file.splitters[0]


def configured_tokens(config: Mapping[str, Any], special: SpecialNames) -> AddedTokens:
    """Special tokens of a tokenizer_config.json, or else the family's, whose mask absorbs the space before it."""
    if records := config.get("added_tokens_decoder"):
        return tokenizer_json.added_tokens(records.values())
    return AddedTokens(special.all, (special.mask,) if special.mask else ())


def _read_merges(path: Path) -> Merges:
    lines = read_preset_lines(path)
    return [_pair(line, path) for line in lines[lines[0].startswith("#version") :] if line]


def _pair(merge: str | Sequence[str], path: Path) -> tuple[str, str]:
    parts = merge.split(" ") if isinstance(merge, str) else merge
    if len(parts) != 2:
        raise PresetError(f"{path}: {merge!r:.60} is not a pair of tokens; download the preset again")
    return parts[0], parts[1]


def _require_merges(vocabulary: Sequence[str], merges: Merges) -> None:
    known = set(vocabulary)
    if missing := [symbol for symbol in BYTE_SYMBOLS if symbol not in known]:
        raise ValueError(f"the vocabulary lacks {len(missing)} of the 256 bytes; is it byte-level?")
    for left, right in merges:
        if not {left, right, left + right} <= known:
            raise ValueError(f"the merges join {left!r:.40} and {right!r:.40}, which the vocabulary lacks")
