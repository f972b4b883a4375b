"""Reading tokenizer.json, a Hugging Face tokenizer in one file; features without graph ops are refused."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json, read_optional_json

NAME, CONFIG, ADDED_TOKENS = "tokenizer.json", "tokenizer_config.json", "added_tokens.json"

# Steps between float64 numbers, more than the error of a quotient of two rounded numbers; and limits of the library.
_MAX_STEPS, _MAX_EXPONENT, _MAX_MANTISSA = 4, 23, 2**64


@dataclass(frozen=True)
class AddedTokens:
    """Tokens that are never split.

    Attributes:
        special: all of them.
        stripping: those that absorb the white space before them.
        normalized: those that are searched in normalized texts, in their normalized form.
    """

    special: tuple[str, ...]
    stripping: tuple[str, ...] = ()
    normalized: tuple[str, ...] = ()


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
        """Tokens of the model (`ids`) and added tokens, in the order of their ids, of which the model has the first.

        Raises:
            PresetError: when a token has two ids, or see `ordered`.
        """
        all_ids = dict(ids)
        for record in self._added:
            token, token_id = record["content"], record["id"]
            if all_ids.setdefault(token, token_id) != token_id:
                raise PresetError(
                    f"{self.path}: token {token!r:.40} has the ids {all_ids[token]} and {token_id}; download the "
                    "preset again"
                )
        ordered(ids, self.path)  # the reference ignores the id of an added token that fills a gap in the model
        return ordered(all_ids, self.path)

    @property
    def added_tokens(self) -> AddedTokens:
        """Tokens that are never split.

        Raises:
            PresetError: for a token with an unsupported flag.
        """
        for token in self._added:
            if flags := [flag for flag in ("single_word", "rstrip") if token.get(flag)]:
                raise self.unsupported(f"the added token {token['content']!r:.60} with {flags[0]}")
        return added_tokens(self._added, normalizes=bool(self.normalizers))

    @property
    def _added(self) -> list[dict[str, Any]]:
        return list(self._content.get("added_tokens") or [])

    def _part(self, name: str) -> dict[str, Any]:
        part = self._content.get(name) or {}
        if not isinstance(part, dict):
            raise PresetError(f"{self.path}: its {name} is not a JSON object; download the preset again")
        return part


def added_tokens(records: Iterable[Mapping[str, Any]], normalizes: bool = False) -> AddedTokens:
    """Added tokens from the records of a tokenizer.json or a tokenizer_config.json.

    `normalizes` is whether the tokenizer normalizes texts.
    """
    records = list(records)
    in_normalized = [record.get("normalized") and not record.get("special") for record in records]
    return AddedTokens(
        tuple(record["content"] for record in records),
        tuple(record["content"] for record in records if record.get("lstrip")),
        tuple(record["content"] for record, flag in zip(records, in_normalized, strict=True) if normalizes and flag),
    )


def with_added_tokens(vocabulary: Sequence[str], folder: Path, normalizes: bool) -> tuple[list[str], AddedTokens]:
    """A vocabulary from a file of its own, with the tokens that a folder without tokenizer.json adds to it.

    They are in added_tokens.json and in added_tokens_decoder of tokenizer_config.json.

    Raises:
        PresetError: when the ids of added tokens do not follow those of the vocabulary.
    """
    path = folder / ADDED_TOKENS
    records = {
        token: {"content": token, "id": token_id, "normalized": True}
        for token, token_id in read_optional_json(path).items()
    }
    for token_id, record in read_optional_json(folder / CONFIG).get("added_tokens_decoder", {}).items():
        records[record["content"]] = {**record, "id": int(token_id)}
    added = sorted((record["id"], token) for token, record in records.items() if record["id"] >= len(vocabulary))
    for expected, (token_id, token) in enumerate(added, len(vocabulary)):
        if token_id != expected:
            raise PresetError(f"{path}: token {token!r:.40} has id {token_id}, expected {expected}")
    return [*vocabulary, *(token for _, token in added)], added_tokens(records.values(), normalizes)


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


def written_for_reference(value: float) -> str:
    """A number in JSON that the `tokenizers` library reads as `value`, or else as one of the nearest; see above."""
    for number in _neighbours(value):
        if parsed_as_reference(number) == value:
            return repr(number)
    # === Digits beyond those of any float64: mantissas whose quotient by a power of ten is the value ===
    for exponent in range(_MAX_EXPONENT):
        power = float(10**exponent)
        for mantissa in _neighbours(float(round(abs(value) * power))):
            if mantissa.is_integer() and mantissa < _MAX_MANTISSA and mantissa / power == abs(value):
                return f"{'-' * (value < 0)}{int(mantissa)}e-{exponent}"
    return repr(value)


def _neighbours(value: float) -> Iterator[float]:
    """A number, and those before and after it, the nearest first."""
    yield value
    below = above = value
    for _ in range(_MAX_STEPS):
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
        yield from (below, above)


def _sequence(part: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    if not part:
        return []
    return list(part[key]) if part.get("type") == "Sequence" else [dict(part)]
