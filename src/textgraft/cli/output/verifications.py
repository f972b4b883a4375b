"""Verifications of model folders and exported models as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgraft.cli.output.log import describe_proof
from textgraft.errors import counted

if TYPE_CHECKING:
    from textgraft.export.exporting import Verification
    from textgraft.tasks.verification import ModelVerification

_MEGABYTE = 10**6


def describe_times(verification: Verification) -> str:
    """The seconds of each part, and of all."""
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in verification.seconds.items())
    return f"{sum(verification.seconds.values()):.1f} s: {parts}"


def describe_model_verification(verification: ModelVerification) -> str:
    """A line about the compared answers of a model folder."""
    if not verification.texts:
        return "its files are unaltered; it has no answers to compare with"
    return (
        f"its files are unaltered; the answers to {counted(verification.texts, 'text')} in {verification.precision} "
        f"are those that it gave when it was saved (largest difference {verification.largest_difference:.1e})"
    )


def describe_verification(verification: Verification) -> str:
    """A line about the format, its size and operations, what it needs and lacks, and the compared answers."""
    without = f" without its {' and its '.join(verification.left_out)}" if verification.left_out else ""
    needs = f"; it needs {', '.join(verification.needs)}" if verification.needs else ""
    operations = f"; {len(verification.operations)} operations" if verification.operations else ""
    operations += ", all of them TensorFlow's own" if operations and not needs else ""
    proof = f"; {describe_proof(verification.proof)}" if verification.proof else ""
    origin = "network in int8" if verification.proof else "model"
    return (
        f"{verification.format}, {verification.bytes / _MEGABYTE:,.0f} MB{proof}; the answers to "
        f"{counted(verification.texts, 'text')} are those of the {origin}{without} (largest difference "
        f"{verification.largest_difference:.1e}){operations}{needs}"
    )
