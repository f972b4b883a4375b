"""A command that is killed: what it writes, what may lie there between kills, and how it must end."""

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Temporary files and folders of textgraft's writers, beside what they write.
_TEMPORARY = re.compile(r"(.*/)?\.[^/]+\.(building|previous|removed)\.[a-z0-9_]{8}(/.*)?")

# Folders that a command sees in its working folder: what it reads, shared by all, and what it writes.
INPUTS, OUTPUTS = "../inputs", "outputs"

# Begins the name of an outcome that must not occur.
WRONG = "WRONG"


class Job(ABC):
    """A command, run in a folder of its own.

    Attributes:
        name: in the tally.
        arguments: of the command line.
        output: final name of the result in the outputs; empty when it is only printed.
        is_atomic: whether the result appears at once.
        overwrites: whether it replaces an older result, so that it runs again when it is repeated.
        forks: whether it may be forked from a process that has imported everything.
        max_kills: maximum number of kills before it is allowed to end.
    """

    output: str
    is_atomic = True
    forks = True
    max_kills = 5

    def __init__(self, name: str, arguments: str, overwrites: bool = False) -> None:
        self.name, self.overwrites = name, overwrites
        self.arguments = [*arguments.split(), *(["--overwrite"] if overwrites else [])]

    @property
    def last_output(self) -> str:
        """Path in the outputs of what is written last."""
        return self.output

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the command."""
        return {"TEXTGRAFT_OFFLINE": "1", "TEXTGRAFT_CACHE": f"{OUTPUTS}/cache"}

    @contextmanager
    def service(self, inputs: Path) -> Iterator[None]:
        """Provide what the command uses beside files."""
        yield

    @abstractmethod
    def fingerprint(self, outputs: Path, printed: str) -> str:
        """A digest of the result, from the folder of outputs and from what was printed; equal for equal results.

        Raises:
            Exception: when the result is damaged.
        """

    def write_older(self, inputs: Path, outputs: Path) -> None:
        """Write an older result, which the command overwrites."""
        raise NotImplementedError

    def find_damage(self, outputs: Path) -> Iterator[str]:
        """What is wrong between kills with files that do not belong to the result."""
        return iter(())

    def promised_line(self, outputs: Path) -> str | None:
        """What the next run must print because of what an interrupted one left in the outputs."""
        return "starting over" if any(map(self.is_temporary, names_in(outputs))) else None

    def is_temporary(self, name: str) -> bool:
        """Whether a path in the outputs is one that a writer renames or removes when it succeeds."""
        return bool(_TEMPORARY.fullmatch(name))


def names_in(folder: Path) -> set[str]:
    """Relative paths of all files and folders in a folder."""
    names = set()
    for parent, folders, files in os.walk(folder):
        names |= {os.path.relpath(Path(parent, name), folder) for name in (*folders, *files)}
    return names


def digest(*parts: bytes | str) -> str:
    """SHA-256 of strings and bytes."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8) + content)
    return total.hexdigest()
