"""Hints of personal data: how many texts have e-mail addresses, telephone numbers and the like, never the values."""

import re
from collections.abc import Callable, Iterator

from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import CheckedData
from textgraft.data_checks.finding import NOTE, Finding, rows_of
from textgraft.errors import counted

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# International, American with separators, or with a leading 0.
_TELEPHONE = re.compile(
    r"(?<![\w+])\+\d[\d ().-]{6,18}\d(?!\d)"
    r"|(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"
    r"|(?<![\w.-])(?<!\d )0\d{1,4}[ /-]\d{3,4}[ -]?\d{3,5}(?![\w.-])(?! \d)"
)
_CARD = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
_MIN_DIGITS, _MAX_DIGITS = 8, 15  # of a telephone number (E.164)


class PersonalData(Check):
    """Counts of texts that may have personal data."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        for split, dataset in data.splits.items():
            rows: dict[str, list[int]] = {kind: [] for kind in PATTERNS}
            row = 0
            for batch in dataset.batches():
                for text in batch.joined:
                    for kind in kinds_of(text.decode()):
                        rows[kind].append(row)
                    row += 1
            for kind, matching in rows.items():
                if matching:
                    yield Finding(
                        f"personal data: {kind}",
                        NOTE,
                        len(matching),
                        f"{dataset.source}: {counted(len(matching), 'text')} may have {kind}",
                        "remove or mask them if they are personal",
                        rows_of(dataset, split, matching),
                    )


def kinds_of(text: str) -> list[str]:
    """The kinds of personal data that a text may have."""
    if text.isascii() and not re.search(r"[@\d]", text):
        return []
    return [
        kind for kind, (pattern, valid) in PATTERNS.items() if any(valid(match[0]) for match in pattern.finditer(text))
    ]


def _is_telephone(value: str) -> bool:
    return _MIN_DIGITS <= sum(map(str.isdigit, value)) <= _MAX_DIGITS


def is_card_number(value: str) -> bool:
    """Whether the digits pass Luhn's test, and are not all the same."""
    digits = [int(character) for character in value if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(value: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 7064, modulo 97)."""
    compact = value.replace(" ", "")
    moved = compact[4:] + compact[:4]
    return len(compact) >= 15 and int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _is_address(value: str) -> bool:
    return all(int(part) < 256 for part in value.split("."))


PATTERNS: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "e-mail addresses": (_EMAIL, bool),
    "telephone numbers": (_TELEPHONE, _is_telephone),
    "card numbers": (_CARD, is_card_number),
    "IBANs": (_IBAN, is_iban),
    "IPv4 addresses": (_IPV4, _is_address),
}
