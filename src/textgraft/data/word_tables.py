"""Tables with a word per row, its tag, and the number of its sentence, as rows of sentences."""

import json
from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.format import Row, RowReader, pack_rows
from textgraft.data.tags import MAX_WORDS
from textgraft.errors import DataError


class WordTable(RowReader):
    """The sentences of a table; its position is that of its first word.

    A sentence begins where its number changes; a blank number is that of the row above.
    """

    columns: tuple[str, ...] = ()

    def __init__(self, reader: RowReader, table: Columns) -> None:
        """`table` names the columns of words (`text`), tags (`label`) and numbers of sentences (`pair`)."""
        super().__init__(reader.source)
        self.columns = ("tokens",) if table.label is None else ("tokens", "tags")
        self._reader = reader
        self._table = table

    @property
    def notices(self) -> tuple[str, ...]:
        return self._reader.notices

    def location(self, position: int) -> str:
        return self._reader.location(position)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """Words and, where the columns have a label, tags of each sentence, as JSON lists of strings."""
        table = self._table if columns.label is not None else self._table._replace(label=None)
        return pack_rows(self._sentences(table))

    def _sentences(self, table: Columns) -> Iterator[Row]:
        sentence: list[Row] = []
        number = ""
        for row in self._words(table):
            if sentence and (row.pair or "").strip() not in ("", number):
                yield _join(sentence)
                sentence = []
            number = (row.pair or "").strip() or number
            sentence.append(row)
            if len(sentence) > MAX_WORDS:
                raise DataError(
                    f"{self.location(sentence[0].position)}: a sentence of over {MAX_WORDS} words; "
                    f"number the sentences in {table.pair!r}"
                )
        if sentence:
            yield _join(sentence)

    def _words(self, table: Columns) -> Iterator[Row]:
        for batch in self._reader.rows(table):
            for values in batch.to_pylist():
                row = Row(**values)
                for cell, name in ((row.text, table.text), (row.label, table.label)):
                    if name is not None and not (cell or "").strip():
                        raise DataError(f"{self.location(row.position)}: no value for {name!r}; fill it in")
                yield row


def _join(sentence: list[Row]) -> Row:
    words = json.dumps([row.text for row in sentence], ensure_ascii=False)
    tags = None if sentence[0].label is None else json.dumps([row.label for row in sentence], ensure_ascii=False)
    return Row(sentence[0].position, words, tags)
