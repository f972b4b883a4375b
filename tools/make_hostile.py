"""Make model folders that someone with bad intent could make, each from a valid one.

    python tools/make_hostile.py OUT BERT_MODEL WORD_VECTORS_MODEL

The two are small model folders of a text classifier, one of each family. Where the maker of a folder could have made
the manifest match, it does. Files of hundreds of megabytes are sparse.
"""

import argparse
import hashlib
import json
import math
import os
import pickle
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

OUTSIDE = "outside"  # holds what no reader of a case may open
RAN = "ran"  # is there once code from a case was run

_BRACKETS = 100_000
_CONTROLS = "\x1b]0;title\x07\x1b[2J\n\x9b31m\u202e\u2028"  # what a terminal would obey
_SPARSE = 300 * 2**20
_CONFIG, _WEIGHTS, _MANIFEST = "config.json", "model.safetensors", "manifest.json"
_HISTORY, _SEEN, _VOCABULARY, _GRAPH = "history.csv", "seen_texts.bin", "vocab.txt", "tokenizer.pb"


@dataclass(frozen=True)
class Case:
    """One hostile folder.

    Attributes:
        harm: done to a copy of a valid folder.
        words: the message that refuses it holds them.
        base: "bert" or "word_vectors".
        sealed: whether the manifest is made to match afterwards.
        refused_by: "info", "load" or "predict": the first of them that sees the harm.
    """

    harm: Callable[[Path], None]
    words: str
    base: str = "bert"
    sealed: bool = True
    refused_by: str = "info"


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        """Choose the file."""
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        """What unpickling calls."""
        return (Path.touch, (self.mark,))


def seal(folder: Path) -> None:
    """Write the manifest that matches the files."""
    files = (file for file in sorted(folder.iterdir()) if file.is_file() and file.name != _MANIFEST)
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (folder / _MANIFEST).write_text(json.dumps({"sha256": digests}))


# === Files ===
def write(name: str, content: bytes, folder: Path) -> None:
    """Replace a file."""
    (folder / name).write_bytes(content)


def append(name: str, content: bytes, folder: Path) -> None:
    """Lengthen a file."""
    write(name, (folder / name).read_bytes() + content, folder)


def remove(name: str, folder: Path) -> None:
    """Delete a file."""
    (folder / name).unlink()


def link(name: str, target: str, folder: Path) -> None:
    """Put a symbolic link in the place of a file; from inside, `target` may lie outside."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)


def pipe(name: str, folder: Path) -> None:
    """Put a FIFO in the place of a file: whoever opens it waits."""
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)


def directory(name: str, folder: Path) -> None:
    """Put a folder in the place of a file."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()


def sparse(name: str, folder: Path) -> None:
    """Lengthen a file to hundreds of megabytes, of which the disk holds nothing."""
    os.truncate(folder / name, _SPARSE)


def pickled(name: str, folder: Path) -> None:
    """Put a pickle in the place of a file."""
    write(name, pickle.dumps(Payload(folder.parent / RAN)), folder)


def listed(name: str, folder: Path) -> None:
    """List one more file in the manifest, with the hash of the one outside."""
    manifest = json.loads((folder / _MANIFEST).read_text())
    secret = folder.parent / OUTSIDE / "secret"
    manifest["sha256"][name.format(secret=secret)] = hashlib.sha256(secret.read_bytes()).hexdigest()
    (folder / _MANIFEST).write_text(json.dumps(manifest))


# === config.json ===
def configured(path: tuple[str | int, ...], value: Any, folder: Path) -> None:
    """Set a value in the config."""
    config = json.loads((folder / _CONFIG).read_text())
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (folder / _CONFIG).write_text(json.dumps(config))


def resized(size: str, value: int, folder: Path) -> None:
    """Set a size of the network in the config."""
    configured(("backbone", "network", size), value, folder)


def without(name: str, folder: Path) -> None:
    """Take a field out of the config."""
    config = json.loads((folder / _CONFIG).read_text())
    del config[name]
    (folder / _CONFIG).write_text(json.dumps(config))


def replaced(old: str, new: str, folder: Path) -> None:
    """Change the config's text."""
    text = (folder / _CONFIG).read_text()
    assert old in text
    (folder / _CONFIG).write_text(text.replace(old, new, 1))


def doubled_word(old: str, new: str, folder: Path) -> None:
    """Put a word in the place of another."""
    lines = (folder / _VOCABULARY).read_text().split("\n")
    (folder / _VOCABULARY).write_text("\n".join(new if line == old else line for line in lines))


def paths(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of everything in a JSON value; of a list, the first item's only."""
    if above:
        yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in inner:
        yield from paths(item, (*above, key))


# === model.safetensors ===
def parts(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Header and data of the weights."""
    content = (folder / _WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_weights(change: Callable[[dict[str, Any]], Any], folder: Path) -> None:
    """Change the header of the weights and keep the data."""
    header, data = parts(folder)
    change(header)
    text = json.dumps(header).encode()
    write(_WEIGHTS, struct.pack("<Q", len(text)) + text + data, folder)


def first(header: dict[str, Any]) -> dict[str, Any]:
    """The tensor at the beginning of the data."""
    tensors = (tensor for name, tensor in header.items() if name != "__metadata__")
    return min(tensors, key=lambda tensor: tensor["data_offsets"])


def claim(shape: list[Any], last: int, header: dict[str, Any]) -> None:
    """Let the header hold one tensor only, of a shape that is not there."""
    header.clear()
    header["backbone/token_embedding/embeddings"] = {"dtype": "F32", "shape": shape, "data_offsets": [0, last]}


def claims_100_gigabytes(folder: Path) -> None:
    """Weights of one megabyte whose header speaks of 100 GB."""
    with_weights(partial(claim, [25_000_000, 1000], 10**11), folder)
    os.truncate(folder / _WEIGHTS, 2**20)


def last_value(value: float, folder: Path) -> None:
    """Set the last number of the weights."""
    write(_WEIGHTS, (folder / _WEIGHTS).read_bytes()[:-4] + struct.pack("<f", value), folder)


def filled(dtype: str, value: float, folder: Path) -> None:
    """Set all weights to one number of a type, in their shapes."""
    number, (header, _), end = struct.pack({"F16": "<e", "F32": "<f", "F64": "<d"}[dtype], value), parts(folder), 0
    for tensor in header.values():
        start, end = end, end + len(number) * math.prod(tensor["shape"])
        tensor.update(dtype=dtype, data_offsets=[start, end])
    text = json.dumps(header).encode()
    write(_WEIGHTS, struct.pack("<Q", len(text)) + text + number * (end // len(number)), folder)


def renamed(header: dict[str, Any]) -> None:
    """Give a tensor another name."""
    header["backbone/surprise"] = header.pop("backbone/token_embedding/embeddings")


def transposed(header: dict[str, Any]) -> None:
    """Give a tensor another shape of the same size."""
    header["backbone/token_embedding/embeddings"]["shape"].reverse()


def header_of(length: int, content: bytes = b"{}") -> bytes:
    """A safetensors file that says its header is so long."""
    return struct.pack("<Q", length) + content


# === tokenizer.pb ===
def message(*fields: tuple[int, bytes | int]) -> bytes:
    """A protobuf message."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value)
        else:
            encoded += varint(number << 3 | 2) + varint(len(value)) + value
    return encoded


def varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups[-1] |= 0x80
        groups.append(value & 0x7F)
    return bytes(groups)


def constant(*shape: int) -> bytes:
    """A graph of one constant, whose one value stands for all of a shape."""
    return constant_of(message(*((2, message((1, size))) for size in shape)))


def constant_of(*shapes: bytes) -> bytes:
    """The same with messages of shapes, of which a tensor has one."""
    tensor = message((1, 3), *((2, shape) for shape in shapes), (7, varint(1)))  # int32, shape, values
    attributes = (message((1, b"value"), (2, message((8, tensor)))), message((1, b"dtype"), (2, message((6, 3)))))
    return message((1, message((1, b"huge"), (2, b"Const"), *((5, attribute) for attribute in attributes))))


def node(op: str) -> bytes:
    """A graph of one node."""
    return message((1, message((1, b"harm"), (2, op.encode()))))


def two_lines(folder: Path) -> None:
    """A preset's name with a line break, in a folder whose refusal names it."""
    configured(("preset",), "a\nb", folder)
    write(_GRAPH, b"", folder)


_ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e"
_COMPUTATION = ("backbone", "computation")
_DEEP = b'{"sha256": ' + b"[" * _BRACKETS + b"]" * _BRACKETS + b"}"
_SMALL_OBJECTS = b'{"format_version": [' + b'{"":0},' * 700_000 + b"0]}"

CASES = {
    # === Manifest and names ===
    "wrong-hash": Case(partial(append, _VOCABULARY, b"more\n"), "has been altered", sealed=False),
    "missing-file": Case(partial(remove, _VOCABULARY), "vocab.txt is missing", sealed=False),
    "missing-file-and-line": Case(partial(remove, _VOCABULARY), "vocab.txt is missing"),
    "missing-weights": Case(partial(remove, _WEIGHTS), "model.safetensors is missing"),
    "missing-config": Case(partial(remove, _CONFIG), "config.json is missing"),
    "missing-history": Case(partial(remove, _HISTORY), "history.csv is missing"),
    "missing-manifest": Case(partial(remove, _MANIFEST), "manifest.json is missing", sealed=False),
    "extra-file": Case(partial(write, "code.py", b"print()"), "'code.py' is not listed", sealed=False),
    "extra-name-of-two-lines": Case(partial(write, "a\nb\x1b[2J", b""), r"'a\nb\x1b[2J' is not listed", sealed=False),
    "escape-upwards": Case(partial(listed, "../outside/secret"), "'../outside/secret'", sealed=False),
    "escape-absolute": Case(partial(listed, "{secret}"), "which is not a valid file name", sealed=False),
    "escape-inside": Case(partial(listed, "a/../../outside/secret"), "is not a valid file name", sealed=False),
    "listed-name-with-nul": Case(partial(listed, "a\0b"), "is not a valid file name", sealed=False),
    "listed-manifest": Case(partial(listed, _MANIFEST), "is not a valid file name", sealed=False),
    "manifest-empty": Case(partial(write, _MANIFEST, b""), "manifest.json is damaged", sealed=False),
    "manifest-a-list": Case(partial(write, _MANIFEST, b"[]"), "it is not a JSON object", sealed=False),
    "manifest-without-hashes": Case(partial(write, _MANIFEST, b"{}"), "lacks sha256", sealed=False),
    "manifest-of-numbers": Case(partial(write, _MANIFEST, b'{"sha256": {"a": 1}}'), "a SHA-256", sealed=False),
    "manifest-not-utf-8": Case(partial(write, _MANIFEST, b"\xff{}"), "is damaged", sealed=False),
    "manifest-deep": Case(partial(write, _MANIFEST, _DEEP), "deeper than 16", sealed=False),
    "manifest-name-twice": Case(
        partial(write, _MANIFEST, b'{"sha256": {}, "sha256": {}}'), "duplicate key", sealed=False
    ),
    "manifest-gigantic": Case(partial(sparse, _MANIFEST), "above the limit of 1,048,576", sealed=False),
    # === Irregular files ===
    "link-out-as-vocabulary": Case(partial(link, _VOCABULARY, "../outside/secret"), "symbolic link"),
    "link-out-as-weights": Case(partial(link, _WEIGHTS, "../outside/secret"), "symbolic link"),
    "link-out-as-config": Case(partial(link, _CONFIG, "../outside/secret"), "symbolic link"),
    "link-out-as-manifest": Case(partial(link, _MANIFEST, "../outside/secret"), "symbolic link", sealed=False),
    "link-inside": Case(partial(link, "README.md", _CONFIG), "symbolic link"),
    "link-to-nothing": Case(partial(link, _VOCABULARY, "../outside/absent"), "symbolic link", sealed=False),
    "link-to-a-folder": Case(partial(link, "more", "../outside"), "'more' is not listed"),
    "folder-as-vocabulary": Case(partial(directory, _VOCABULARY), "is not a regular file", sealed=False),
    "folder-as-manifest": Case(partial(directory, _MANIFEST), "is not a regular file", sealed=False),
    "folder-beside": Case(partial(directory, "more"), "'more' is not listed"),
    "pipe-beside": Case(partial(pipe, "more"), "'more' is not listed"),
    "pipe-as-vocabulary": Case(partial(pipe, _VOCABULARY), "is not a regular file", sealed=False),
    "pipe-as-manifest": Case(partial(pipe, _MANIFEST), "is not a regular file", sealed=False),
    # === model.safetensors ===
    "weights-huge-shape": Case(partial(with_weights, partial(claim, [2**62, 2**62], 4)), "has the offsets 0 to 4"),
    "weights-claim-100-gigabytes": Case(claims_100_gigabytes, "its header describes 100,000,000,000 bytes"),
    "weights-long-header": Case(partial(write, _WEIGHTS, header_of(2**20)), "a header of 1,048,576 bytes"),
    "weights-longest-header": Case(partial(write, _WEIGHTS, header_of(2**64 - 1)), "a header of"),
    "weights-empty": Case(partial(write, _WEIGHTS, b""), "a header of 0 bytes in a file of 0"),
    "weights-half": Case(lambda folder: os.truncate(folder / _WEIGHTS, 20_000), "its header describes"),
    "weights-more": Case(partial(append, _WEIGHTS, b"more"), "its header describes"),
    "weights-header-deep": Case(partial(write, _WEIGHTS, header_of(len(_DEEP), _DEEP)), "deeper than 16"),
    "weights-header-not-json": Case(partial(write, _WEIGHTS, header_of(2, b"no")), "its header is damaged"),
    "weights-gap": Case(
        partial(with_weights, lambda header: first(header).update(data_offsets=[4, 4])), "has the offsets"
    ),
    "weights-overlap": Case(
        partial(with_weights, lambda header: header.update({"again": first(header)})), "has the offsets"
    ),
    "weights-offsets-of-words": Case(
        partial(with_weights, lambda header: first(header).update(data_offsets=["0", "4"])), "data_offsets"
    ),
    "weights-negative-offsets": Case(
        partial(with_weights, lambda header: first(header).update(data_offsets=[-4, 0])), "data_offsets"
    ),
    "weights-negative-shape": Case(
        partial(with_weights, lambda header: first(header).update(shape=[-1, -1])), "shape[0] must be an integer"
    ),
    "weights-shape-of-words": Case(
        partial(with_weights, lambda header: first(header).update(shape="16")), "shape must be a list"
    ),
    "weights-unknown-dtype": Case(
        partial(with_weights, lambda header: first(header).update(dtype="OBJECT")), "dtype must be one of F16, F32, F64"
    ),
    "weights-nan": Case(partial(last_value, math.nan), "'head/logits/kernel' has a value that is not a finite number"),
    "weights-infinity": Case(partial(last_value, math.inf), "has a value that is not a finite number"),
    "weights-negative-infinity": Case(partial(last_value, -math.inf), "has a value that is not", "word_vectors"),
    "weights-infinity-of-half-precision": Case(partial(filled, "F16", math.inf), "is not a finite number"),
    "weights-beyond-float32": Case(partial(filled, "F64", 1e300), "is not a finite number"),
    "weights-that-overflow": Case(
        partial(filled, "F32", 3e38), "the output for the text 'the film'", refused_by="predict"
    ),
    "words-that-overflow": Case(
        partial(filled, "F32", 3e38), "the output for the text 'the film'", "word_vectors", refused_by="predict"
    ),
    "weights-hdf5": Case(partial(write, _WEIGHTS, b"\x89HDF\r\n\x1a\n" + bytes(4096)), "a header of"),
    "weights-pickle": Case(partial(pickled, _WEIGHTS), "is not a valid safetensors file"),
    # === JSON ===
    "config-deep": Case(partial(write, _CONFIG, _DEEP), "deeper than 16"),
    "config-20-deep": Case(partial(configured, ("fit", "seed"), json.loads("[" * 20 + "]" * 20)), "deeper than 16"),
    "config-gigantic": Case(partial(sparse, _CONFIG), "above the limit of 5,242,880"),
    "config-of-small-objects": Case(partial(write, _CONFIG, _SMALL_OBJECTS), "has format version"),
    "config-name-twice": Case(partial(replaced, '"seed": 0', '"seed": 0, "seed": 1'), "a duplicate key"),
    "config-nan": Case(partial(replaced, '"dropout": 0.1', '"dropout": NaN'), "the number NaN"),
    "config-infinity": Case(partial(replaced, '"dropout": 0.1', '"dropout": -Infinity'), "the number -Infinity"),
    "config-1e999": Case(partial(replaced, '"dropout": 0.1', '"dropout": 1e999'), "the number 1e999"),
    "config-long-number": Case(partial(replaced, '"seed": 0', f'"seed": {"9" * 5000}'), "is damaged"),
    "config-half-a-pair": Case(partial(replaced, '"bert"', r'"\ud800"'), "half of a surrogate pair"),
    "config-not-utf-8": Case(partial(write, _CONFIG, b"\xff"), "is damaged"),
    "config-a-list": Case(partial(write, _CONFIG, b"[1]"), "it is not a JSON object"),
    "config-more-fields": Case(partial(configured, ("code",), "print()"), "unknown field 'code'"),
    "config-more-network-fields": Case(partial(resized, "layers", 2), "unknown field 'layers'"),
    "history-gigantic": Case(partial(sparse, _HISTORY), "above the limit of 2,097,152"),
    "history-of-words": Case(partial(write, _HISTORY, b"epoch\none\n"), "history.csv is damaged"),
    "history-nan": Case(partial(write, _HISTORY, b"epoch\nnan\n"), "the number nan"),
    "history-rows-of-other-lengths": Case(partial(write, _HISTORY, b"epoch\n1,2\n"), "a row of 2 cells"),
    "history-a-long-cell": Case(partial(write, _HISTORY, b"a\n" + b"1" * 200_000), "history.csv is damaged"),
    "history-many-rows": Case(partial(write, _HISTORY, b"a\n" + b"1\n" * 800_000 + b"x"), "history.csv is damaged"),
    "seen-gigantic": Case(partial(sparse, _SEEN), "above the limit of 25,165,824"),
    "seen-missing": Case(partial(remove, _SEEN), "config.json has digests of texts, seen_texts.bin does not"),
    "seen-longer": Case(partial(append, _SEEN, b"\0"), "49 bytes for 6 digests"),
    "seen-unsorted": Case(partial(write, _SEEN, bytes(48)), "digests are not in ascending order"),
    "seen-of-many": Case(partial(configured, ("seen_texts", "digests", "train"), 2**40), "at most 1048576"),
    "seen-of-nothing": Case(partial(configured, ("seen_texts", "digests"), {}), "48 bytes for 0 digests"),
    "seen-salt-short": Case(partial(configured, ("seen_texts", "salt"), "00"), "16 bytes in hexadecimal digits"),
    "seen-set-unknown": Case(partial(configured, ("seen_texts", "digests", "x"), 1), "unknown field 'x'"),
    "card-gigantic": Case(partial(sparse, "README.md"), "above the limit of 8,388,608"),
    # === Control characters ===
    "field-with-controls": Case(partial(configured, (_CONTROLS,), 1), r"has the unknown field '\x1b]0;"),
    "value-with-controls": Case(partial(configured, ("task",), _CONTROLS), r"task '\x1b]0;"),
    "long-value-with-controls": Case(
        partial(configured, ("precision",), 10**5 * _CONTROLS[:4]), "precision must be one of"
    ),
    "listed-name-with-controls": Case(partial(listed, _CONTROLS), r"'\x1b]0;", sealed=False),
    "weights-name-with-controls": Case(
        partial(with_weights, lambda header: header.update({_CONTROLS: first(header)})), "has the offsets"
    ),
    # === Sizes ===
    "huge-vocabulary": Case(partial(resized, "vocabulary_size", 10**9), "vocabulary_size is 1,000,000,000, but"),
    "more-layers": Case(partial(resized, "num_layers", 60), "a network of 60 blocks, but model.safetensors has"),
    "many-layers": Case(partial(resized, "num_layers", 10**6), "at most 64"),
    "wide-network": Case(partial(resized, "hidden_dim", 10**6), "hidden_dim is 1,000,000, but model.safetensors holds"),
    "wide-feed-forward": Case(partial(resized, "intermediate_dim", 10**9), "intermediate_dim is 1,000,000,000, but"),
    "long-sequences": Case(partial(resized, "max_sequence_length", 10**9), "max_sequence_length is 1,000,000,000, but"),
    "many-segments": Case(partial(resized, "num_segments", 10**9), "num_segments is 1,000,000,000, but"),
    "many-heads": Case(partial(resized, "num_heads", 10**9), "num_heads is 1,000,000,000, but"),
    "wide-head": Case(partial(configured, ("architecture", "hidden"), [10**9]), "hidden[0] is 1,000,000,000, but"),
    "deep-head": Case(partial(configured, ("architecture", "hidden"), [4] * 10**5), "hidden layers is 100,000, but"),
    "huge-table": Case(partial(configured, ("backbone", "rows"), 10**12), "rows is 1,000,000,000,000", "word_vectors"),
    # === Names and shapes of weights ===
    "one-more-layer": Case(partial(resized, "num_layers", 3), "a network of 3 blocks, but model.safetensors has 2"),
    "fewer-layers": Case(partial(resized, "num_layers", 1), "a network of 1 block, but model.safetensors has 2"),
    "other-heads": Case(partial(resized, "num_heads", 4), "query/kernel of shape (16, 4, 4)"),
    "odd-heads": Case(partial(resized, "num_heads", 3), "query/kernel of shape (16, 3, 5)"),
    "no-heads": Case(partial(resized, "num_heads", 1000), "query/kernel of shape (16, 1000, 0)"),
    "wider-network": Case(partial(resized, "hidden_dim", 2000), ", 2000)"),
    "larger-table": Case(partial(configured, ("backbone", "rows"), 60), "(60, 16)", "word_vectors"),
    "wider-table": Case(partial(configured, ("backbone", "dim"), 64), ", 64)", "word_vectors"),
    "more-hidden-layers": Case(partial(configured, ("architecture", "hidden"), [4] * 9), "hidden_1"),
    "many-labels": Case(partial(configured, ("settings", "labels"), list(map(str, range(10**5)))), "(100000,)"),
    "weights-renamed": Case(partial(with_weights, renamed), "no such weight", refused_by="load"),
    "weights-transposed": Case(partial(with_weights, transposed), "of shape (16, 20)"),
    # === Names ===
    "unknown-task": Case(partial(configured, ("task",), "os"), "task 'os' is unknown; this textgraft reads"),
    "unknown-family": Case(partial(configured, ("family",), "os.path"), "family 'os.path' is unknown"),
    "other-family": Case(partial(configured, ("family",), "word_vectors"), "config.backbone lacks rows"),
    "unknown-format": Case(partial(configured, ("format_version",), 4), "has format version 4; this textgraft reads 3"),
    "format-true": Case(partial(configured, ("format_version",), True), "has format version True"),
    "unknown-pooling": Case(partial(configured, ("architecture", "pooling"), "sum"), "'sum'"),
    "doubled-labels": Case(partial(configured, ("settings", "labels"), ["a"] * 3), "labels has 'a' twice"),
    "unknown-problem": Case(partial(configured, ("settings", "problem"), "ordinal"), "settings.problem must be one of"),
    "other-problem": Case(partial(configured, ("settings", "problem"), "regression"), "config.settings lacks mean"),
    "few-thresholds": Case(
        partial(configured, ("settings",), {"problem": "multi-label", "labels": ["a", "b"], "thresholds": [0.5]}),
        "config.settings.thresholds must be 2, one for each label, not 1",
    ),
    "high-threshold": Case(
        partial(configured, ("settings",), {"problem": "multi-label", "labels": ["a"], "thresholds": [2]}),
        "config.settings.thresholds[0] must be a number from 0 to 1",
    ),
    # === Tokenizers ===
    "vocabulary-pickle": Case(partial(pickled, _VOCABULARY), "vocab.txt"),
    "vocabulary-not-utf-8": Case(partial(write, _VOCABULARY, b"\xff\n" * 20), "vocab.txt is not UTF-8 text"),
    "vocabulary-gigantic": Case(partial(sparse, _VOCABULARY), "vocab.txt has 314,572,800 bytes"),
    "vocabulary-short": Case(partial(write, _VOCABULARY, b"a\n"), "vocab.txt has 1 tokens, the network 20"),
    "vocabulary-without-special-tokens": Case(partial(write, _VOCABULARY, b"a\n" * 20), "vocab.txt lacks '[CLS]'"),
    "vocabulary-doubled": Case(partial(doubled_word, "film", "bad"), "has 'bad' twice", refused_by="load"),
    "words-many": Case(partial(append, _VOCABULARY, b"a\n" * 100), "the table", "word_vectors"),
    "words-doubled": Case(
        partial(write, _VOCABULARY, b"a\na\n"), "cannot be rebuilt", "word_vectors", refused_by="load"
    ),
    "graph-reads-files": Case(partial(append, _GRAPH, node("ReadFile")), "the op 'ReadFile'", "word_vectors"),
    "graph-runs-python": Case(partial(append, _GRAPH, node("PyFunc")), "the op 'PyFunc'", "word_vectors"),
    "graph-with-functions": Case(partial(append, _GRAPH, message((2, message((1, b""))))), "functions", "word_vectors"),
    "graph-huge-constant": Case(partial(append, _GRAPH, constant(2**31, 2**10)), "constant values", "word_vectors"),
    "graph-many-constants": Case(partial(append, _GRAPH, constant(2**19) * 3), "constant values", "word_vectors"),
    "graph-op-twice": Case(
        partial(append, _GRAPH, message((1, message((1, b"a"), (2, b"ReadFile"), (2, b"Identity"))))),
        "has field 2 of a protocol buffer twice",
        "word_vectors",
    ),
    "graph-attribute-twice": Case(
        partial(append, _GRAPH, message((1, message((1, b"a"), (2, b"Const"), *(2 * [(5, message((1, b"value")))]))))),
        "has an attribute twice",
        "word_vectors",
    ),
    "graph-attribute-of-two-values": Case(
        partial(append, _GRAPH, message((1, message((5, message((1, b"a"), (2, message((3, 1), (6, 3))))))))),
        "has an attribute of two values",
        "word_vectors",
    ),
    "graph-size-twice": Case(
        partial(append, _GRAPH, constant_of(message((2, message((1, 0), (1, 2**40)))))), "twice", "word_vectors"
    ),
    "graph-shape-twice": Case(
        partial(append, _GRAPH, constant_of(*(message((2, message((1, 2**18)))) for _ in range(2)))),
        "has field 2 of a protocol buffer twice",
        "word_vectors",
    ),
    "graph-library-twice": Case(partial(append, _GRAPH, message((2, b""), (2, b""))), "field 2", "word_vectors"),
    "graph-op-behind-a-long-tag": Case(
        partial(append, _GRAPH, message((1, varint(2**32 | 2 << 3 | 2) + varint(8) + b"ReadFile"))),
        "is not a protocol buffer",
        "word_vectors",
    ),
    "graph-gigantic": Case(partial(sparse, _GRAPH), "tokenizer.pb has 314,572,800 bytes", "word_vectors"),
    "graph-pickle": Case(partial(pickled, _GRAPH), "tokenizer.pb is refused", "word_vectors"),
    "graph-half": Case(lambda folder: os.truncate(folder / _GRAPH, 999), "not a protocol buffer", "word_vectors"),
    "graph-empty": Case(partial(write, _GRAPH, b""), "cannot be rebuilt", "word_vectors", refused_by="load"),
    "graph-empty-and-preset-of-two-lines": Case(
        two_lines, r"cannot be rebuilt: a\nb: its", "word_vectors", refused_by="load"
    ),
    "graph-of-a-bare-op": Case(
        partial(append, _GRAPH, node("Tile")), "cannot be rebuilt", "word_vectors", refused_by="load"
    ),
}


# Values of any field, in the order of their numbers in the names of folders.
_EXTREMES: tuple[Any, ...] = (
    *(0, 1, 2, 3, -1, 2**31, 2**40, 2**63 - 1, 2**63, 0.5, 1e-308, 1e308, -1e308),
    *("", "x", "x" * 100_000, None, True),
)

# What was accepted once, by some readers or by all of them with the same answer for every text.
SILENT = {
    "length-1": Case(partial(configured, ("architecture", "sequence_length"), 1), "must be between 3 and 64, not 1"),
    "length-2": Case(partial(configured, ("architecture", "sequence_length"), 2), "must be between 3 and 64, not 2"),
    "length-beyond-positions": Case(
        partial(configured, ("architecture", "sequence_length"), 2**40), "between 3 and 64"
    ),
    "length-null": Case(partial(configured, ("architecture", "sequence_length"), None), "between 3 and 64, not None"),
    "truncation-window": Case(partial(configured, ("architecture", "truncation"), "window"), "must be one of head,"),
    "temperature-tiny": Case(partial(configured, ("settings", "temperature"), 1e-308), "a number from 0.001 to 1000"),
    "temperature-huge": Case(partial(configured, ("settings", "temperature"), 1e308), "a number from 0.001 to 1000"),
    "epsilon-huge": Case(partial(configured, (*_COMPUTATION, "layer_norm_epsilon"), 1e30), "from 1e-30 to 1"),
    "epsilon-tiny": Case(partial(configured, (*_COMPUTATION, "layer_norm_epsilon"), 1e-300), "from 1e-30 to 1"),
}


# What is valid, and would change a terminal if it were printed as it is.
SHOWN = {
    "escape-in-label": Case(partial(configured, ("settings", "labels", 0), _ESCAPES), ""),
    "escape-in-preset": Case(partial(configured, ("preset",), _ESCAPES), ""),
    "escape-in-source": Case(partial(configured, ("data", "train", "source"), _ESCAPES), ""),
    "escape-in-version": Case(partial(configured, ("versions", "textgraft"), _ESCAPES), ""),
    "label-of-4-megabytes": Case(partial(configured, ("settings", "labels", 0), "x" * 4_000_000), ""),
}


def wrong_types(base: Path) -> dict[str, Case]:
    """A case for every place in a valid config, which then holds a list of an object; and for every field, left out."""
    config = json.loads((base / _CONFIG).read_text())
    wrong = {"type-of-" + "-".join(map(str, path)): Case(partial(configured, path, [{}]), "") for path in paths(config)}
    optional = {"run", "fit", "metrics", "data", "columns", "computation"}
    return wrong | {f"no-{name}": Case(partial(without, name), "") for name in config.keys() - optional}


def extremes(base: Path) -> dict[str, Case]:
    """A case for every field of a valid config and each of the `_EXTREMES`; readers may accept it, but must agree."""
    config = json.loads((base / _CONFIG).read_text())
    cases = {}
    for path in paths(config):
        value = config
        for key in path:
            value = value[key]
        values = [[], value * 2] if isinstance(value, list) else [{}] if isinstance(value, dict) else _EXTREMES
        for index, extreme in enumerate(values):
            name = "-".join(["extreme", *map(str, path), str(index)])
            cases[name] = Case(partial(configured, path, extreme), "")
    return cases


def make_extremes(out: Path, base: Path, step: int = 1) -> list[Path]:
    """Write a folder for every `step`-th of the extremes, and for `SILENT` and `SHOWN`; most files are shared."""
    cases = extremes(base)
    chosen = {name: case for index, (name, case) in enumerate(cases.items()) if index % step == 0} | SILENT | SHOWN
    for name, case in chosen.items():
        shutil.copytree(base, out / name, copy_function=os.link)
        for changed in (_CONFIG, _MANIFEST):
            content = (out / name / changed).read_bytes()
            remove(changed, out / name)
            write(changed, content, out / name)
        case.harm(out / name)
        seal(out / name)
    return [out / name for name in chosen]


def make_hostile(out: Path, bases: dict[str, Path]) -> dict[str, Case]:
    """Write a folder per case.

    Args:
        out: an empty folder.
        bases: valid model folders, by `Case.base`.

    Returns:
        the cases by the names of their folders.
    """
    (out / OUTSIDE).mkdir()
    (out / OUTSIDE / "secret").write_text("secret\n")
    cases = CASES | SILENT | wrong_types(bases["bert"])
    for name, case in cases.items():
        shutil.copytree(bases[case.base], out / name)
        case.harm(out / name)
        if case.sealed:
            seal(out / name)
    return cases


def main() -> None:
    """Make the folders from the command line."""
    parser = argparse.ArgumentParser(description="Make hostile model folders from two valid ones.")
    parser.add_argument("out", type=Path)
    parser.add_argument("bert", type=Path)
    parser.add_argument("word_vectors", type=Path)
    given = parser.parse_args()
    given.out.mkdir()
    cases = make_hostile(given.out, {"bert": given.bert, "word_vectors": given.word_vectors})
    print(f"{len(cases)} folders in {given.out}")


if __name__ == "__main__":
    main()
