"""Facts about a request, which its log record shows."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from textgraft.export.format import Text

_KEY = "textgraft"


@dataclass
class Facts:
    """What is known about a request.

    Attributes:
        request_id: of the client, or made by the server.
        model: name of the model that it is for.
        texts: its texts.
    """

    request_id: str
    model: str | None = None
    texts: Sequence[Text] = ()


def set_facts(scope: MutableMapping[str, Any], facts: Facts) -> None:
    """Attach facts to the scope of a request."""
    scope[_KEY] = facts


def facts_of(scope: MutableMapping[str, Any]) -> Facts:
    """The facts in the scope of a request."""
    return scope[_KEY]  # type: ignore[no-any-return]
