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
PER_TYPE = 100  # cases with scores per type; the others have macro averages


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
    """Micro and macro precision, recall and F1 of each case; for the first cases also per type, with support."""
    corpus_pairs = cases(mode.split()[1])
    averages = [[average_scores(mode, "micro", *case), average_scores(mode, "macro", *case)] for case in corpus_pairs]
    return {"micro_and_macro": averages, "per_type": [scores(mode, *case) for case in corpus_pairs[:PER_TYPE]]}


def average_scores(mode: str, average: str, true: Corpus, predicted: Corpus) -> list[float]:
    """Precision, recall and F1; zeros when no type occurs, where seqeval is undefined."""
    types = scores(mode, true, predicted)[3]
    return scores(mode, true, predicted, average)[:3] if types else [0.0, 0.0, 0.0]


def scores(mode: str, true: Corpus, predicted: Corpus, average: str | None = None) -> list:
    """Precision, recall, F1 and support, to twelve digits; lists by type without `average`."""
    if mode.startswith("strict"):
        values = strict_scores(true, predicted, average=average, scheme=MODES[mode])
    else:
        values = precision_recall_fscore_support(true, predicted, average=average)
    return [np.vectorize(lambda score: float(f"{score:.12g}"), otypes=[float])(value).tolist() for value in values]


if __name__ == "__main__":
    main()
