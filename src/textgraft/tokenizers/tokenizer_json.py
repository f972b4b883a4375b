"""Reading tokenizer.json, a Hugging Face tokenizer in one file; features without graph ops are refused."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json

NAME, CONFIG = "tokenizer.json", "tokenizer_config.json"


@dataclass(frozen=True)
class AddedTokens:
    """Tokens that are never split.

    Attributes:
        special: all of them.
        stripping: those that absorb the white space before them.
    """

    special: tuple[str, ...]
    stripping: tuple[str, ...] = ()


class TokenizerJson:
    """The tokenizer.json of a folder; the constructor raises a PresetError when it is missing or damaged.

    Attributes:
        model: the object "model".
        normalizers: type and settings of each normalizer.
        splitters: type and settings of each pre-tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._content = read_json(self.path)
        self.model = self._part("model")
        self.normalizers = _sequence(self._part("normalizer"), "normalizers")
        self.splitters = _sequence(self._part("pre_tokenizer"), "pretokenizers")

    def require(self, part: Mapping[str, Any], **supported: tuple[Any, ...]) -> None:
        """Raise a PresetError unless the settings of a part are absent or have supported values."""
        for name, values in supported.items():
            if name in part and part[name] not in values:
                expected = " or ".join(map(repr, values))
                raise self.unsupported(f"{name} {part[name]!r:.60} of {part.get('type', 'it')} (expected {expected})")

    def unsupported(self, feature: str) -> PresetError:
        """The error for a feature without graph ops."""
        return PresetError(f"{self.path}: its tokenizer has {feature}, which textgraft does not support")

    def vocabulary(self, ids: Mapping[str, int]) -> list[str]:
        """Tokens of the model (`ids`) and added tokens, in the order of their ids; errors: see `ordered`."""
        return ordered({**ids, **{token["content"]: token["id"] for token in self._added}}, self.path)

    @property
    def added_tokens(self) -> AddedTokens:
        """Tokens that are never split.

        Raises:
            PresetError: for a token with an unsupported flag.
        """
        for token in self._added:
            flags = [flag for flag in ("single_word", "rstrip") if token.get(flag)]
            if self.normalizers and token.get("normalized") and not token.get("special"):
                flags.append("normalized")
            if flags:
                raise self.unsupported(f"the added token {token['content']!r:.60} with {flags[0]}")
        return added_tokens(self._added)

    @property
    def _added(self) -> list[dict[str, Any]]:
        return list(self._content.get("added_tokens") or [])

    def _part(self, name: str) -> dict[str, Any]:
        part = self._content.get(name) or {}
        if not isinstance(part, dict):
            raise PresetError(f"{self.path}: its {name} is not a JSON object; download the preset again")
        return part


def added_tokens(records: Iterable[Mapping[str, Any]]) -> AddedTokens:
    """Added tokens from the records of a tokenizer.json or a tokenizer_config.json."""
    tokens = [(record["content"], record.get("lstrip")) for record in records]
    return AddedTokens(tuple(token for token, _ in tokens), tuple(token for token, strips in tokens if strips))


def ordered(ids: Mapping[str, int], path: Path) -> list[str]:
    """Tokens in the order of their ids.

    Raises:
        PresetError: when an id is missing or used twice.
    """
    tokens = sorted(ids, key=ids.__getitem__)
    for expected, token in enumerate(tokens):
        if ids[token] != expected:
            raise PresetError(f"{path}: token {token!r:.40} has id {ids[token]}, expected {expected}")
    return tokens


def parsed_as_reference(number: float) -> float:
    """A number as the `tokenizers` library parses it.

    Mantissa and power of ten are rounded separately, then multiplied. The result can differ from the nearest float64 in
    the last bit, which decides between segmentations of equal score.
    """
    if not math.isfinite(number):
        return number
    mantissa, _, exponent_digits = repr(abs(float(number))).partition("e")
    units, _, fraction = mantissa.partition(".")
    exponent = int(exponent_digits or 0) - len(fraction)
    integer, power = float(units + fraction), float(f"1e{abs(exponent)}")
    value = integer / power if exponent < 0 else integer * power
    return -value if number < 0 else value


def _sequence(part: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    if not part:
        return []
    return list(part[key]) if part.get("type") == "Sequence" else [dict(part)]
