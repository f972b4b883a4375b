"""The readers that are fuzzed, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from tools.fuzz.changes import Change


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        read: reads an input as a file, checks the result, and raises a TextgraftError for a file that it refuses.
        seeds: the contents of valid files.
        changes: the random changes that suit the format.
    """

    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    changes: Sequence[Change]


# Module and attribute; a module imports what it fuzzes.
READERS = {
    "csv": "tables:CSV",
    "jsonl": "tables:JSONL",
    "conll": "tables:CONLL",
    "annotations": "tables:ANNOTATIONS",
    "config": "configs:CONFIG",
    "preset_config": "configs:PRESET_CONFIG",
    "toml": "configs:TOML_OPTIONS",
    "safetensors": "weights:SAFETENSORS",
    "keras2_folder": "keras2:KERAS2_FOLDER",
    "export_record": "exports:RECORDS",
    "package": "exports:PACKAGE",
    "tokenizer_json": "tokenizers:TOKENIZER_JSON",
    "sentence_piece": "tokenizers:SENTENCE_PIECE",
}


def load_reader(name: str) -> Reader:
    """A reader by its name."""
    module, _, attribute = READERS[name].partition(":")
    return getattr(import_module(f"tools.fuzz.readers.{module}"), attribute)  # type: ignore[no-any-return]
