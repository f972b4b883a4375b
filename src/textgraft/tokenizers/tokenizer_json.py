"""tokenizer.json, the one file of a Hugging Face tokenizer: its parts, and what of them can be done here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json

NAME = "tokenizer.json"
CONFIG = "tokenizer_config.json"


@dataclass(frozen=True)
class AddedTokens:
    """Tokens that are found whole in a text.

    Attributes:
        special: all of them.
        stripping: those that take the white space before them along.
    """

    special: tuple[str, ...]
    stripping: tuple[str, ...] = ()


class TokenizerJson:
    """An open tokenizer.json.

    Attributes:
        path: the file.
        model: its "model".
        normalizers: type and settings of each step before splitting.
        splitters: type and settings of each step of splitting.
    """

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            PresetError: when it is damaged.
        """
        self.path = path
        self._content = read_json(path)
        self.model = self._part("model")
        self.normalizers = _steps(self._part("normalizer"), "normalizers")
        self.splitters = _steps(self._part("pre_tokenizer"), "pretokenizers")

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """That of a folder, or None where there is none."""
        return cls(folder / NAME) if (folder / NAME).exists() else None

    def require(self, part: Mapping[str, Any], **values: tuple[Any, ...]) -> None:
        """Refuse a part whose settings are not among those that can be done here; one that is absent is none of them.

        Raises:
            PresetError: naming the setting.
        """
        for name, possible in values.items():
            if name in part and part[name] not in possible:
                expected = " or ".join(repr(value) for value in possible)
                raise self.refusal(f"{name} {part[name]!r:.60} of {part.get('type', 'it')}; it must be {expected}")

    def refusal(self, what: str) -> PresetError:
        """The error that says what cannot be done."""
        return PresetError(f"{self.path}: its tokenizer has {what}, which textgraft does not compute")

    def vocabulary(self, ids: Mapping[str, int]) -> list[str]:
        """Tokens in the order of their ids.

        Args:
            ids: those of the model; the added tokens' are put to them.

        Raises:
            PresetError: when an id is missing or used twice.
        """
        added = {token["content"]: token["id"] for token in self._added}
        return ordered({**ids, **added}, self.path)

    @property
    def added_tokens(self) -> AddedTokens:
        """Those that are found whole in a text.

        Raises:
            PresetError: for one that is found in another way than as it stands.
        """
        for token in self._added:
            flags = [flag for flag in ("single_word", "rstrip") if token.get(flag)]
            if self.normalizers and token.get("normalized") and not token.get("special"):
                flags.append("normalized")
            if flags:
                raise self.refusal(f"the added token {token['content']!r:.60} with {flags[0]}")
        return added_tokens(self._added)

    @property
    def _added(self) -> list[dict[str, Any]]:
        return list(self._content.get("added_tokens") or [])

    def _part(self, name: str) -> dict[str, Any]:
        part = self._content.get(name) or {}
        if not isinstance(part, dict):
            raise PresetError(f"{self.path}: its {name} is no JSON object; fetch the preset again")
        return part


def added_tokens(tokens: Iterable[Mapping[str, Any]]) -> AddedTokens:
    """From the records of a tokenizer.json or a tokenizer_config.json."""
    listed = list(tokens)
    names = tuple(token["content"] for token in listed)
    return AddedTokens(names, tuple(token["content"] for token in listed if token.get("lstrip")))


def ordered(ids: Mapping[str, int], path: Path) -> list[str]:
    """Tokens in the order of their ids.

    Raises:
        PresetError: when an id is missing or used twice.
    """
    tokens = sorted(ids, key=ids.__getitem__)
    for number, token in enumerate(tokens):
        if ids[token] != number:
            raise PresetError(f"{path}: token {token!r:.40} has id {ids[token]} where {number} is expected")
    return tokens


def number_as_read(number: float) -> float:
    """A number of the file as the reference reads it: the digits, then their quotient, each rounded once.

    That may be the neighbour of the nearest float64, which decides between ways to split that are equally probable.
    """
    sign, digits, exponent = Decimal(repr(float(number))).as_tuple()
    if not isinstance(exponent, int):
        return number  # none that is written in digits
    whole, power = float("".join(map(str, digits))), float(f"1e{abs(exponent)}")
    value = whole / power if exponent < 0 else whole * power
    return -value if sign else value


def _steps(part: Mapping[str, Any], listed: str) -> list[dict[str, Any]]:
    if not part:
        return []
    return list(part[listed]) if part.get("type") == "Sequence" else [dict(part)]
