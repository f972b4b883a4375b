"""A file in another encoding is reported with the name of that encoding."""

import zipfile

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.encodings import likely_encoding
from textgraft.data.loading import load_dataset
from textgraft.errors import ConfigError, DataError

TEXTS = {
    "cp1252": "It doesn’t work – I’d not buy it for 5 €\nDer Käse schmeckt schön, très bien",
    "latin-1": "Un café très serré\nLe garçon était âgé",
    "windows-1252": "Eén van de beste, héél mooi\nOù est le téléphone, ça coûte 20",
    "iso8859-1": "Filmen var kjedelig, og jeg ønsker pengene tilbake\nIl film è bellissimo, però il finale no",
    "cp1254": "Çok güzel bir film, herkese tavsiye ederim\nIşıklar ve müzik harika, beğendim",
    "cp1250": "Nie działa, żałuję zakupu\nŚwietna jakość wykonania",
    "iso8859-2": "Świetna jakość, źle działa\nMąż jest zadowolony, że kupił",
    "cp1251": "Отличный фильм, всем советую\nУжасно скучно, не тратьте время",
    "koi8-r": "Отличный фильм, всем советую\nУжасно скучно, не тратьте время",
    "gb18030": "这部电影非常好看，推荐大家去看\n太无聊了，浪费时间",
    "gbk": "好评\n差评，质量太差",
    "big5": "這部電影非常好看，推薦大家去看\n太無聊了，浪費時間",
    "shift-jis": "この映画はとても面白かったです\n退屈で時間の無駄でした",
    "euc-jp": "この映画はとても面白かったです\n退屈で時間の無駄でした",
    "euc-kr": "이 영화는 정말 재미있어요\n너무 지루하고 시간 낭비였습니다",
    "utf-16": "Größe\nеще",
    "utf-16-le": "Größe of it\nall",
    "utf-16-be": "Größe of it\nall",
    "utf-32": "Größe\nеще",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_likely_encoding_is_named_and_reads_the_text(write, encoding):
    content = "text\tlabel\n" + "".join(f"{line}\tx\n" for line in TEXTS[encoding].split("\n"))
    path = write("a.tsv", content.encode(encoding))
    with pytest.raises(DataError, match=r"not utf-8; it looks like|a NUL byte; set encoding to") as caught:
        load_dataset(path, text="text")
    likely = str(caught.value).split("set encoding to ")[1].split(",")[0]
    for name in (likely, "auto"):
        assert texts_of(load_dataset(path, text="text", encoding=name)) == TEXTS[encoding].split("\n")


def test_encoding_that_was_guessed_is_reported(write):
    path = write("a.txt", "déjà vu, café".encode("cp1252"))
    assert load_dataset(path, encoding="auto").notices == (f"{path}: read as cp1252, its likely encoding",)
    assert load_dataset(write("b.txt", "déjà"), encoding="auto").notices == ()


def test_ascii_and_noise_have_no_other_encoding():
    assert likely_encoding(b"plain") == "utf-8"
    assert likely_encoding("é".encode()[:1] + b"\n") != "utf-16"


def test_single_line_in_another_encoding_is_reported_as_such(write):
    path = write("a.txt", "é\n".encode() * 20 + "naïve café\n".encode("cp1252") + "à\n".encode())
    with pytest.raises(DataError, match=r"line 21: .* not utf-8; most lines are UTF-8: correct this one, which looks"):
        load_dataset(path)


def test_control_characters_of_latin_1_are_reported(write):
    path = write("a.txt", "plain\nIt doesn’t – work\n".encode("cp1252"))
    (notice,) = load_dataset(path, encoding="latin-1").notices
    assert notice.startswith(f"{path}, line 2: the first of 2 control characters such as '\\x92'")
    assert notice.endswith("set encoding to cp1252")
    (notice,) = load_dataset(write("b.txt", "doesn\x92t\n")).notices
    assert "cp1252 that was read as latin-1" in notice


@pytest.mark.parametrize("text", ["Das war schön, aber früher\nund das Menü\n", "déjà vu, très fatigué\n" * 3])
def test_last_letters_of_lines_are_no_cut_off_utf8(write, text):
    with pytest.raises(DataError, match="it looks like cp1252: set encoding to cp1252"):
        load_dataset(write("a.txt", text.encode("cp1252")))


def test_lines_of_utf8_among_others_are_counted(write):
    path = write("a.txt", b"".join("the café was good\n".encode(name) for name in ("cp1252", "utf-8") * 9))
    (notice,) = load_dataset(path, encoding="auto").notices
    assert "read as cp1252, its likely encoding, though 9 lines at its beginning must be UTF-8" in notice


def test_utf8_that_is_read_as_another_encoding_is_reported(write):
    path = write("a.txt", "café\n")
    notice = f"{path}: valid UTF-8, but read as cp1252; set encoding to utf-8"
    assert load_dataset(path, encoding="cp1252").notices == (notice,)
    assert load_dataset(path, encoding="utf-8-sig").notices == ()


def test_utf16_without_its_mark_is_refused(write):
    path = write("a.csv", "text,label\none,x\n")
    with pytest.raises(DataError, match="no byte order mark of utf-16; set encoding to utf-8"):
        load_dataset(path, encoding="utf-16")


@pytest.mark.parametrize("encoding", ["utf-9", "hex"])
def test_unknown_encoding_is_refused(encoding):
    with pytest.raises(ConfigError, match=f"encoding '{encoding}' is unknown"):
        load_dataset("a.csv", encoding=encoding)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04....", "a zip archive or an Excel workbook"),
        (b"\xd0\xcf\x11\xe0....", "an old Excel workbook"),
        (b"PAR1....", "a Parquet file; rename it to .parquet"),
        (b"a.csv".ljust(257, b"\0") + b"ustar", "a tar archive; unpack it"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x1f\x8b\x08\0", "compressed by gzip; rename it to end in .gz"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
    ],
)
def test_content_that_does_not_fit_the_extension_is_named(write, content, message):
    path = write("a.csv", content)
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "a.json.zip", "a.txt"])
def test_git_lfs_pointer_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(DataError, match=f"{name}: a Git LFS pointer, not the file itself; fetch it with git lfs pull"):
        load_dataset(path)


def test_archive_of_several_files_is_reported(write):
    path = write("a.csv", "text\na\n").with_suffix(".csv.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    with pytest.raises(DataError, match="the archive holds 2 files; unpack it and pass one of them"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("encoding", "content", "message"),
    [
        ("utf-16", "\ufefftext\na\n".encode(), "no byte order mark of utf-16; set encoding to utf-8"),
        ("utf-32", "text\na\n".encode("utf-16"), "no byte order mark of utf-32; set encoding to utf-16"),
        ("punycode", b"text\na-b!\n", r"line 1: not punycode \(.*\); it looks like utf-8"),
    ],
)
def test_bytes_that_a_codec_refuses_as_a_whole_are_reported(write, encoding, content, message):
    with pytest.raises(DataError, match=message):
        load_dataset(write("a.csv", content), encoding=encoding)
