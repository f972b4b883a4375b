"""`textgraft fetch`: a download into huggingface_hub's cache, and a manifest."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.chaos.job import OUTPUTS, Job, digest
from tools.hub_server import REPOSITORY, Hub, running

_SECONDS_PER_FILE = 0.3


class FetchJob(Job):
    """Downloads what is missing, and replaces its entry in a manifest with others."""

    output = "mirror.json"
    forks = False  # huggingface_hub reads its environment when it is imported

    def __init__(self, name: str, preset: str) -> None:
        """Download a preset of the inputs."""
        super().__init__(name, f"fetch hf://{REPOSITORY} --manifest {OUTPUTS}/{self.output}")
        self.overwrites = True
        self._preset = preset

    @contextmanager
    def service(self, inputs: Path) -> Iterator[None]:
        self._source = inputs / self._preset
        hub = type("SlowHub", (Hub,), {"folder": self._source, "seconds": _SECONDS_PER_FILE})
        with running(hub) as self._address:
            yield

    @property
    def environment(self) -> dict[str, str]:
        hub = {"HF_ENDPOINT": self._address, "HF_HOME": f"{OUTPUTS}/hub"}
        return {**super().environment, "TEXTGRAFT_OFFLINE": "0", **hub}

    def fingerprint(self, outputs: Path, printed: str) -> str:
        return digest((outputs / self.output).read_bytes())

    def write_older(self, inputs: Path, outputs: Path) -> None:
        (outputs / self.output).write_text(json.dumps({"presets": [{"name": "another", "files": []}]}))

    def find_damage(self, outputs: Path) -> Iterator[str]:
        for file in (outputs / "hub").rglob("snapshots/*/*"):
            if file.read_bytes() != (self._source / file.name).read_bytes():
                yield f"{file.name} is not what the hub has"

    def promised_line(self, outputs: Path) -> str | None:
        return None

    def is_temporary(self, name: str) -> bool:
        return name.endswith(".incomplete") or super().is_temporary(name)
