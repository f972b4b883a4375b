"""Make tests/golden/seqeval.json: what seqeval says of random tags, well-formed and malformed.

Run by hand in an environment that has seqeval (the group `goldens` of pyproject.toml):

    python -m tools.make_span_golden
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.scheme import IOB2, IOBES

from tests.golden.tag_sequences import CASES, SEED, Corpus, cases

FILE = Path(__file__).parents[1] / "tests" / "golden" / "seqeval.json"
MODES = {"default IOB2": None, "strict IOB2": IOB2, "strict IOBES": IOBES}
PER_TYPE = 100  # of the cases; macro averages tell of the others


def main() -> None:
    """Score all cases in every mode."""
    warnings.simplefilter("ignore")
    scores = {mode: mode_scores(mode) for mode in MODES}
    made_with = f"seqeval {version('seqeval')}"
    FILE.write_text(
        json.dumps({"seed": SEED, "cases": CASES, "made_with": made_with} | scores).replace("]], [[", "]],\n[[")
    )
    print(f"{FILE.name}: {CASES} cases in {len(MODES)} modes, {made_with}")


def mode_scores(mode: str) -> dict[str, list]:
    """Micro and macro precision, recall and F1 of each case; of some also each type's, with its support."""
    drawn = cases(mode.split()[1])
    averages = [[averaged(mode, "micro", *case), averaged(mode, "macro", *case)] for case in drawn]
    return {"micro_and_macro": averages, "per_type": [scored(mode, *case) for case in drawn[:PER_TYPE]]}


def averaged(mode: str, average: str, true: Corpus, predicted: Corpus) -> list[float]:
    """Precision, recall and F1; zeros where no type occurs, of which seqeval has no average."""
    types = scored(mode, true, predicted)[3]
    return scored(mode, true, predicted, average)[:3] if types else [0.0, 0.0, 0.0]


def scored(mode: str, true: Corpus, predicted: Corpus, average: str | None = None) -> list:
    """Precision, recall, F1 and support, to twelve digits; a list each unless they are averaged."""
    if mode.startswith("strict"):
        values = strict_scores(true, predicted, average=average, scheme=MODES[mode])
    else:
        values = precision_recall_fscore_support(true, predicted, average=average)
    return [np.vectorize(lambda number: float(f"{number:.12g}"), otypes=[float])(value).tolist() for value in values]


if __name__ == "__main__":
    main()
