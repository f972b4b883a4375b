"""The command of this process, for reports and model folders."""

import re
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgraft.tasks.base import Task

_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s]+@")
_SECRET = re.compile(r"((?:token|password|secret|signature|api_?key)[\w-]*=)[^&\s]+", re.IGNORECASE)


def command_line() -> str:
    """The command as a shell reads it, with asterisks for passwords and tokens in addresses."""
    return shlex.join(["textgraft", *map(_without_secrets, sys.argv[1:])])


def keep_command(model: "Task") -> None:
    """Keep the command of this process as that of a model's training."""
    model.record["command"] = command_line()


def _without_secrets(word: str) -> str:
    return _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1***@", word))
