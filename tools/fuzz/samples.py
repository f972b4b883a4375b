"""Small valid files of tables, of which the fuzzer's inputs are made."""

import json
from collections.abc import Sequence
from typing import Any

_TEXTS = ("🙂 Ada met Zoé", "Nobody here", "Omar saw Ada")
_SPANS: tuple[list[tuple[int, int, str]], ...] = ([(2, 5, "PER"), (10, 13, "PER")], [], [(0, 4, "PER"), (9, 12, "PER")])

CSV = (
    "text,label\nA fine film,pos\nDull and long,neg\nNot bad at all,pos\n",
    'id,text,label\n1,"a, ""quoted"" text",x\n2,"two\nlines",y\n3,plain,x\n',
    "premise;hypothesis;gold_label\nA man eats;He eats;yes\nIt rains;It is dry;no\n",
    "text\tscore\nfine\t4.5\ndull\t1.25\n",
    "\ufefftext,toxic,rude,spam\r\none,0,1,0\r\ntwo,1,1,0\r\nthree,0,0,0\r\n",
    "sep=;\ntext;label\na;1\nb;2\n",
    "text\none\n\nthree\n",
    'text,tags\nfirst,"[""a"", ""b""]"\nsecond,"[]"\nthird,"[\'a\']"\n',
    "text,labels\none,a|b\ntwo,b\nthree,\n",
    "Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-per\n,met,VBD,O\n,Zoé,NNP,B-per\nSentence: 2,Rain,NN,O\n",
    "text,label\ncafé,été\nnaïve,août\n",
    ",text,label\n0,a b,1\n1,c d,0\n2,e f,1\n",
    'text,entities\nAda met Zoé,"[{""start"": 0, ""end"": 3, ""label"": ""PER""}]"\nNo,[]\nOmar,"[(0, 4, \'PER\')]"\n',
    "__label__a first text\n__label__b second text\n",
)
CONLL = (
    "Ada\tB-PER\nmet\tO\nZoé\tB-PER\n\nRain\tO\n",
    "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\n\nPeter NNP B-NP B-PER\n"
    "Blackburn NNP I-NP I-PER\n",
    "# id 1\n1\tAda\tB-PER\t_\n2\tmet\tO\t_\n\n# id 2\n1\tZoé\tB-PER\t_\n2\tran\tO\t_\n",
    "1-2\tdu\tO\n1\tde\tO\n2\tle\tO\n3\tParis\tB-LOC\n\n1\tOui\tO\n2\t.\tO\n",
    "巴 B-LOC\n黎 E-LOC\n很 O\n大 O\n\n我 S-PER\n",
    "Ada B-PER\r\nmet O\r\n\r\nOmar U-PER\r\n",
    "# a comment\nAda I-PER\nByron I-PER\nZoé B-PER\nmet O\n",
)


def _entities(text: str, spans: Sequence[tuple[int, int, str]], **more: Any) -> list[Any]:
    return [{"start": start, "end": end, "label": label, **more} for start, end, label in spans]


def _label_studio(text: str, spans: Sequence[tuple[int, int, str]]) -> dict[str, Any]:
    result = [
        {"type": "labels", "from_name": "label", "value": {**entity, "text": text[entity["start"] : entity["end"]]}}
        for entity in _entities(text, spans)
    ]
    for part in result:
        part["value"]["labels"] = [part["value"].pop("label")]
    return {"id": 1, "data": {"body": text, "id": 7}, "annotations": [{"result": result}], "predictions": []}


def _exports() -> dict[str, list[Any]]:
    rows = list(zip(_TEXTS, _SPANS, strict=True))
    token = {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True}
    word = {"orth": "Ada", "ner": "U-PER"}
    choices = [{"from_name": "q", "value": {"choices": ["a"]}}, {"from_name": "r", "value": {"rating": 3}}]
    spans = [{"value": _entities(*rows[0]), "status": "submitted"}]
    return {
        "doccano": [{"id": 3, "text": text, "label": spans} for text, spans in rows],
        "doccano objects": [
            {
                "id": 3,
                "text": text,
                "Comments": [],
                "entities": [
                    {"id": 1, "label": label, "start_offset": start, "end_offset": end} for start, end, label in spans
                ],
            }
            for text, spans in rows
        ],
        "prodigy": [
            {
                "text": text,
                "_task_hash": 3,
                "tokens": [token],
                "answer": answer,
                "spans": _entities(text, spans, source="x"),
            }
            for (text, spans), answer in zip(rows, ("accept", "reject", "accept"), strict=True)
        ],
        "prodigy choices": [
            {"text": "x", "accept": ["a"], "options": [{"id": "a"}, {"id": "b"}], "answer": "accept"},
            {"text": "y", "accept": ["a", "b"], "options": [{"id": "a"}], "answer": "accept"},
        ],
        "prodigy binary": [
            {"text": "x", "label": "a", "answer": "accept"},
            {"text": "y", "label": "a", "answer": "reject"},
        ],
        "label studio": [*(_label_studio(*row) for row in rows), {"data": {"body": "none"}, "annotations": []}],
        "label studio choices": [{"data": {"t": text}, "annotations": [{"result": choices}]} for text in _TEXTS],
        "label studio min": [
            {
                "id": 3,
                "text": text,
                "ner": _entities(text, spans),
                "annotator": 1,
                "annotation_id": 4,
                "q": {"choices": ["a"]},
            }
            for text, spans in rows
        ],
        "spacy": [[text, {"entities": spans}] for text, spans in rows],
        "spacy categories": [["x", {"cats": {"a": 1.0, "b": 0}}], ["y", {"cats": {"a": False, "b": True}}]],
        "spacy object": [{"classes": ["PER"], "annotations": [[text, {"entities": spans}] for text, spans in rows]}],
        "spacy documents": [
            {"id": 0, "paragraphs": [{"raw": "x", "sentences": [{"tokens": [word, word]}, {"tokens": []}]}]}
        ],
        "argilla": [
            {"id": "x", "fields": {"text": "🙂 Ada met Zoé"}, "suggestions": {}, "responses": {"spans": spans}}
        ],
        "argilla suggestions": [
            {"fields": {"t": text}, "responses": {}, "suggestions": {"q": {"value": "a"}, "r": {"value": ["a", "b"]}}}
            for text in _TEXTS
        ],
        "argilla 1": [
            {
                "fields": {"text": text},
                "suggestions": [{"question_name": "ner", "value": _entities(text, spans)}],
                "responses": [{"status": "submitted", "values": {"ner": {"value": _entities(text, spans)}}}],
            }
            for text, spans in rows
        ],
        "argilla legacy": [
            {
                "text": text,
                "inputs": None,
                "prediction": None,
                "status": "Validated",
                "annotation": [[label, start, end] for start, end, label in spans],
            }
            for text, spans in rows
        ],
        "argilla legacy labels": [
            {"inputs": {"text": text}, "annotation": "a", "prediction": None, "status": "Validated"} for text in _TEXTS
        ],
        "lists": [{"text": "Ada met Zoé", "spans": {"start": [0, 8], "end": [3, 11], "label": ["PER", "PER"]}}],
        "words": [
            {"tokens": ["Ada", "met", "Zoé"], "ner_tags": ["B-PER", "O", "B-PER"]},
            {"tokens": [], "ner_tags": []},
        ],
        "bytes": [{"text": "Zoé saw Zoë", "entities": [[0, 4, "PER"], [9, 13, "PER"]]}],
        "pipeline": [
            {
                "text": "Ada met",
                "entities": [{"entity_group": "PER", "score": 0.9, "word": "Ada", "start": 0, "end": 3}],
            }
        ],
    }


def json_lines(items: Sequence[Any]) -> str:
    """A file with an item per line."""
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


ANNOTATIONS = (
    *map(json_lines, _exports().values()),
    *(json.dumps(items, ensure_ascii=False) for items in _exports().values()),
)
_ROWS: list[dict[str, Any]] = [
    {"text": "A fine film", "label": "pos", "n": 1, "x": None, "y": [1, {"z": True}]},
    {"text": "Dull", "label": "neg", "n": 2.5e3, "more": "🙂"},
    {"text": "Zoé", "label": "pos"},
]
JSONL = (
    json_lines(_ROWS),
    json_lines([{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": 1}]),
    json_lines([{"text": "a", "label": True}, {"text": "b", "label": False}]),
    json_lines([{"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": []}, {"text": "c", "labels": ["y"]}]),
    json_lines([{"premise": "a", "hypothesis": "b", "label": 0.5}, {"premise": "c", "hypothesis": "d", "label": 1e-3}]),
    json.dumps(_ROWS),
    json.dumps({"data": _ROWS, "version": "1", "other": [1, 2]}),
    json.dumps({"text": ["a", "b"], "label": ["x", "y"]}),
    json.dumps({"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}),
    json.dumps({"0": {"text": "a", "label": "x"}, "1": {"text": "b", "label": "y"}}),
    json.dumps({"columns": ["text", "label"], "index": [0, 1], "data": [["a", "x"], ["b", "y"]]}),
    json.dumps({"schema": {"fields": [{"name": "text"}]}, "data": [{"text": "a", "label": "x"}]}),
    json.dumps(["first text", "second text"]),
    json.dumps(_ROWS, indent=2, ensure_ascii=False),
)
