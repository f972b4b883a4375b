"""Verifications of exported models as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgraft.cli.output.log import describe_proof
from textgraft.errors import counted

if TYPE_CHECKING:
    from textgraft.export.exporting import Verification

_MEGABYTE = 10**6


def describe_verification(verification: Verification) -> str:
    """A line about the format, its size, what it needs and lacks, and the compared answers."""
    without = "".join(f" without its {name}" for name in verification.left_out)
    needs = f"; it needs {', '.join(verification.needs)}" if verification.needs else ""
    proof = f"; {describe_proof(verification.proof)}" if verification.proof else ""
    origin = "network in int8" if verification.proof else "model"
    return (
        f"{verification.format}, {verification.bytes / _MEGABYTE:,.0f} MB{proof}; the answers to "
        f"{counted(verification.texts, 'text')} are those of the {origin}{without} (largest difference "
        f"{verification.largest_difference:.1e}){needs}"
    )
