"""The command that reports and model folders keep."""

import sys

from textgraft.cli.command_line import command_line


def test_command_is_that_of_a_shell_without_passwords_and_tokens(monkeypatch):
    words = ["train", "a b.csv", "s3://me:pa/ss@host/x.csv", "https://host/x.csv?api_key=abc&v=1", "--out=me@host"]
    monkeypatch.setattr(sys, "argv", ["/usr/bin/textgraft", *words])
    assert command_line() == (
        "textgraft train 'a b.csv' 's3://me:***@host/x.csv' 'https://host/x.csv?api_key=***&v=1' --out=me@host"
    )
