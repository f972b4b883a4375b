"""Exports of annotation tools as rows of texts and their labels: Prodigy, Label Studio, spaCy and Argilla.

Each tool writes items of its own shape, which JSON lines and JSON arrays hold alike. doccano's are plain rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from textgraft.errors import DataError

JsonObject = dict[str, Any]
# Raised for an item that is not as its tool writes it.
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)

_TEXT, _LABEL, _ENTITIES = "text", "label", "entities"
_KNOWN_COLUMNS = (_ENTITIES, "spans", _LABEL, "labels")


class Export(ABC):
    """The items of one source."""

    def __init__(self, sample: Sequence[Any]) -> None:
        """`sample` are those of the first items that match, at least one."""
        self._several_labels = any(
            isinstance(label, list) and len(label) > 1 for item in sample for label in self._labels(item)
        )

    @classmethod
    @abstractmethod
    def matches(cls, item: Any) -> bool:
        """Whether an item has the shape of this tool's."""

    @abstractmethod
    def records(self, item: Any) -> list[JsonObject]:
        """The rows of an item; a DataError, without location, for a malformed one."""

    def unusable(self, item: Any) -> str:
        """Why the labels of an item are not to be learned; empty where they are."""
        return ""

    def remark(self, item: Any) -> str:
        """What the user should know about an item that is read; empty for nothing."""
        return ""

    def _labels(self, item: Any) -> Iterable[Any]:
        """The labels of an item that may be lists of labels."""
        return ()

    def _choice(self, labels: list[Any]) -> Any:
        """The one label of a list, or the list where the source has rows with several."""
        if self._several_labels:
            return labels
        if len(labels) > 1:
            raise DataError(f"{len(labels)} labels, where the first rows have one each; move the row to the beginning")
        return labels[0] if labels else None


class Plain(Export):
    """Objects whose keys are the columns."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        return True

    def records(self, item: Any) -> list[JsonObject]:
        if not isinstance(item, dict):
            raise DataError("not an object; write each row as {...}")
        return [item]


class Prodigy(Export):
    """Prodigy's `db-out`: ner.manual and spans, textcat with a label to accept, and choices."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        answered = isinstance(item, dict) and item.get("answer") in ("accept", "reject", "ignore")
        return answered and _TEXT in item and bool(item.keys() & {"_task_hash", "spans", "tokens", "accept", _LABEL})

    def records(self, item: Any) -> list[JsonObject]:
        record = {name: value for name, value in item.items() if not _is_token_list(name, value)}
        if "options" in item or "accept" in item:
            record[_LABEL] = self._choice(item.get("accept") or [])
        elif _LABEL not in item or "spans" in item:
            record["spans"] = item.get("spans") or []
        return [record]

    def unusable(self, item: Any) -> str:
        answer = item.get("answer", "accept")
        if answer != "accept":
            return f"their answer is {answer if answer in ('reject', 'ignore') else 'not accept'}"
        return "no option is accepted" if "options" in item and not item.get("accept") else ""

    def _labels(self, item: Any) -> Iterable[Any]:
        return (item.get("accept"),)


class LabelStudio(Export):
    """Label Studio's JSON: spans, choices and ratings of the first annotation of each task."""

    _SPANS: ClassVar[tuple[str, ...]] = ("labels", "hypertextlabels")

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        self._has_choices = any(_LABEL in self._values(item) for item in sample)
        self._has_spans = any(_ENTITIES in self._values(item) for item in sample) or not self._has_choices

    @classmethod
    def matches(cls, item: Any) -> bool:
        return (
            isinstance(item, dict)
            and isinstance(item.get("data"), dict)
            and bool(item.keys() & {"annotations", "completions"})
        )

    def records(self, item: Any) -> list[JsonObject]:
        values = self._values(item)
        record = _with_text(item["data"])
        if self._has_spans:
            record[_ENTITIES] = values.get(_ENTITIES, [])
        if self._has_choices:
            record[_LABEL] = self._choice(values.get(_LABEL, []))
        return [record]

    def unusable(self, item: Any) -> str:
        if not _annotations(item):
            return "they have no annotation"
        return "" if self._has_spans or self._values(item).get(_LABEL) else "no choice is made"

    def remark(self, item: Any) -> str:
        return "they have several annotations; the first is read" if len(_annotations(item)) > 1 else ""

    def _labels(self, item: Any) -> Iterable[Any]:
        return (self._values(item).get(_LABEL),)

    def _values(self, item: Any) -> JsonObject:
        """The spans and the choices of the first annotation, where it has any."""
        values: JsonObject = {}
        for annotation in _annotations(item)[:1]:
            for part in annotation.get("result") or ():
                value = part.get("value") or {}
                for kind in self._SPANS:
                    if kind in value:
                        bounds = value.get("globalOffsets") or value
                        entity = {"start": bounds.get("start"), "end": bounds.get("end"), _LABEL: value[kind]}
                        text = {_TEXT: value[_TEXT]} if isinstance(value.get(_TEXT), str) else {}
                        values.setdefault(_ENTITIES, []).append(entity | text)
                if "choices" in value:
                    values.setdefault(_LABEL, []).extend(value["choices"])
                elif "rating" in value:
                    values.setdefault(_LABEL, []).append(str(value["rating"]))
        return values


class LabelStudioMin(Export):
    """Label Studio's JSON-MIN, in which a text without a span has no key for them."""

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        lists = (name for item in sample for name, value in item.items() if _are_spans(value))
        self._name = next(lists, None)

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, dict) and {"annotation_id", "annotator"} <= item.keys()

    def records(self, item: Any) -> list[JsonObject]:
        record = {name: value["choices"] if _is_choices(value) else value for name, value in item.items()}
        if self._name is not None:
            name = self._name if self._name in _KNOWN_COLUMNS else _ENTITIES
            record[name] = record.pop(self._name, None) or []
        return [record]


class SpacyTuples(Export):
    """spaCy's [text, {"entities": [[start, end, label]]}] or [text, {"cats": {label: 0 or 1}}]."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict)

    def records(self, item: Any) -> list[JsonObject]:
        if not self.matches(item):
            raise DataError('not [text, {"entities": [...]}], as the first rows are')
        text, annotations = item
        if "cats" in annotations and not annotations.get(_ENTITIES):
            return [{_TEXT: text, _LABEL: self._choice(_categories(annotations["cats"]))}]
        return [{_TEXT: text, _ENTITIES: annotations.get(_ENTITIES, [])}]

    def _labels(self, item: Any) -> Iterable[Any]:
        return (_categories(item[1].get("cats")),) if self.matches(item) else ()


class SpacyTrainingData(Export):
    """An object whose "annotations" are spaCy's tuples, as web annotators for spaCy write them."""

    def __init__(self, sample: Sequence[Any]) -> None:
        self._tuples = SpacyTuples([part for item in sample for part in item["annotations"] if part is not None])

    @classmethod
    def matches(cls, item: Any) -> bool:
        annotations = item.get("annotations") if isinstance(item, dict) else None
        return isinstance(annotations, list) and any(map(SpacyTuples.matches, annotations))

    def records(self, item: Any) -> list[JsonObject]:
        tuples = (part for part in item["annotations"] if part is not None)
        return [record for part in tuples for record in self._tuples.records(part)]


class SpacyDocuments(Export):
    """spaCy 2's training format: sentences of tokens with BILOU tags in paragraphs."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, dict) and isinstance(item.get("paragraphs"), list)

    def records(self, item: Any) -> list[JsonObject]:
        sentences = [sentence for part in item["paragraphs"] for sentence in part.get("sentences", ())]
        return [
            {
                "tokens": [token.get("orth") for token in sentence.get("tokens", ())],
                "tags": [_bilou(token.get("ner")) for token in sentence.get("tokens", ())],
            }
            for sentence in sentences
        ]


class Argilla(Export):
    """Argilla's records: fields, and the first submitted response to a question, or else its suggestion."""

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        questions = dict.fromkeys(name for item in sample for name in self._answers(item))
        spans = [name for name in questions if any(_are_spans(self._answers(item).get(name)) for item in sample)]
        self._question = next(iter(spans or questions), "")
        self._column = _ENTITIES if spans else _LABEL

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, dict) and isinstance(item.get("fields"), dict) and "responses" in item

    def records(self, item: Any) -> list[JsonObject]:
        answer = self._answers(item).get(self._question)
        if self._column == _LABEL:
            answer = self._choice(answer if isinstance(answer, list) else [] if answer is None else [answer])
        return [{**_with_text(item["fields"]), self._column: answer}]

    def unusable(self, item: Any) -> str:
        return "" if self._answers(item).get(self._question) is not None else "they have no response or suggestion"

    def remark(self, item: Any) -> str:
        submitted = self._question in _argilla_responses(item)
        return "" if submitted else "they have no submitted response; their suggestion is read"

    def _labels(self, item: Any) -> Iterable[Any]:
        return (value for value in self._answers(item).values() if not _are_spans(value))

    def _answers(self, item: Any) -> JsonObject:
        suggestions = item.get("suggestions") or {}
        if isinstance(suggestions, list):
            suggestions = {part.get("question_name"): part for part in suggestions}
        suggested = {name: part.get("value") for name, part in suggestions.items()}
        return {**suggested, **_argilla_responses(item)}


class ArgillaLegacy(Export):
    """Records of Argilla 1: an annotation beside a prediction."""

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        self._column = _ENTITIES if any(_are_spans(item.get("annotation")) for item in sample) else _LABEL

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, dict) and {"annotation", "prediction", "status"} <= item.keys()

    def records(self, item: Any) -> list[JsonObject]:
        texts = item if isinstance(item.get(_TEXT), str) else item.get("inputs") or {}
        label = item["annotation"]
        if self._column == _LABEL and isinstance(label, list):
            label = self._choice(label)
        return [{_TEXT: texts.get(_TEXT), self._column: label}]

    def unusable(self, item: Any) -> str:
        if item.get("status") == "Discarded":
            return "they are discarded"
        return "they have no annotation" if item.get("annotation") is None else ""

    def _labels(self, item: Any) -> Iterable[Any]:
        return () if _are_spans(item.get("annotation")) else (item.get("annotation"),)


_EXPORTS = (
    Prodigy, LabelStudio, LabelStudioMin, SpacyTuples, SpacyTrainingData, SpacyDocuments, Argilla, ArgillaLegacy,
)  # fmt: skip


def find_export(sample: Sequence[Any]) -> Export:
    """The export of which these are the first items, by the first of them; plain rows if it is no tool's."""
    for export in _EXPORTS if sample else ():
        if export.matches(sample[0]):
            with suppress(*MALFORMED):
                return export([item for item in sample if export.matches(item)])
    return Plain(sample)


def _is_token_list(name: str, value: Any) -> bool:
    return name == "tokens" and isinstance(value, list) and all(isinstance(token, dict) for token in value)


def _is_choices(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"choices"} and isinstance(value["choices"], list)


def _are_spans(value: Any) -> bool:
    """Whether a value is a list of spans, each an object, or a list of a label and two numbers."""
    if not isinstance(value, list) or not value:
        return False
    objects = all(isinstance(part, dict) and "start" in part for part in value)
    return objects or all(isinstance(part, list) and len(part) == 3 for part in value)


def _annotations(item: JsonObject) -> list[JsonObject]:
    annotations = item.get("annotations", item.get("completions"))  # the latter before Label Studio 1
    return [annotation for annotation in annotations or () if not annotation.get("was_cancelled")]


def _with_text(values: JsonObject) -> JsonObject:
    """The plain values of a record; the only string is named text."""
    plain = {name: value for name, value in values.items() if not isinstance(value, dict | list)}
    strings = [name for name, value in plain.items() if type(value) is str]
    if _TEXT not in plain and len(strings) == 1:
        plain[_TEXT] = plain.pop(strings[0])
    return plain


def _categories(values: Any) -> list[str]:
    """The labels of spaCy's {label: 0 or 1}."""
    return [name for name, value in (values or {}).items() if value is True or (value and float(value) >= 0.5)]


def _bilou(tag: Any) -> str:
    """A tag; spaCy's "-", for an unknown one, is outside."""
    return "O" if tag in (None, "", "-") else str(tag)


def _argilla_responses(item: JsonObject) -> JsonObject:
    """The first submitted answer to each question."""
    responses = item.get("responses") or {}
    answers: JsonObject = {}
    if isinstance(responses, list):  # one object per annotator
        for response in responses:
            if response.get("status", "submitted") == "submitted":
                for name, answer in (response.get("values") or {}).items():
                    answers.setdefault(name, answer.get("value"))
        return answers
    for name, parts in responses.items():
        for part in parts or ():
            if (part.get("status") or "submitted") == "submitted":
                answers.setdefault(name, part.get("value"))
    return answers
