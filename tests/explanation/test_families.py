"""Integrated gradients of the networks and tokenizers of all families."""

from pathlib import Path

import pytest

import textgraft as tg
from tests.helpers.families import TRANSFORMERS

pytestmark = pytest.mark.slow  # compiles the network of each family

GOLDEN = Path(__file__).parents[1] / "golden"
TEXT = "It was  dull, and it's 東京 too!"


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_parts_of_words_sum_to_the_change_of_the_value(family):
    model = tg.TextClassifier(GOLDEN / family, ["a", "b"], "float32")
    (explanation,) = model.explain(TEXT)
    assert explanation.completeness_error < 0.05
    assert explanation.attributions.sum() == pytest.approx(explanation.value - explanation.baseline, rel=0.05)
    assert sum(word.attribution != 0 for word in explanation.words) >= len(explanation.words) - 2
