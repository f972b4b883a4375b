"""Exports of annotation tools are read as texts with entities or labels."""

import json
from random import Random

import pytest

from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset
from textgraft.data.tagged import load_tagged, read_tagged
from textgraft.errors import DataError
from textgraft.task_specs import infer_task

TEXTS = ["🙂 Ada met Zoé", "Nobody here", "Omar saw Ada"]
SPANS = [[(2, 5, "PER"), (10, 13, "PER")], [], [(0, 4, "PER"), (9, 12, "PER")]]
ROWS = list(zip(TEXTS, SPANS, strict=True))


def utf16(text, offset):
    return len(text[:offset].encode("utf-16-le")) // 2


def entities(text, spans, **more):
    return [{"start": start, "end": end, "label": label, **more} for start, end, label in spans]


def prodigy(text, spans, answer="accept", **more):
    tokens = [{"text": word, "start": 0, "end": 1, "id": 0, "ws": True} for word in text.split()]
    spelled = {"spans": entities(text, spans, token_start=0, token_end=1, source="x")} if spans else {}
    return {"text": text, "_task_hash": 3, "tokens": tokens, **spelled, "answer": answer, **more}


def label_studio(text, spans, **more):
    result = [
        {
            "type": "labels", "from_name": "label", "to_name": "text", "id": "x",
            "value": {"start": utf16(text, start), "end": utf16(text, end), "text": text[start:end], "labels": [label]},
        }
        for start, end, label in spans
    ]  # fmt: skip
    return {"id": 1, "data": {"body": text, "id": 7}, "annotations": [{"result": result}], "predictions": [], **more}


def label_studio_min(text, spans):
    parts = [{"start": start, "end": end, "text": text[start:end], "labels": [label]} for start, end, label in spans]
    return {"id": 3, "text": text, **({"ner": parts} if parts else {}), "annotator": 1, "annotation_id": 4}


def argilla(text, spans):
    value = [{"value": entities(text, spans), "user_id": "x", "status": "submitted"}]
    return {"id": "x", "fields": {"text": text}, "suggestions": {}, "responses": {"spans": value}}


def argilla_1(text, spans):
    return {"fields": {"text": text}, "suggestions": [],
            "responses": [{"status": "submitted", "values": {"ner": {"value": entities(text, spans)}}}]}  # fmt: skip


def argilla_legacy(text, spans):
    annotation = [[label, start, end] for start, end, label in spans]
    return {"text": text, "inputs": None, "tokens": text.split(), "prediction": None, "annotation": annotation,
            "status": "Validated"}  # fmt: skip


ITEMS = {
    "doccano": [{"id": 3, "text": text, "label": spans} for text, spans in ROWS],
    "doccano objects": [
        {"id": 3, "text": text, "relations": [], "Comments": [],
         "entities": [{"id": 1, "label": label, "start_offset": start, "end_offset": end}
                      for start, end, label in spans]}
        for text, spans in ROWS
    ],
    "prodigy": [prodigy(*ROWS[2], answer="reject"), *(prodigy(*row) for row in ROWS), prodigy(*ROWS[0], "ignore")],
    "label studio": [
        *(label_studio(*row) for row in ROWS),
        {"id": 9, "data": {"body": "none"}, "annotations": []},
        {"id": 9, "data": {"body": "cancelled"}, "annotations": [{"result": [], "was_cancelled": True}]},
    ],
    "label studio min": [label_studio_min(*row) for row in ROWS],
    "spacy": [[text, {"entities": spans}] for text, spans in ROWS],
    "spacy object": [{"classes": ["PER"], "annotations": [[text, {"entities": spans}] for text, spans in ROWS]}],
    "argilla": [argilla(*row) for row in ROWS],
    "argilla 1": [argilla_1(*row) for row in ROWS],
    "argilla legacy": [argilla_legacy(*row) for row in ROWS],
    "lists": [
        {"text": text, "spans": {key: [one[key] for one in entities(text, spans)] for key in ("start", "end", "label")}}
        for text, spans in ROWS
    ],
}  # fmt: skip


def jsonl(items):
    return "".join(json.dumps(item) + "\n" for item in items)


@pytest.mark.parametrize("extension", ["json", "jsonl"])
@pytest.mark.parametrize("tool", ITEMS)
def test_exported_spans_are_entities(write, tool, extension):
    path = write(f"a.{extension}", json.dumps(ITEMS[tool]) if extension == "json" else jsonl(ITEMS[tool]))
    assert infer_task(str(path), Reading()) == "token-classification"
    data = load_tagged(path)
    assert [(row.text, row.spans) for row in data] == ROWS
    assert data.label_names == ["PER"]


def test_rejected_and_unannotated_rows_are_counted_and_kept_in_prediction(write):
    path = write("a.jsonl", jsonl(ITEMS["prodigy"]))
    notices = [f"{path}: 1 row dropped: their answer is {answer}" for answer in ("reject", "ignore")]
    assert list(load_tagged(path).notices) == notices
    assert list(load_tagged(path, text="text", label="spans").notices) == notices
    assert len(list(read_tagged(str(path), None, Reading()))) == 5
    path = write("b.jsonl", jsonl(ITEMS["label studio"]))
    assert f"{path}: 2 rows dropped: they have no annotation" in load_tagged(path).notices
    path = write("c.jsonl", jsonl([prodigy(*ROWS[0], answer="ignore")]))
    with pytest.raises(DataError, match=r"no row can be used \(1 row: their answer is ignore\)"):
        load_tagged(path)


def test_first_of_several_annotations_is_read(write):
    item = label_studio(*ROWS[0])
    item["annotations"].append({"result": []})
    path = write("a.jsonl", jsonl([item]))
    data = load_tagged(path)
    assert next(iter(data)).spans == SPANS[0]
    assert f"{path}: 1 row: several annotations, of which the first is read" in data.notices


def choices(*options):
    return [{"type": "choices", "value": {"choices": [*options]}}]


CHOICES = {
    "prodigy": lambda text, label: {"text": text, "accept": [*label], "options": [], "answer": "accept"},
    "prodigy binary": lambda text, label: {"text": text, "label": label, "answer": "accept"},
    "label studio": lambda text, label: {"data": {"t": text}, "annotations": [{"result": choices(label)}]},
    "spacy": lambda text, label: [text, {"cats": {"a": float(label == "a"), "b": label == "b"}}],
    "argilla": lambda text, label: {"fields": {"t": text}, "responses": {}, "suggestions": {"q": {"value": label}}},
    "argilla legacy": lambda text, label: {
        "inputs": {"text": text}, "annotation": label, "prediction": None, "status": "Validated"
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "labels", "expected"),
    [*((tool, ["a", "b"], ["a", "b"]) for tool in CHOICES), ("prodigy", ["a", "bc"], ['["a"]', '["b", "c"]'])],
)
def test_exported_choices_are_labels(write, tool, labels, expected):
    path = write("a.jsonl", jsonl(map(CHOICES[tool], "xy", labels)))
    assert infer_task(str(path), Reading()) == "text-classification"
    data = load_dataset(path)
    assert [text.decode() for batch in data.batches() for text in batch.texts] == ["x", "y"]
    assert data.labels.tolist() == expected


def questions_of_label_studio(text, tone, topics):
    answers = {"tone": {"choices": [tone]}, "topics": {"choices": [*topics]},
               "ner": {"start": 0, "end": 1, "labels": ["X"]}}  # fmt: skip
    result = [{"from_name": name, "value": value} for name, value in answers.items()]
    return {"data": {"t": text}, "annotations": [{"result": result}]}


def questions_of_argilla(text, tone, topics):
    answers = {"tone": tone, "topics": [*topics], "ner": [{"start": 0, "end": 1, "label": "X"}]}
    return {"fields": {"t": text}, "responses": {name: [{"value": answer}] for name, answer in answers.items()}}


@pytest.mark.parametrize("item", [questions_of_label_studio, questions_of_argilla])
def test_several_questions_are_columns(write, item):
    path = write("a.json", json.dumps([item("x", "a", "pq"), item("y", "b", "q")]))
    assert load_dataset(path).columns == ("text", "entities", "tone", "topics")
    assert load_dataset(path, label="tone").labels.tolist() == ["a", "b"]
    assert load_dataset(path, label="topics").label_names == ["p", "q"]
    assert load_tagged(path).label_names == ["X"]


def test_label_studio_csv_is_entities(write):
    cells = [json.dumps([{"start": s, "end": e, "text": text[s:e], "labels": [label]} for s, e, label in spans])
             for text, spans in ROWS]  # fmt: skip
    cells[1] = ""
    quoted = [cell.replace('"', '""') for cell in cells]
    rows = "".join(
        f'{text},{number},"{cell}",1\n' for number, (text, cell) in enumerate(zip(TEXTS, quoted, strict=True))
    )
    path = write("a.csv", "text,id,label,annotator\n" + rows)
    assert infer_task(str(path), Reading()) == "token-classification"
    data = load_tagged(path)
    assert [(row.text, row.spans) for row in data] == ROWS
    assert data.notices == (f"{path}: 1 empty cells are read as texts without entities",)


def test_lists_as_pandas_writes_them_are_entities(write):
    rows = "".join(f'{text},"{spans}"\n' for text, spans in ROWS)
    path = write("a.csv", "text,annotations\n" + rows)
    assert infer_task(str(path), Reading()) == "token-classification"
    assert [row.spans for row in load_tagged(path)] == SPANS


def test_spacy_documents_are_words_with_tags(write):
    tokens = [{"orth": word, "ner": tag} for word, tag in (("Ada", "B-PER"), ("Byron", "L-PER"), ("came", "-"))]
    path = write("a.jsonl", jsonl([{"id": 0, "paragraphs": [{"raw": "x", "sentences": [{"tokens": tokens}] * 2}]}]))
    assert infer_task(str(path), Reading()) == "token-classification"
    data = load_tagged(path)
    assert [(row.text, row.spans) for row in data] == [("Ada Byron came", [(0, 9, "PER")])] * 2


@pytest.mark.parametrize("tool", ITEMS)
@pytest.mark.parametrize("item", [3, None, [], {}, ["a"], {"data": 3}, {"fields": []}, [None, {}], "a"])
def test_foreign_items_are_reported_with_their_line(write, tool, item):
    path = write("a.jsonl", jsonl([ITEMS[tool][1 if tool == "prodigy" else 0], item]))
    with pytest.raises(DataError) as caught:
        load_tagged(path)
    assert "line 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_of_labels_and_names_are_no_entities(write):
    path = write("a.jsonl", jsonl([{"text": "x", "label": ["a", "b"]}, {"text": "y", "label": []}]))
    assert infer_task(str(path), Reading()) == "text-classification"


def damaged(value, random):
    """A value of which some parts are missing or replaced by others."""
    if random.random() < 0.04:
        return random.choice([None, 3, -1, 1.5, "", "x", [], {}, ["a"], {"a": 1}, True, [[0, 1, "X"]], 10**30])
    if isinstance(value, dict):
        return {key: damaged(part, random) for key, part in value.items() if random.random() > 0.01}
    return [damaged(part, random) for part in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("tool", [*ITEMS, *CHOICES])
def test_damaged_exports_are_read_or_reported_in_one_line(write, tool):
    random, messages = Random(0), list[str]()
    items = ITEMS.get(tool) or [CHOICES[tool]("x", "a"), CHOICES[tool]("y", "b")]
    for _ in range(30):
        path = write("a.jsonl", jsonl([damaged(item, random) for item in items]))
        for read in (load_tagged, load_dataset, lambda source: list(read_tagged(str(source), None, Reading()))):
            try:
                read(path)
            except DataError as error:
                messages.append(str(error))
    assert messages
    assert "\n" not in "".join(messages)
