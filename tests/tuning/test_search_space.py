"""What is tried: the TOML's lines, and each wrong one as an error of one line."""

import re

import pytest

from tests.helpers.paths import TESTS
from textgraft.errors import ConfigError
from textgraft.tuning.search_space import Choice, Range, default_space, read_space


def space_of(tmp_path, text):
    (tmp_path / "space.toml").write_text(text)
    return read_space(tmp_path / "space.toml", default_space(10_000, 100))


def test_file_replaces_domains_and_keeps_the_others(tmp_path):
    space = space_of(
        tmp_path,
        """
        preset = ["minilm", "other"]
        learning-rate = {low = 1e-5, high = 5e-4, log = true}
        epochs = {low = 1, high = 3}
        batch_size = 16
        dropout = [0, 0.2]
        fine_tune = ["all", "lora:8"]
        ["lora:8"]
        learning_rate = [1e-3]
        [other]
        learning_rate = [2e-3]
        """,
    )
    assert space.domains["learning_rate"] == Range(1e-5, 5e-4, log=True)
    assert space.domains["epochs"] == Range(1, 3)
    assert space.domains["batch_size"] == Choice((16,))
    assert space.domains["dropout"] == Choice((0.0, 0.2))
    assert space.domains["pooling"] == default_space(10_000, 100).domains["pooling"]
    assert space.domain("learning_rate", "minilm", "all") == ("learning_rate", Range(1e-5, 5e-4, log=True))
    assert space.domain("learning_rate", "other", "all") == ("other.learning_rate", Choice((2e-3,)))
    assert space.domain("learning_rate", "other", "lora:8") == ("lora:8.learning_rate", Choice((1e-3,)))
    assert space.domain("warmup", "minilm", "all") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning_rat = 1", ["unknown key 'learning_rat'", "'learning_rate'"]),
        ("[none]\nepoch = 1", ["unknown key [none] 'epoch'", "'epochs'"]),
        ("[last]\nepochs = 1", ["table [last]", "all, last:2, minilm, none"]),
        ("epochs = 1.5", ["epochs must be of type int, not 1.5"]),
        ("epochs = true", ["epochs must be of type int, not True"]),
        ("lowercase = 1", ["lowercase must be of type bool"]),
        ("epochs = ['3']", ["epochs must be of type int, not '3'"]),
        ("epochs = []", ["epochs has no choices"]),
        ("epochs = [0, 1]", ["epochs: epochs must be at least 1, not 0"]),
        ("learning_rate = {low = 1}", ["range such as"]),
        ("learning_rate = {low = 1, high = 2, step = 3}", ["range such as"]),
        ("learning_rate = {low = 2, high = 1}", ["low <= high"]),
        ("learning_rate = {low = 0, high = 1, log = true}", ["low > 0"]),
        ("pooling = {low = 1, high = 2}", ["list its choices"]),
        ("fine_tune = 'some'", ["fine_tune 'some' is unknown"]),
        ("head = 'magic'", ["head 'magic' is unknown"]),
        ("[none]\npreset = 'x'", ["preset is not allowed in a table"]),
        ("epochs = ", ["is not TOML"]),
        (f"epochs = {'[' * 9000}1{']' * 9000}", ["is nested too deeply"]),
        (f"learning_rate = {'9' * 400}", ["learning_rate is too large, a number of 1329 bits"]),
    ],
)
def test_wrong_lines_are_reported_in_one_line(tmp_path, text, words):
    with pytest.raises(ConfigError) as error:
        space_of(tmp_path, text)
    assert "\n" not in str(error.value)
    for word in [str(tmp_path / "space.toml"), *words]:
        assert word in str(error.value)


def test_default_table_is_dropped_with_its_fine_tune(tmp_path):
    assert space_of(tmp_path, 'fine_tune = ["all"]').tables == {}


def test_missing_file_is_reported(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_space(tmp_path / "absent.toml", default_space(10_000, 100))


def documented(domain):
    if isinstance(domain, Range):
        return f"{domain.low:g} to {domain.high:g}"
    return ", ".join(str(value).lower() for value in domain.values)


def test_default_space_is_documented():
    page = (TESTS.parent / "docs" / "guide" / "tuning.md").read_text(encoding="utf-8").replace("`", "")
    space = default_space(10_000, 100)
    for column, domains in enumerate((space.domains, space.tables["none"]), start=2):
        for name, domain in domains.items():
            (row,) = re.findall(rf"^\| [\w, ]*\b{name}\b[\w, ]* \|.*", page, re.MULTILINE)
            assert row.split("|")[column].strip().startswith(documented(domain)), name
