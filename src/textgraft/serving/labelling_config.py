"""The labeling configuration of a Label Studio project: the tags that a model's texts are in and its answers go to.

https://labelstud.io/tags
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

# Tags of answers, and the tags of labels in them, by kind of answer; see `ServedModel.answer_kind`.
_CONTROLS = {
    "label": ("choices", "choice"),
    "labels": ("choices", "choice"),
    "entities": ("labels", "label"),
    "value": ("number", ""),
}
_ALL_CONTROLS = frozenset(tag for tag, _ in _CONTROLS.values())
_LABEL_TAGS = frozenset(tag for _, tag in _CONTROLS.values() if tag)
_MAX_CHARACTERS = 1 << 18


@dataclass
class Control:
    """A tag that answers go to.

    Attributes:
        tag: its name in small letters, which is also the type of its results.
        name: `from_name` of results.
        to_name: name of the tag of the text.
        labels: what results call each label, by value and alias.
    """

    tag: str
    name: str
    to_name: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectTags:
    """Where the texts of a model are in a task, and where its answers go to.

    Attributes:
        keys: of the data of a task, one for each text of an input.
        control: the tag of answers.
    """

    keys: Sequence[str]
    control: Control


def project_tags(config: str, answer_kind: str, inputs: int, labels: Collection[str]) -> ProjectTags:
    """The tags of a labeling configuration that suit a model; of several for its answers, that with most of its labels.

    Args:
        config: XML without a document type, whose entities could be large.
        answer_kind: see `ServedModel.answer_kind`.
        inputs: 1, or 2 for pairs.
        labels: of the model; empty for numbers.

    Raises:
        ValueError: when there are none; the message has problem and fix.
    """
    if answer_kind not in _CONTROLS:
        raise ValueError(
            f"the model answers with {answer_kind}, and Label Studio has no tag for it; connect another one"
        )
    if len(config) > _MAX_CHARACTERS:
        raise ValueError(f"the labeling configuration has over {_MAX_CHARACTERS:,} characters; shorten it")
    parser = _Parser(config)
    control = _find_control(parser.controls, *_CONTROLS[answer_kind], labels)
    names = list(parser.texts) if inputs > 1 else [name for name in parser.texts if name in control.to_name.split(",")]
    if len(names) < inputs:
        missing = "second <Text>" if inputs > 1 else f"<Text> of the name {control.to_name!r:.60}"
        raise ValueError(f"the labeling configuration has no {missing}; add it")
    control.to_name = names[0]
    return ProjectTags([_key(parser.texts[name]) for name in names[:inputs]], control)


def _find_control(controls: Sequence[Control], tag: str, label_tag: str, labels: Collection[str]) -> Control:
    suitable = [control for control in controls if control.tag == tag]
    if not suitable:
        inner = f" with <{label_tag.title()}>" if label_tag else ""
        raise ValueError(
            f"the labeling configuration has no <{tag.title()}>{inner} for the answers of the model; add it"
        )
    counts = [sum(label in control.labels for label in labels) for control in suitable]
    if labels and not any(counts):
        label = next(iter(labels))
        raise ValueError(f"the labeling configuration has no label of the model, such as {label!r:.60}; add them")
    return suitable[counts.index(max(counts))]


def _key(value: str) -> str:
    """The name of a field of tasks, from the value of a tag, `$NAME`."""
    if not value.startswith("$") or len(value) == 1:
        raise ValueError(f'a <Text> has value="{value:.60}"; set it to $ and the name of a field of the tasks')
    return value[1:]


class _Parser:
    """The tags of texts, and of answers with their labels, in their order.

    Attributes:
        texts: value by name.
        controls: tags of answers.
    """

    def __init__(self, config: str) -> None:
        self.texts: dict[str, str] = {}
        self.controls: list[Control] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._add_element
        parser.StartDoctypeDeclHandler = _refuse_document_type
        try:
            parser.Parse(config.encode(), True)
        except expat.ExpatError as error:
            raise ValueError(f"the labeling configuration is not XML: {error}; correct it") from None

    def _add_element(self, name: str, attributes: Mapping[str, str]) -> None:
        """Names of tags and attributes are compared without case."""
        tag, values = name.lower(), {key.lower(): value for key, value in attributes.items()}
        if tag == "text":
            self.texts.setdefault(values.get("name", ""), values.get("value", ""))
        elif tag in _ALL_CONTROLS:
            self.controls.append(Control(tag, values.get("name", ""), values.get("toname", "")))
        elif tag in _LABEL_TAGS and self.controls:
            value, alias = values.get("value", ""), values.get("alias", "")
            self.controls[-1].labels |= {label: alias or value for label in (value, alias) if label}


def _refuse_document_type(*_: Any) -> None:
    raise ValueError("the labeling configuration has a document type; remove it")
