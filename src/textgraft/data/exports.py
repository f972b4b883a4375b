"""Exports of annotation tools as rows of texts and their labels: Prodigy, Label Studio, spaCy and Argilla.

Each tool writes items of its own shape, which JSON lines and JSON arrays hold alike. doccano's are plain rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from textgraft.errors import DataError

JsonObject = dict[str, Any]
# Raised for an item that is not as its tool writes it.
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)

_TEXT, _LABEL, _ENTITIES = "text", "label", "entities"
_KNOWN_COLUMNS = (_ENTITIES, "spans", _LABEL, "labels")


class Export(ABC):
    """The items of one source."""

    def __init__(self, sample: Sequence[Any]) -> None:  # noqa: B027 - some exports are not looked into
        """`sample` are those of the first items that match, at least one."""

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


class LabelExport(Export):
    """Items with one label each, or a list of labels."""

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        self._several = any(len(self._labels(item)) > 1 for item in sample)

    @abstractmethod
    def _labels(self, item: Any) -> list[Any]:
        """The labels of an item; empty where it has none."""

    def _choice(self, item: Any) -> Any:
        return _choice(self._labels(item), self._several)


class Plain(Export):
    """Objects whose keys are the columns."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        return True

    def records(self, item: Any) -> list[JsonObject]:
        if not isinstance(item, dict):
            raise DataError("not an object; write each row as {...}")
        return [item]


class Prodigy(LabelExport):
    """Prodigy's `db-out`: ner.manual and spans, textcat with a label to accept, and choices."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        answered = isinstance(item, dict) and item.get("answer") in ("accept", "reject", "ignore")
        return answered and _TEXT in item and bool(item.keys() & {"_task_hash", "spans", "tokens", "accept", _LABEL})

    def records(self, item: Any) -> list[JsonObject]:
        record = {name: value for name, value in item.items() if not _is_token_list(name, value)}
        if "options" in item or "accept" in item:
            record[_LABEL] = self._choice(item)
        elif _LABEL not in item or "spans" in item:
            record["spans"] = item.get("spans") or []
        return [record]

    def unusable(self, item: Any) -> str:
        answer = item.get("answer", "accept")
        if answer != "accept":
            return f"their answer is {answer if answer in ('reject', 'ignore') else 'not accept'}"
        return "no option is accepted" if "options" in item and not item.get("accept") else ""

    def _labels(self, item: Any) -> list[Any]:
        return item.get("accept") or []


class QuestionExport(Export):
    """Items whose annotators answer one or several questions, each by spans or by labels.

    The only question with spans is the column "entities", the only one with labels is "label"; others keep their names.
    """

    # The answer to a question with spans of an item that has answers to others only.
    no_spans: ClassVar[list[Any] | None] = None

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        answers = [(name, answer) for item in sample for name, answer in self._answers(item).items()]
        self._spans = list(dict.fromkeys(name for name, answer in answers if _are_spans(answer)))
        labels = list(dict.fromkeys(name for name, _ in answers if name not in self._spans))
        self._several = {name for name, answer in answers if isinstance(answer, list) and len(answer) > 1}
        self._columns = {
            name: column if len(names) == 1 else name
            for column, names in ((_ENTITIES, self._spans), (_LABEL, labels))
            for name in names
        } or {_ENTITIES: _ENTITIES}

    def records(self, item: Any) -> list[JsonObject]:
        answers = self._answers(item)
        record = _with_text(self._fields(item))
        for name, column in self._columns.items():
            answer = answers.get(name)
            if name in self._spans or column == _ENTITIES:
                record[column] = self.no_spans if answer is None else answer
            else:
                labels = answer if isinstance(answer, list) else [] if answer is None else [answer]
                record[column] = _choice(labels, name in self._several)
        return [record]

    @abstractmethod
    def _fields(self, item: Any) -> JsonObject:
        """The text of an item, and what else it has."""

    @abstractmethod
    def _answers(self, item: Any) -> JsonObject:
        """The answers by question: a list of spans, a label or a list of labels."""


class LabelStudio(QuestionExport):
    """Label Studio's JSON: spans, choices and ratings of the first annotation of each task."""

    no_spans: ClassVar[list[Any] | None] = []

    @classmethod
    def matches(cls, item: Any) -> bool:
        return (
            isinstance(item, dict)
            and isinstance(item.get("data"), dict)
            and bool(item.keys() & {"annotations", "completions"})
        )

    def unusable(self, item: Any) -> str:
        if not _annotations(item):
            return "they have no annotation"
        return "" if _ENTITIES in self._columns.values() or self._spans or self._answers(item) else "no choice is made"

    def remark(self, item: Any) -> str:
        return "several annotations, of which the first is read" if len(_annotations(item)) > 1 else ""

    def _fields(self, item: Any) -> JsonObject:
        return item["data"]  # type: ignore[no-any-return]

    def _answers(self, item: Any) -> JsonObject:
        answers: JsonObject = {}
        for part in (_annotations(item) or [{}])[0].get("result") or ():
            value = part.get("value") or {}
            if labels := value.get("labels", value.get("hypertextlabels")):
                bounds = value.get("globalOffsets") or value
                entity = {"start": bounds.get("start"), "end": bounds.get("end"), _LABEL: labels}
                answer = [entity | ({_TEXT: value[_TEXT]} if isinstance(value.get(_TEXT), str) else {})]
            else:
                answer = value.get("choices") or ([str(value["rating"])] if "rating" in value else [])
            if answer:
                answers.setdefault(str(part.get("from_name") or _LABEL), []).extend(answer)
        return answers


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


class SpacyTuples(LabelExport):
    """spaCy's [text, {"entities": [[start, end, label]]}] or [text, {"cats": {label: 0 or 1}}]."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict)

    def records(self, item: Any) -> list[JsonObject]:
        if not self.matches(item):
            raise DataError('not [text, {"entities": [...]}], as the first rows are')
        text, annotations = item
        if "cats" in annotations and not annotations.get(_ENTITIES):
            return [{_TEXT: text, _LABEL: self._choice(item)}]
        return [{_TEXT: text, _ENTITIES: annotations.get(_ENTITIES, [])}]

    def _labels(self, item: Any) -> list[Any]:
        """The labels of spaCy's {label: 0 or 1}."""
        categories = item[1].get("cats") or {}
        return [name for name, value in categories.items() if value is True or (value and float(value) >= 0.5)]


class SpacyTrainingData(Export):
    """An object whose "annotations" are spaCy's tuples, as web annotators for spaCy write them."""

    def __init__(self, sample: Sequence[Any]) -> None:
        self._tuples = SpacyTuples(
            [part for item in sample for part in item["annotations"] if SpacyTuples.matches(part)]
        )

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


class Argilla(QuestionExport):
    """Argilla's records: fields, and the first submitted response to each question, or else its suggestion."""

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, dict) and isinstance(item.get("fields"), dict) and "responses" in item

    def unusable(self, item: Any) -> str:
        return "" if self._answers(item) else "they have no response or suggestion"

    def remark(self, item: Any) -> str:
        submitted = self._answers(item).keys() <= _argilla_responses(item).keys()
        return "" if submitted else "they lack a submitted response; the suggestion is read"

    def _fields(self, item: Any) -> JsonObject:
        return item["fields"]  # type: ignore[no-any-return]

    def _answers(self, item: Any) -> JsonObject:
        suggestions = item.get("suggestions") or {}
        if isinstance(suggestions, list):
            suggestions = {str(part.get("question_name")): part for part in suggestions}
        suggested = {name: part.get("value") for name, part in suggestions.items()}
        answers = {**suggested, **_argilla_responses(item)}
        return {name: answer for name, answer in answers.items() if answer is not None}


class ArgillaLegacy(LabelExport):
    """Records of Argilla 1: an annotation beside a prediction."""

    def __init__(self, sample: Sequence[Any]) -> None:
        super().__init__(sample)
        self._column = _ENTITIES if any(_are_spans(item.get("annotation")) for item in sample) else _LABEL

    @classmethod
    def matches(cls, item: Any) -> bool:
        return isinstance(item, dict) and {"annotation", "prediction", "status"} <= item.keys()

    def records(self, item: Any) -> list[JsonObject]:
        texts = item if isinstance(item.get(_TEXT), str) else item.get("inputs") or {}
        label = item["annotation"] if self._column == _ENTITIES else self._choice(item)
        return [{_TEXT: texts.get(_TEXT), self._column: label}]

    def unusable(self, item: Any) -> str:
        if item.get("status") == "Discarded":
            return "they are discarded"
        return "they have no annotation" if item.get("annotation") is None else ""

    def _labels(self, item: Any) -> list[Any]:
        annotation = item.get("annotation")
        return annotation if isinstance(annotation, list) else [] if annotation is None else [annotation]


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


def _choice(labels: list[Any], several: bool) -> Any:
    """The only label of a list, None without one; the list where the source has rows with several."""
    if several:
        return labels
    if len(labels) > 1:
        raise DataError(f"{len(labels)} labels, where the first rows have one each; move the row to the beginning")
    return labels[0] if labels else None


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
