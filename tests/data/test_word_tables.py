"""Tables with a word per row are read as sentences."""

import json

import pytest

from textgraft.data.columns import Reading
from textgraft.data.tagged import load_tagged, read_tagged
from textgraft.errors import DataError
from textgraft.task_specs import infer_task

WORDS = [("Ada", "B-PER"), ("Byron", "I-PER"), ("came", "O"), ("Rome", "B-LOC"), ("fell", "O")]
SENTENCES = [("Ada Byron came", [(0, 9, "PER")]), ("Rome fell", [(0, 4, "LOC")])]


def table(numbers, header="Sentence #,Word,POS,Tag"):
    rows = (f"{number},{word},X,{tag}" for number, (word, tag) in zip(numbers, WORDS, strict=True))
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize("numbers", [("Sentence: 1", "", "", "Sentence: 2", ""), (1, 1, 1, 2, 2), (0, 0, 0, 7, "")])
@pytest.mark.parametrize("header", ["Sentence #,Word,POS,Tag", "sentence_id,token,pos,ner", "sent_id,Token,x,NER_Tag"])
def test_numbers_on_the_first_or_every_row_separate_sentences(write, numbers, header):
    path = write("a.csv", table(numbers, header))
    assert infer_task(str(path), Reading()) == "token-classification"
    data = load_tagged(path)
    assert [(row.text, row.spans) for row in data] == SENTENCES
    assert data.scheme == "IOB2"
    assert data.location(1) == f"{path}, line 5"
    assert [row.words for row in read_tagged(str(path), None, Reading())] == [
        [(0, 3), (4, 9), (10, 14)],
        [(0, 4), (5, 9)],
    ]


def test_table_without_tags_is_read_for_prediction(write):
    path = write("a.jsonl", "".join(json.dumps({"sentence_id": 1, "word": word}) + "\n" for word, _ in WORDS[:3]))
    assert [row.text for row in read_tagged(str(path), None, Reading())] == ["Ada Byron came"]
    with pytest.raises(DataError, match="cannot infer the column of tags"):
        load_tagged(path)


def test_words_beside_their_sentences_are_no_table(write):
    path = write("a.csv", "sentence,word,label\nthe bank of a river,bank,b\nsend it to the bank,bank,a\n")
    assert infer_task(str(path), Reading()) == "text-classification"
    assert next(iter(read_tagged(str(path), None, Reading()))).text == "the bank of a river"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Sentence #,Word,Tag\n1,Ada,B-PER\n1,,O\n", "line 3: no value for 'Word'; fill it in"),
        ("Sentence #,Word,Tag\n1,Ada,\n", "line 2: no value for 'Tag'; fill it in"),
        ("Sentence #,Word,Tag\n1,Ada,PER\n", "line 2: the tag 'PER' of word 1 is neither O nor"),
    ],
)
def test_malformed_tables_are_reported(write, content, message):
    path = write("a.csv", content)
    with pytest.raises(DataError) as caught:
        load_tagged(path)
    assert str(caught.value).startswith(f"{path}, {message}")


def test_absent_column_of_tags_is_reported(write):
    with pytest.raises(DataError, match="no column 'labels'; it has: Sentence #, Word, Tag"):
        load_tagged(write("a.csv", "Sentence #,Word,Tag\n1,Ada,B-PER\n"), label="labels")


def test_sentence_without_end_is_reported(write, monkeypatch):
    monkeypatch.setattr("textgraft.data.word_tables.MAX_WORDS", 3)
    with pytest.raises(DataError, match="a sentence of over 3 words; number the sentences in 'Sentence #'"):
        load_tagged(write("a.csv", table((1, 1, 1, 1, 1))))
