"""CSV and TSV files as programs really write them: delimiters, headers, quotes and white space."""

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.loading import load_dataset
from textgraft.errors import DataError

ROWS = [(f"Message {number}, as sent", "ab"[number % 2]) for number in range(6)]


def table(delimiter, *rows, header=("text", "label"), end="\n"):
    return "".join(delimiter.join(row) + end for row in (header, *rows) if row)


def error_of(path, **options):
    with pytest.raises(DataError) as caught:
        load_dataset(path, **options)
    return str(caught.value)


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars"), ("^", "'^'")])
@pytest.mark.parametrize("header", [("text", "label"), ("Text, as sent", "label")])
def test_delimiter_is_found_in_the_first_rows_and_reported(write, delimiter, name, header):
    path = write("a.csv", table(delimiter, *ROWS, header=header))
    data = load_dataset(path)
    assert (texts_of(data), data.columns) == ([text for text, _ in ROWS], header)
    assert data.notices == (f"{path}: {name} separate the cells",)
    assert load_dataset(path, delimiter=delimiter).notices == ()


def test_commas_are_found_in_a_tsv_file(write):
    path = write("a.tsv", 'text,label\n"one, two",x\nthree,y\n')
    assert texts_of(load_dataset(path)) == ["one, two", "three"]


def test_delimiter_of_the_extension_is_kept_where_others_are_text(write):
    data = load_dataset(write("a.csv", "text,label\na;b,x;y\nc;d|e,z\n"))
    assert (texts_of(data), data.labels.tolist()) == (["a;b", "c;d|e"], ["x;y", "z"])
    assert data.notices == ()
    assert texts_of(load_dataset(write("b.csv", "text\nc; d\ne; f\n"))) == ["c; d", "e; f"]


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n'])
def test_delimiter_that_excel_names_in_the_first_line_is_used(write, first):
    path = write("a.csv", first + table(";", *ROWS))
    data = load_dataset(path)
    assert (texts_of(data)[0], data.location(0)) == (ROWS[0][0], f"{path}, line 3")


@pytest.mark.parametrize(
    ("rows", "suggestion"),
    [
        ([("spam", "Win a prize"), ("ham", "See you"), ("spam", "Win now")], "text to 2, label to 1"),
        ([("4", "11", "Mon", "none", "good"), ("0", "12", "Mon", "none", "so bad")], "text to 5, label to 1"),
        (
            [("2024-05", "Good", "x"), ("2024-06", "So bad", "y"), ("2024-07", "Bad", "x")],
            "text to 2, label to 3",
        ),
        ([("1", "First of all"), ("2", "Then the second"), ("3", "At last")], "text to 2"),
        ([("What is it?", "question"), ("Do it", "order"), ("Who?", "question"), ("Why?", "question")], "text to 1"),
    ],
)
def test_first_row_of_data_is_refused_with_the_fix(write, rows, suggestion):
    path = write("a.tsv", table("\t", *rows, header=()))
    message = error_of(path)
    assert message.startswith(f"{path}, line 1: the first row must name the columns")
    assert f"set header to none ({suggestion}" in message
    assert load_dataset(path, header="first", text=rows[0][-1]).columns == rows[0]


@pytest.mark.parametrize("header", [("text", "label"), ("", "text"), ("0", "1"), ("frase", "voto"), ("Topic", "2024")])
def test_names_of_columns_are_not_taken_for_data(write, header):
    path = write("a.csv", table(",", ("text", "label"), ("x", "7"), ("y", "text"), ("z", "7"), header=header))
    assert load_dataset(path, text=header[0] or "text").columns == (header[0] or "Unnamed: 0", header[1])


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("text_first", [True, False])
@pytest.mark.parametrize("labels", ["pn", "12"])
def test_rows_that_a_quote_swallows_are_refused(write, delimiter, text_first, labels):
    rows = [(f"row {number}", labels[number % 2]) for number in range(8)]
    rows[2], rows[5] = ('"begins with a quote', labels[0]), ('and ends with one"', labels[1])
    rows, header = (rows, ("text", "label")) if text_first else ([row[::-1] for row in rows], ("label", "text"))
    path = write("a.tsv" if delimiter == "\t" else "a.csv", table(delimiter, *rows, header=header))
    message = error_of(path)
    assert message.startswith(f"{path}, line 4: a cell in quotes holds line breaks and ")
    assert "like 4 rows" in message
    assert "quotes=False (--no-quotes)" in message
    assert len(load_dataset(path, quotes=False)) == 8
    assert len(load_dataset(path, quotes=True)) == 5


def test_cell_whose_lines_may_be_rows_is_reported(write):
    path = write("a.csv", "text,summary\n" + 'one,first\n"two,second\n' + "more,words\n" * 5 + 'five",fifth\n')
    (notice,) = load_dataset(path, label="summary").notices
    assert notice.startswith(
        f"{path}, line 3: the first cell in quotes whose lines may be rows; if quotes are ordinary"
    )
    assert load_dataset(path, label="summary", quotes=True).notices == ()


def test_cells_of_several_lines_are_read(write):
    cells = ["I liked it, really\nThe end, or so", "a,b\nc,d\ne", "pos\nneg", "one,\n\ntwo"]
    path = write("a.csv", "text,label\n" + "".join(f'"{cell}",{"pn"[i % 2]}\n' for i, cell in enumerate(cells * 2)))
    assert texts_of(load_dataset(path)) == cells * 2


def test_white_space_around_labels_is_data_within_quotes_only(write):
    path = write("a.csv", 'text, label\n one ,  pos\n two , neg \nthree," pos "\nfour,pos\n')
    data = load_dataset(path)
    assert data.labels.tolist() == ["pos", "neg", " pos ", "pos"]
    assert texts_of(data)[:2] == [" one ", " two "]
    assert data.notices == (f"{path}: white space around 2 labels dropped",)


def test_carriage_returns_may_end_all_lines(write):
    path = write("a.csv", "text,label\ra,x\rb,y\r")
    data = load_dataset(path)
    assert (texts_of(data), data.location(1)) == (["a", "b"], f"{path}, line 3")


def test_spaces_before_quotes_are_ignored(write):
    path = write("a.csv", 'label, text\nx, "one, two"\ny, "three"\n')
    data = load_dataset(path)
    assert texts_of(data) == ["one, two", "three"]
    assert load_dataset(write("b.csv", 'text,label\n" ""a"" b",x\n  c,y\n')).notices == ()
    assert data.notices == (f"{path}: spaces between separators and cells are ignored",)


def test_wrong_delimiter_shows_the_names(write):
    assert "set text to one of: text,label" in error_of(write("a.csv", "text,label\na,x\nb,y\n"), delimiter=";")


def test_quotes_around_whole_rows_are_reported(write):
    path = write("a.csv", '"text,label"\n"good,pos"\n"bad,neg"\n')
    assert error_of(path) == f"{path}, line 1: quotes enclose whole rows ('text,label'); remove them"
    path = write("b.csv", 'text,label\ngood,pos\n"bad,neg"\n')
    assert "line 3: 1 cells where the first row has 2; quotes enclose the whole row; remove them" in error_of(path)


def test_title_above_the_names_is_reported(write):
    path = write("a.csv", "Report of May\n\ntext,label\na,x\n")
    assert f"{path}, line 1: 'Report of May' is alone in a row above rows of 2 cells; remove" in error_of(path)
    assert "put quotes around a cell" in error_of(write("b.csv", "text\none, two\n"))  # no title
    assert texts_of(load_dataset(write("c.csv", ",text\n0,a\n"))) == ["a"]


def test_quotes_escaped_by_backslashes_are_reported(write):
    path = write("a.csv", 'text,label\nok,x\n"He said \\"no\\"",y\n')
    assert error_of(path) == f'{path}, line 3: a quote is escaped by a backslash; double it instead ("")'


def test_rows_that_repeat_the_names_are_dropped_and_counted(write):
    path = write("a.csv", "text,label\na,x\ntext,label\nb,y\n\ufeffText,Label\n")
    data = load_dataset(path)
    assert texts_of(data) == ["a", "b"]
    assert data.notices == (f"{path}, line 3: the column names are repeated here; 2 rows like this dropped",)


def test_columns_without_a_name_and_delimiters_at_the_end_of_a_row_are_read(write):
    data = load_dataset(write("a.csv", "label,text,,,\nham,one,,,\nspam,two,,,\n"))
    assert data.columns == ("label", "text", "Unnamed: 2", "Unnamed: 3", "Unnamed: 4")
    assert texts_of(load_dataset(write("b.csv", "text,label\na,x,,\nb,y\n"))) == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["", "Unnamed: 0", "id", "Id", "tweet_id", "PhraseId", "index", "row_number", "nr", "level_0", "counted"]
)
def test_row_numbers_and_keys_are_not_labels(write, name):
    rows = [(str(number), f"Text {number}") for number in range(7, 12)]
    data = load_dataset(write("a.csv", table(",", *rows, header=(name, "text"))))
    assert data.labels is None
    if name == "tweet_id":
        with pytest.raises(DataError, match="no column of labels beside tweet_id, text; add one"):
            data.require_labels()


def test_labels_of_many_digits_are_read(write):
    data = load_dataset(write("a.csv", table(",", *((f"Text {number}", "9" * 5000) for number in range(3)))))
    assert data.label_names == ["9" * 5000]


def test_key_of_labels_is_suggested(write):
    data = load_dataset(
        write("a.csv", table(",", ("1", "a", "7"), ("2", "b", "8"), header=("id", "text", "category_id")))
    )
    with pytest.raises(DataError, match=r"cannot infer the label column; set label to one of: category_id$"):
        data.require_labels()


def test_names_that_look_like_texts_are_doubted(write):
    message = error_of(write("a.csv", "I loved it\nI hated it\n"))
    assert message.endswith("set text to one of: I loved it; if the first row is not names, set header to none")


def test_rows_without_a_text_are_dropped_with_their_label(write):
    path = write("a.csv", "text,label\na,x\n,\n,y\nb,z\n,\n")
    assert error_of(path).startswith(f"{path}, line 3: the text is empty (3 in all); ")
    data = load_dataset(path, empty="drop")
    assert (texts_of(data), data.labels.tolist()) == (["a", "b"], ["x", "z"])


@pytest.mark.parametrize(("delimiter", "format"), [("\t", "tsv"), (";", "csv"), (",", "csv")])
def test_table_in_a_txt_file_is_read_and_reported(write, monkeypatch, delimiter, format):
    path = write("a.txt", table(delimiter, ("one", "x"), ("two", "y")).encode("utf-16"))
    data = load_dataset(path, encoding="utf-16")
    assert (texts_of(data), data.labels.tolist()) == (["one", "two"], ["x", "y"])
    assert f"{path}: read as a table, although its extension is that of plain text" in data.notices
    assert f"names of columns; set format to {format}" in error_of(path, format="lines", encoding="utf-16")


def test_table_without_names_in_a_txt_file_is_reported(write):
    path = write("a.txt", "spam\tWin a prize\nham\tSee you\nspam\tWin\n")
    assert error_of(path).startswith(f"{path}, line 1: the first row must name the columns")
    assert load_dataset(path, header="none", text="2", label="1").label_names == ["ham", "spam"]
    assert texts_of(load_dataset(path, format="lines"))[0] == "spam\tWin a prize"
    assert texts_of(load_dataset(write("b.txt", "one\ttab\ntwo\ttabs\nthree\n")))[0] == "one\ttab"


def test_first_line_of_text_is_no_header(write):
    assert texts_of(load_dataset(write("a.txt", "Comment, please\nThe end\n")))[0] == "Comment, please"
