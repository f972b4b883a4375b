"""The licence file of an exported package: that of the weights, and that of the code."""

from importlib.metadata import PackageNotFoundError, distribution

from textgraft.backbones.licences import licence_of
from textgraft.terminal.escaping import printable

UNKNOWN = "unknown"

_TEXT = """This package has two parts.

1. A model: the files of the folder data. Its weights were trained from the pretrained weights {preset},
whose licence is {licence}. {advice}

2. Code: the files that end with .py, which are those of textgraft, under the licence Apache-2.0:

{code}
"""
_KNOWN_ADVICE = "Whoever passes the package on must meet its terms."
_UNKNOWN_ADVICE = "Ask the publisher of those weights before you pass the package on."
_ADDRESS = "https://www.apache.org/licenses/LICENSE-2.0"


def model_licence(preset: str) -> str:
    """The licence of the weights that a model was trained from, or `UNKNOWN`."""
    return licence_of(preset) or UNKNOWN


def licence_file(preset: str) -> str:
    """The content of the file for a model that was trained from a preset."""
    licence = model_licence(preset)
    advice = _UNKNOWN_ADVICE if licence == UNKNOWN else _KNOWN_ADVICE
    return _TEXT.format(preset=printable(preset), licence=licence, advice=advice, code=_code_licence())


def _code_licence() -> str:
    try:
        text = distribution("textgraft").read_text("licenses/LICENSE")
    except PackageNotFoundError:
        text = None
    return (text or _ADDRESS).strip("\n")
