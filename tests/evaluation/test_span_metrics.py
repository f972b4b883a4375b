"""Span metrics equal those of seqeval and nervaluate; the interval agrees with resampling the sentences."""

import json
from itertools import pairwise

import numpy as np
import pytest
from nervaluate import Evaluator

from tests.golden.tag_sequences import CASES, LABELS, SEED, cases
from tests.helpers.paths import GOLDEN
from textgraft.data.tags import Span, spans_from_tags, tags_from_spans
from textgraft.errors import DataError
from textgraft.evaluation.span_metrics import MATCHINGS, OUTCOMES, span_metrics

SEQEVAL = json.loads((GOLDEN / "seqeval.json").read_text())
COMPARED = 300  # of the golden cases
NAMES = ("precision", "recall", "f1")


def strict_spans(tags, scheme):
    """The spans that are tagged exactly as the scheme demands."""
    spans = spans_from_tags(tags)
    expected = tags_from_spans(spans, len(tags), scheme)
    return [span for span in spans if tags[span.start : span.end] == expected[span.start : span.end]]


@pytest.mark.parametrize("mode", ["default IOB2", "strict IOB2", "strict IOBES"])
def test_metrics_equal_seqeval(mode):
    assert (SEQEVAL["seed"], SEQEVAL["cases"]) == (SEED, CASES)
    kind, scheme = mode.split()
    expected = SEQEVAL[mode]
    metrics = []
    for sides in cases(scheme)[:COMPARED]:
        true, predicted = (
            [strict_spans(tags, scheme) if kind == "strict" else spans_from_tags(tags) for tags in side]
            for side in sides
        )
        metrics.append(span_metrics(true, predicted))
    averages = [[[case[name] for name in NAMES], [case[f"macro_{name}"] for name in NAMES]] for case in metrics]
    np.testing.assert_allclose(averages, expected["micro_and_macro"][:COMPARED], rtol=0, atol=1e-9)
    for case, per_type in zip(metrics, expected["per_type"], strict=False):
        columns = [[scores[name] for scores in case["per_type"].values()] for name in (*NAMES, "support")]
        np.testing.assert_allclose(columns, per_type, rtol=0, atol=1e-9)


def random_spans(random, length, labels=LABELS):
    """Sorted spans without overlaps, some adjacent; in a long text, some are longer than a hundred words."""
    bounds = np.sort(random.choice(length, int(random.integers(2, 12)), replace=False)).tolist()
    spans = [Span(*pair, str(random.choice(labels))) for pair in pairwise(bounds)]
    return [span for span in spans if random.random() < 0.6]


def as_nervaluate(sentences):
    return [[{"start": s.start, "end": s.end - 1, "label": s.label} for s in spans] for spans in sentences]


@pytest.mark.parametrize(("length", "labels"), [(12, LABELS), (20, LABELS[:1]), (40, LABELS[:2]), (2000, LABELS)])
def test_schemes_equal_nervaluate(length, labels):
    random = np.random.default_rng(length)
    partial_matches = 0
    for _ in range(40):
        sides = [[random_spans(random, length, labels) for _ in range(4)] for _ in range(2)]
        expected = Evaluator(*map(as_nervaluate, sides), tags=list(LABELS), loader="dict").evaluate()
        schemes = span_metrics(*sides)["schemes"]
        assert set(expected["entities"]) == set(schemes["strict"]["per_type"])
        for scheme in MATCHINGS:
            pairs = [(expected["overall"][scheme], schemes[scheme])]
            pairs += [
                (expected["entities"][label][scheme], values) for label, values in schemes[scheme]["per_type"].items()
            ]
            for theirs, ours in pairs:
                assert [ours[name] for name in OUTCOMES] == [getattr(theirs, name) for name in OUTCOMES]
                assert [ours[name] for name in NAMES] == pytest.approx([getattr(theirs, n) for n in NAMES], abs=1e-9)
                partial_matches += ours["partial"]
    assert partial_matches


def test_the_order_of_spans_does_not_matter():
    random = np.random.default_rng(0)
    true, predicted = ([random_spans(random, 40) for _ in range(50)] for _ in range(2))
    assert span_metrics([spans[::-1] for spans in true], [spans[::-1] for spans in predicted]) == span_metrics(
        true, predicted
    )


def test_the_interval_agrees_with_resampling_the_sentences():
    random = np.random.default_rng(1)
    true = [random_spans(random, 12) for _ in range(300)]
    predicted = [[span for span in spans if random.random() < 0.7] + [Span(20, 22, "PER")] for spans in true]
    metrics = span_metrics(true, predicted)
    hits = np.array([len(set(t) & set(p)) for t, p in zip(true, predicted, strict=True)])
    spans = np.array([len(t) + len(p) for t, p in zip(true, predicted, strict=True)])
    rows = random.integers(0, 300, (4000, 300))
    f1 = 2 * hits[rows].sum(axis=1) / spans[rows].sum(axis=1)
    np.testing.assert_allclose(metrics["f1_interval"], np.quantile(f1, [0.025, 0.975]), atol=0.006)
    assert metrics["f1_interval"][0] < metrics["f1"] < metrics["f1_interval"][1]


def test_metrics_are_json_values_and_iterators_suffice():
    sides = [[Span(0, 2, "PER")], []], [[Span(0, 2, "PER")], [Span(1, 2, "LOC")]]
    metrics = span_metrics(*map(iter, sides))
    assert json.loads(json.dumps(metrics)) == metrics
    assert metrics["sentences"] == 2
    assert metrics["per_type"]["PER"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    assert (metrics["precision"], metrics["recall"], metrics["macro_recall"]) == (0.5, 1.0, 0.5)


def test_metrics_without_spans_are_zero():
    metrics = span_metrics([[], []], [[], []])
    assert (metrics["f1"], metrics["macro_f1"], metrics["f1_interval"], metrics["per_type"]) == (
        0.0,
        0.0,
        [0.0, 0.0],
        {},
    )
    assert span_metrics([], [])["f1_interval"] == [0.0, 0.0]


def test_overlapping_spans_and_missing_sentences_are_refused():
    with pytest.raises(DataError, match="sentence 2: predicted spans"):
        span_metrics([[], []], [[], [Span(0, 3, "PER"), Span(2, 4, "LOC")]])
    with pytest.raises(ValueError, match="shorter"):
        span_metrics([[], []], [[]])
