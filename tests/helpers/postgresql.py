"""A PostgreSQL server for tests, of this machine's package, at a port of 127.0.0.1."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "searcher"
# Of characters that mean something in a URL.
PASSWORD = "p@ss/word:%{x}"
QUOTED_PASSWORD = "p%40ss%2Fword%3A%25%7Bx%7D"


@dataclass(frozen=True)
class Server:
    port: int

    def url(self, password: str | None = QUOTED_PASSWORD, database: str = "postgres") -> str:
        credentials = USER if password is None else f"{USER}:{password}"
        return f"postgresql://{credentials}@127.0.0.1:{self.port}/{database}"


def find_programs() -> Path | None:
    """The folder with initdb and pg_ctl: TEXTGRAFT_POSTGRESQL, of the PATH, or Debian's."""
    candidates = [os.environ.get("TEXTGRAFT_POSTGRESQL"), Path(shutil.which("initdb") or "/-").parent]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders = [Path(candidate) for candidate in candidates if candidate]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


@contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """A new server, which refuses root: as root, it runs as the user postgres."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix=f"textgraft-postgresql-{secrets.token_hex(4)}-"))
    (folder / "password").write_text(PASSWORD)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(program: str, *arguments: object) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *map(str, arguments)]
        output = folder / "output"
        with output.open("w") as file:
            status = subprocess.run(command, user=user, cwd=folder, check=False, stdout=file, stderr=file).returncode
        assert status == 0, output.read_text()

    try:
        call("initdb", "-U", USER, "-A", "scram-sha-256", "--pwfile", folder / "password", "--no-sync")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call("pg_ctl", "-w", "-o", settings, "-l", folder / "log", "start")
        try:
            yield Server(port)
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
