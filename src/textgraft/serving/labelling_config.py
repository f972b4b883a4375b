"""The labeling configuration of a Label Studio project: the tags that a model's texts are in and its answers go to.

https://labelstud.io/tags. It is read as HTML, which is never expanded or loaded, in place of XML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

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


def project_tags(config: str, answer_kind: str, inputs: int) -> ProjectTags:
    """The tags of a labeling configuration that suit a model.

    Args:
        config: XML.
        answer_kind: see `ServedModel.answer_kind`.
        inputs: 1, or 2 for pairs.

    Raises:
        ValueError: when there are none; the message has problem and fix.
    """
    if answer_kind not in _CONTROLS:
        raise ValueError(
            f"the model answers with {answer_kind}, and Label Studio has no tag for it; connect another one"
        )
    if len(config) > _MAX_CHARACTERS:
        raise ValueError(f"the labeling configuration has over {_MAX_CHARACTERS:,} characters; shorten it")
    parser = _Parser()
    parser.feed(config)
    parser.close()
    control = _find_control(parser.controls, *_CONTROLS[answer_kind])
    names = list(parser.texts) if inputs > 1 else [name for name in parser.texts if name in control.to_name.split(",")]
    if len(names) < inputs:
        missing = "second <Text>" if inputs > 1 else f"<Text> of the name {control.to_name!r:.60}"
        raise ValueError(f"the labeling configuration has no {missing}; add it")
    control.to_name = names[0]
    return ProjectTags([_key(parser.texts[name]) for name in names[:inputs]], control)


def _find_control(controls: Sequence[Control], tag: str, label_tag: str) -> Control:
    for control in controls:
        if control.tag == tag:
            return control
    labels = f" with <{label_tag.title()}>" if label_tag else ""
    raise ValueError(f"the labeling configuration has no <{tag.title()}>{labels} for the answers of the model; add it")


def _key(value: str) -> str:
    """The name of a field of tasks, from the value of a tag, `$NAME`."""
    if not value.startswith("$") or len(value) == 1:
        raise ValueError(f'a <Text> has value="{value:.60}"; set it to $ and the name of a field of the tasks')
    return value[1:]


class _Parser(HTMLParser):
    """Collects the tags of texts, and of answers with their labels, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}  # value by name
        self.controls: list[Control] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "text":
            self.texts.setdefault(attributes.get("name", ""), attributes.get("value", ""))
        elif tag in _ALL_CONTROLS:
            self.controls.append(Control(tag, attributes.get("name", ""), attributes.get("toname", "")))
        elif tag in _LABEL_TAGS and self.controls:
            self._add_label(attributes)

    def _add_label(self, attributes: Mapping[str, str]) -> None:
        value, alias = attributes.get("value", ""), attributes.get("alias", "")
        self.controls[-1].labels |= {name: alias or value for name in (value, alias) if name}
