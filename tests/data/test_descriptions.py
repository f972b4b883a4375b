"""Descriptions of labels, from TOML files and mappings."""

import numpy as np
import pytest

from textgraft.data.descriptions import MAX_CHARACTERS, MAX_DESCRIPTIONS, describe_by_name, is_word, read_descriptions
from textgraft.errors import ConfigError


def test_strings_and_lists_are_read_in_the_order_of_the_labels(tmp_path):
    path = tmp_path / "labels.toml"
    path.write_text('b = "second"\n"a.x" = ["first", "Première"]\n', encoding="utf-8")
    assert read_descriptions(path, ["a.x", "b"]) == {"a.x": ("first", "Première"), "b": ("second",)}
    assert list(read_descriptions(str(path))) == ["b", "a.x"]


def test_integer_and_boolean_labels_are_keys_as_they_are_stored():
    assert read_descriptions({0: "bad", np.int64(1): ["good"]}, ["0", "1"]) == {"0": ("bad",), "1": ("good",)}
    assert read_descriptions({True: "good", False: "bad"}, ["false", "true"]) == {"false": ("bad",), "true": ("good",)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a = "x"', "labels.toml: no description of b; add a line for each label"),
        ('a = "x"\nb = "y"\nc = "z"', "labels.toml: unknown label c; the labels are a, b"),
        ('a = "x"\nb = 3', "labels.toml: b must be a string or a list of strings, not int"),
        ('a = "x"\nb.c = "y"', "labels.toml: b must be a string or a list of strings, not dict; write a label with"),
        ('a = "x"\nb = ["y", 3]', "labels.toml: b, description 2 must be a string, not int"),
        ('a = "x"\nb = [" "]', "labels.toml: b, description 1 is empty; write a few words"),
        ('a = "x"\nb = "y\\u0000"', "labels.toml: b, description 1 has a null character"),
        ('a = "x"\nb = []', f"labels.toml: b has 0 descriptions; write 1 to {MAX_DESCRIPTIONS}"),
        (f'a = "x"\nb = {["y"] * (MAX_DESCRIPTIONS + 1)}', "labels.toml: b has 101 descriptions"),
        ('a = "x"\nb = ["Y", "y "]', "labels.toml: b, description 2 occurs twice: 'y '; write it once"),
        ('a = "x"\nb = "x"', "labels.toml: b, description 1 occurs for a too: 'x'; write it once"),
        (f'a = "x"\nb = "{"y" * (MAX_CHARACTERS + 1)}"', "labels.toml: b, description 1 has 2,001 characters"),
        ('a = "x"\na = "y"', "labels.toml is not TOML: Cannot overwrite a value"),
        ("a", "labels.toml is not TOML"),
        (b'a = "\xff"', "labels.toml is not TOML: 'utf-8' codec can't decode"),
    ],
)
def test_invalid_file_is_reported_with_file_and_label(tmp_path, content, message):
    path = tmp_path / "labels.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=message) as caught:
        read_descriptions(path, ["a", "b"])
    assert "\n" not in str(caught.value)


def test_other_objects_are_reported(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        read_descriptions(tmp_path / "none.toml", ["a"])
    with pytest.raises(ConfigError, match="must be a mapping from labels to texts or a path, not list"):
        read_descriptions(["x"], ["a"])
    with pytest.raises(
        ConfigError, match="a, description 1 has a null character or half of a surrogate pair; remove it"
    ):
        read_descriptions({"a": "\ud800"}, ["a"])
    with pytest.raises(ConfigError, match="descriptions: two keys are the label 1; drop one"):
        read_descriptions({1: "x", "1": "y"}, ["1"])
    with pytest.raises(ConfigError, match="a label must be a string, integer or boolean, not float"):
        read_descriptions({0.5: "x"}, ["a"])


def test_label_with_control_characters_is_escaped():
    with pytest.raises(ConfigError) as caught:
        read_descriptions({"a": "x", "b\x1b[31m": "y"}, ["a"])
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", ["World", "Sci/Tech", "credit_card", "très bien", "हिन्दी", "好", "don't"])
def test_name_of_letters_is_a_word(name):
    assert is_word(name)


@pytest.mark.parametrize("name", ["0", "pos1", "LABEL_3", "1.5", "A", "_", "", "c++", "★★★"])
def test_other_name_is_not_a_word(name):
    assert not is_word(name)


def test_names_describe_labels_where_they_are_words():
    assert describe_by_name(["credit_card", "Sci/Tech"]) == {"credit_card": ("credit card",), "Sci/Tech": ("Sci/Tech",)}
    with pytest.raises(ConfigError, match=r"the label LABEL_3 is not a word.*set descriptions to a TOML file"):
        describe_by_name(["World", "LABEL_3"])
