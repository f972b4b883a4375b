"""The JSON of annotation tools, in forms that their own packages accept (argilla 2, label-studio-sdk 2)."""

import pytest

from textgraft.data.predicted_entities import Entity
from textgraft.suggestions.annotation_tools import AnsweredText, ArgillaRecords, LabelStudioTasks

ENTITY = Entity("Ada", "PER", 0, 3, 0.9)


def row(answer, confidence, texts=("Ada met Charles",)):
    return AnsweredText(7, texts, {"id": 1}, answer, confidence, 0.2)


@pytest.mark.parametrize(
    ("answer", "confidence", "results", "score"),
    [
        ("a", 0.9, [("choices", {"choices": ["a"]})], 0.9),
        (True, 0.9, [("choices", {"choices": ["True"]})], 0.9),
        (["a", "b"], [0.9, 0.8], [("choices", {"choices": ["a", "b"]})], 0.85),
        ([], [], [], None),
        (3.5, None, [("number", {"number": 3.5})], None),
        ([ENTITY], 0.9, [("labels", {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]})], 0.9),
    ],
)
def test_label_studio_has_the_answer_as_a_prediction(answer, confidence, results, score):
    item = LabelStudioTasks("model").item(row(answer, confidence))
    assert item["data"] == {"id": 1, "text": "Ada met Charles"}
    (prediction,) = item["predictions"]
    assert [(result["type"], result["value"]) for result in prediction["result"]] == results
    assert prediction["score"] == score


@pytest.mark.parametrize(
    ("answer", "confidence", "value", "score"),
    [
        ("a", 0.9, "a", 0.9),
        (["a", "b"], [0.9, 0.8], ["a", "b"], [0.9, 0.8]),
        (3.5, None, "3.5", None),
        ([ENTITY], 0.9, [{"start": 0, "end": 3, "label": "PER"}], [0.9]),
    ],
)
def test_argilla_has_the_answer_as_a_suggestion(answer, confidence, value, score):
    record = ArgillaRecords("model").item(row(answer, confidence, ("first", "second")))
    assert record["fields"] == {"text": "first", "pair": "second"}
    assert record["id"] == "7"
    assert record["suggestions"] == {"label": {"value": value, "score": score, "agent": "model"}}


def test_text_without_an_answer_has_no_suggestion():
    for confidence in ([], None):  # of a set of labels, and of entities
        assert ArgillaRecords("model").item(row([], confidence))["suggestions"] == {}
