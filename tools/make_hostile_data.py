"""Write hostile data files: bombs, endless rows, values that repeat, sizes that lie.

Each is to be refused, or read in bounded memory.

    python -m tools.make_hostile_data FOLDER

`CASES` names the files; a large one is a short compressed piece, repeated.
"""

import bz2
import gzip
import io
import json
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
ROW = "a film of some length that was neither good nor bad, " * 20


@dataclass(frozen=True)
class Case:
    """A data file.

    Attributes:
        write: writes it to a path.
        words: part of the message; empty for a file that is read.
        slow: whether it takes long, and there is a faster case of its kind.
        reading: options of `load_dataset`, or of `load_tagged` where `tagged`.
        tagged: whether texts have entities.
        rows: those that are read.
    """

    write: Callable[[Path], object]
    words: str = ""
    slow: bool = False
    reading: dict[str, Any] = field(default_factory=dict)
    tagged: bool = False
    rows: int = 0


# === Pieces that repeat ===
def compressed(suffix: str, piece: bytes, times: int, head: bytes = b"", tail: bytes = b"") -> Callable[[Path], None]:
    """Write `head`, many times the same piece, and `tail`, compressed one after the other."""

    def write(path: Path) -> None:
        compress: dict[str, Callable[[bytes], bytes]] = {
            ".gz": lambda data: gzip.compress(data, 9),
            ".bz2": bz2.compress,
            ".zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
        }
        parts = [compress[suffix](part) if part else b"" for part in (head, piece, tail)]
        path.write_bytes(parts[0] + parts[1] * times + parts[2])

    return write


def text(*parts: str | Callable[[], str]) -> Callable[[Path], object]:
    """Write these parts, one after the other; a large one is made when it is written."""
    return lambda path: path.write_text("".join(part if isinstance(part, str) else part() for part in parts))


def times(piece: str, count: int) -> Callable[[], str]:
    """A part that is a repeated piece."""
    return lambda: piece * count


def numbered(piece: str, count: int) -> Callable[[], str]:
    """A part that is a repeated piece with a running number."""
    return lambda: "".join(piece.replace("#", str(number)) for number in range(count))


def content(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """Write bytes that are made then."""
    return lambda path: path.write_bytes(make())


def characters(count: int) -> str:
    """A text of so many ASCII characters."""
    return ("a long text " * (count // 12 + 1))[:count]


def long_text(count: int) -> Callable[[], str]:
    """A part of so many characters."""
    return lambda: characters(count)


# === Zip archives ===
def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], None]:
    """Write an archive of members."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)

    return write


@dataclass(frozen=True)
class Member:
    """A deflated member of an archive, with what the directory says of its content."""

    name: str
    stream: bytes
    size: int
    checksum: int = 0


def member(name: str, head: bytes, piece: bytes = b"", times: int = 0, tail: bytes = b"") -> Member:
    """A member of `head`, many times the same piece, and `tail`; the checksum of a large one is left out."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    streams = [compressor.compress(head) + compressor.flush(zlib.Z_FULL_FLUSH)]
    streams += [compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)] * times
    streams += [compressor.compress(tail) + compressor.flush()]
    size = len(head) + len(piece) * times + len(tail)
    checksum = zlib.crc32(head + piece * times + tail) if size < 64 * MIB else 0
    return Member(name, b"".join(streams), size, checksum)


def archive(*members: Member, attributes: int = 0) -> bytes:
    """A zip archive."""
    body, directory = io.BytesIO(), io.BytesIO()
    for part in members:
        sizes = (part.checksum, len(part.stream), part.size, len(part.name), 0)
        entry = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, *sizes)
        directory.write(b"PK\1\2" + struct.pack("<H", 0x0314) + entry)  # written on Unix
        directory.write(struct.pack("<HHHII", 0, 0, 0, attributes, body.tell()) + part.name.encode())
        body.write(b"PK\3\4" + entry + part.name.encode() + part.stream)
    start, count = body.tell(), len(members)
    body.write(directory.getvalue())
    body.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, body.tell() - start, start, 0))
    return body.getvalue()


def link_out(path: Path) -> None:
    """An archive whose member is a symbolic link to a file outside."""
    target = str(path.parent / OUTSIDE / "secret.csv").encode()
    path.write_bytes(archive(member("../link.csv", b"text\n" + target), attributes=0o120777 << 16))


# === Excel ===
_SHEET = "xl/worksheets/sheet1.xml"
_STRINGS = "xl/sharedStrings.xml"
_ROWS = '<row r="1"><c r="A1" t="inlineStr"><is><t>text</t></is></c></row><row r="2"><c r="A2" t="s"><v>0</v></c></row>'
_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook_parts() -> dict[str, str]:
    """The parts of a workbook of one sheet with a header and one cell."""
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types">'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/>'
            f'<Override PartName="/{_SHEET}" ContentType="{_OFFICE}.worksheet+xml"/>'
            f'<Override PartName="/{_STRINGS}" ContentType="{_OFFICE}.sharedStrings+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_RELATIONS}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{_SPREADSHEET}"/>',
        _STRINGS: f'<sst xmlns="{_SPREADSHEET}"><si><t>a text</t></si></sst>',
        _SHEET: f'<worksheet xmlns="{_SPREADSHEET}"><sheetData>{_ROWS}</sheetData></worksheet>',
    }


def workbook(part: str, head: str, piece: str = "", times: int = 0, tail: str = "") -> Callable[[Path], None]:
    """Write a workbook, one part of which is `head`, many times the same piece, and `tail`."""

    def write(path: Path) -> None:
        parts = {name: member(name, content.encode()) for name, content in workbook_parts().items()}
        parts[part] = member(part, head.encode(), piece.encode(), times, tail.encode())
        path.write_bytes(archive(*parts.values()))

    return write


def sheet(head: str, piece: str = "", times: int = 0, tail: str = "") -> Callable[[Path], None]:
    """Write a workbook whose sheet has these rows."""
    start = f'<worksheet xmlns="{_SPREADSHEET}"><sheetData>'
    return workbook(_SHEET, start + head, piece, times, tail + "</sheetData></worksheet>")


def strings(piece: str, times: int) -> Callable[[Path], None]:
    """Write a workbook with these shared strings."""
    return workbook(_STRINGS, f'<sst xmlns="{_SPREADSHEET}"><si><t>a text</t></si>', piece, times, "</sst>")


# === Parquet ===
def parquet(table: Callable[[], pa.Table], **options: Any) -> Callable[[Path], None]:
    """Write a table."""
    return lambda path: pq.write_table(table(), path, compression="zstd", **options)


def repeated(value: str, times: int) -> pa.Table:
    """Rows with the same text, which is stored once."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), pa.array([value]))
    return pa.table({"text": texts.cast(pa.string()) if len(value) * times < 64 * MIB else texts})


def with_footer(size: int) -> Callable[[Path], None]:
    """Write a file that says that its footer has this size; most of it is a hole."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(b"PAR1")
            file.truncate(size + 4)
            file.seek(0, 2)
            file.write(struct.pack("<I", size) + b"PAR1")

    return write


def lying_page(size: int) -> Callable[[Path], None]:
    """Write a file with a page of a few bytes whose header declares another size."""

    def write(path: Path) -> None:
        options: dict[str, Any] = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
        pq.write_table(pa.table({"text": ["a" * 60_000]}), path, **options)
        content = path.read_bytes()
        start = pq.read_metadata(path).row_group(0).column(0).data_page_offset
        written = zigzag(60_000 + 4 + 6)
        at = content.index(written, start)
        path.write_bytes(content[:at] + zigzag(size)[: len(written)] + content[at + len(written) :])

    return write


def zigzag(number: int) -> bytes:
    """A number in Thrift's compact protocol."""
    number, parts = 2 * number, []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


# === Folders ===
def folder_of_texts(path: Path) -> None:
    """Texts of a label, one of which is endless, beside a pipe that nobody writes to."""
    (path / "a").mkdir(parents=True)
    (path / "a" / "short.txt").write_text("a text")
    (path / "a" / "long.txt").write_text(characters(9 * MIB))
    os.mkfifo(path / "a" / "pipe.txt")


OUTSIDE = "outside"
_SHORT_LINES = f"{ROW}\n".encode() * 1000
_LETTERS = b"a long line " * 87_381  # 1 MiB
_OVER = "of over 8 MiB"
_EXPANDS = "more than 250 times its size"
_THREE_MIB = characters(3 * MIB)

CASES: dict[str, Case] = {
    # Lines and what they are compressed to.
    "endless.txt": Case(text(long_text(9 * MIB)), f"line 1: a row {_OVER}"),
    "endless.txt.gz": Case(compressed(".gz", _LETTERS, 1000), f"line 1: a row {_OVER}"),
    "endless.txt.zst": Case(compressed(".zst", _LETTERS, 1000), f"line 1: a row {_OVER}"),
    "zeros.txt.gz": Case(compressed(".gz", bytes(MIB), 10_000), "a NUL byte"),
    "expanding.txt.gz": Case(compressed(".gz", _SHORT_LINES, 2000), _EXPANDS, slow=True),
    "expanding.txt.bz2": Case(compressed(".bz2", _SHORT_LINES, 2000), _EXPANDS, slow=True),
    "expanding.jsonl.zst": Case(
        compressed(".zst", (json.dumps({"text": ROW}).encode() + b"\n") * 1000, 1200), _EXPANDS, slow=True
    ),
    "nested.csv.gz": Case(content(lambda: gzip.compress(gzip.compress(b"text\na\n"))), "compressed by gzip"),
    "nested.csv.zip": Case(zipped(("a.csv", b"PK\3\4" + bytes(100))), "a zip archive"),
    "lying.csv.zip": Case(
        content(lambda: archive(replace(member("a.csv", b"text\n", _LETTERS, 1000), size=100))), "Bad CRC-32"
    ),
    "members.csv.zip": Case(
        content(lambda: archive(*(Member(f"{number:060d}.csv", b"\3\0", 0) for number in range(60_000)))),
        "too many members",
    ),
    "method.csv.zip": Case(zipped(("a.csv", b"text\na\n"), method=zipfile.ZIP_LZMA), "another method than deflate"),
    "link.csv.zip": Case(link_out, rows=1),
    # CSV.
    "quote.csv": Case(text('text\n"', times("a line\n", 3 * MIB)), "is a quote left open?"),
    "quote.csv.gz": Case(
        compressed(".gz", b"a line\n" * 100_000, 1000, head=b'text\n"'), "is a quote left open?", slow=True
    ),
    "commas.csv": Case(text("text,label", times(",", 8 * MIB), "\n"), "line 1: "),
    "cells.csv": Case(text("text,label\na,b\n", times(",", 7 * MIB), "\n"), "line 3: 7,340,033 cells", slow=True),
    "large.csv.gz": Case(compressed(".gz", b'"' + _LETTERS * 7 + b'",x\n', 24, b"text,label\n"), rows=24, slow=True),
    "wide.csv": Case(text("text,label\n", long_text(2 * MIB - 100), "\U0001f600,x\n"), rows=1, slow=True),
    # JSON.
    "brackets.jsonl": Case(text('{"text": ', "[" * 100_000, "]" * 100_000, "}\n"), "nested too deeply"),
    "schema.json": Case(text('{"schema": ', "[" * 100_000, "]" * 100_000, ', "data": []}'), "nested too deeply"),
    "open.json.gz": Case(compressed(".gz", _LETTERS, 1000, head=b'["'), "a value of over 8,388,608"),
    "spaces.json.gz": Case(compressed(".gz", b" " * MIB, 2000), "empty"),
    "numbers.jsonl": Case(text('{"text": "a", "n": [', times("0,", 3 * MIB), "0]}\n"), "a value of over 524,288 parts"),
    "lists.json": Case(
        text('[{"text": "a", "n": [', times("[],", 2 * MIB), "0]}]"), "a value of over 524,288 parts", slow=True
    ),
    "half.json": Case(
        text('[{"label": "x", "text": "', times("a", 4 * MIB), '", "n": [', times("[],", 200_000), "0]}]"),
        rows=1,
        slow=True,
    ),
    "keys.jsonl": Case(text(numbered('{"text": "a text", "key #": 0}\n', 200_000)), rows=200_000, slow=True),
    "columns.json": Case(text("{", numbered('"#": [1],', 100_000), '"text": []}'), "an object of over 100"),
    "samples.jsonl.gz": Case(
        compressed(".gz", json.dumps({"text": "a", "label": "x", "n": [[]] * 200_000}).encode() + b"\n", 120),
        rows=120,
        slow=True,
    ),
    "side.json": Case(
        text("{", numbered(f'"#": ["{_THREE_MIB}"],', 7), '"text": ["a"]}'),
        "a row of over 8 MiB",
    ),
    # Words and entities.
    "no-blank.conll": Case(text(times("word\tO\n", 150_000)), "a sentence of over 100000 words", tagged=True),
    "words.conll": Case(text(times(f"{'w' * MIB}\tO\n", 20)), f"line 1: a row {_OVER}", tagged=True),
    "comments.conll.gz": Case(compressed(".gz", b"# " + b"a" * MIB + b"\n", 500), "without a word", tagged=True),
    "tokens.jsonl": Case(
        text('{"tokens": [', times('"a",', 400_000), '"a"], "tags": []}\n'), "over 100000 words", tagged=True, slow=True
    ),
    "long-lines.train.gz": Case(compressed(".gz", b"__label__x " + _LETTERS * 4 + b"\n", 20), rows=20, slow=True),
    # Folders and labels.
    "folder": Case(folder_of_texts, "long.txt: a row of over 8 MiB"),
    "label.csv": Case(text("text,label\na text,", long_text(4 * MIB), "\na text,b\n"), rows=2),
    "labels.csv": Case(text("text,label\n", numbered("a text,label #\n", 600_000)), "different labels", slow=True),
    "large-labels.csv": Case(text("text,label\n", numbered(f"a text,# {'a' * MIB}\n", 40)), "MiB in all"),
    "sets.csv": Case(
        text("text,label\n", numbered("a text,#;#a\n", 600_000)),
        "different labels",
        reading={"label_separator": ";"},
        slow=True,
    ),
    # Parquet.
    "dictionary.parquet": Case(parquet(lambda: repeated("x" * MIB, 100)), rows=100, slow=True),
    "dictionary-100.parquet": Case(parquet(lambda: repeated("x" * 7 * MIB, 2000)), _EXPANDS, slow=True),
    "lists.parquet": Case(
        parquet(lambda: pa.table({"tokens": [["w" * MIB] * 5] * 30, "tags": [["O"] * 5] * 30})),
        tagged=True,
        rows=30,
        slow=True,
    ),
    "prefixes.parquet": Case(
        parquet(
            lambda: pa.table({"text": [characters(MIB)] * 200}),
            use_dictionary=False,
            column_encoding={"text": "DELTA_BYTE_ARRAY"},
        ),
        rows=200,
        slow=True,
    ),
    "cell.parquet": Case(parquet(lambda: pa.table({"text": ["a", "a" * 9 * MIB]})), f"row 2: a cell in 'text' {_OVER}"),
    "page.parquet": Case(parquet(lambda: pa.table({"text": ["a" * 110 * MIB]})), "smaller pages", slow=True),
    "lying-page.parquet": Case(lying_page(1 << 19), "damaged"),
    "footer.parquet": Case(with_footer(1 << 30), "a footer of 1,024 MiB"),
    # Excel.
    "plain.xlsx": Case(sheet(_ROWS), rows=1),
    "strings.xlsx": Case(strings("<si><t>a text</t></si>" * 1000, 5000), "save the sheet as CSV", slow=True),
    "string.xlsx": Case(strings("a text " * 10_000, 5000), "save the sheet as CSV"),
    "elements.xlsx": Case(strings("<a/>" * 10_000, 1000), "save the sheet as CSV", slow=True),
    "types.xlsx": Case(
        workbook("[Content_Types].xml", "<Types>", "<a/>" * 10_000, 10_000), "save the sheet as CSV", slow=True
    ),
    "inline.xlsx": Case(
        sheet(_ROWS + '<row r="3"><c t="inlineStr"><is><t>', "a text " * 10_000, 10_000),
        "save the sheet as CSV",
        slow=True,
    ),
    "cells.xlsx": Case(
        sheet(_ROWS + '<row r="3">', "<c/>" * 10_000, 10_000, "</row>"), "save the sheet as CSV", slow=True
    ),
    "far.xlsx": Case(sheet(_ROWS + '<row r="1000000000000"><c><v>1</v></c></row>'), "a sheet has up to", slow=True),
    "cdata.xlsx": Case(
        sheet(_ROWS + '<row r="3"><c t="inlineStr"><is><t><![CDATA[', "</row>" * 10_000, 10_000),
        "save the sheet as CSV",
        slow=True,
    ),
    "laughs.xlsx": Case(
        workbook(
            _STRINGS,
            "<!DOCTYPE sst [<!ENTITY a0 'aaaaaaaaaa'>"
            + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
            + f']><sst xmlns="{_SPREADSHEET}"><si><t>&a9;</t></si></sst>',
        ),
        "cannot be read as an Excel workbook",
    ),
    "outside.xlsx": Case(
        workbook(
            _STRINGS,
            f'<!DOCTYPE sst [<!ENTITY a SYSTEM "{OUTSIDE}/secret.csv">]>'
            f'<sst xmlns="{_SPREADSHEET}"><si><t>&a;</t></si></sst>',
        ),
        "cannot be read as an Excel workbook",
    ),
}


def make_hostile_data(folder: Path, slow: bool = True) -> dict[str, Case]:
    """Write the cases into a folder; returns those that are written, by name."""
    (folder / OUTSIDE).mkdir()
    (folder / OUTSIDE / "secret.csv").write_text("text\nsecret\n")
    cases = {name: case for name, case in CASES.items() if slow or not case.slow}
    for name, case in cases.items():
        case.write(folder / name)
    return cases


if __name__ == "__main__":
    make_hostile_data(Path(sys.argv[1]))
