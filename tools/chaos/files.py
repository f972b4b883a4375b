"""Commands that write one file, or print: predict, evaluate, embed and generate."""

from pathlib import Path

from tools.chaos.job import OUTPUTS, Job, digest

_OLDER = b"an older file\n"


class FileJob(Job):
    """Starts over; the file takes its name when it is complete."""

    def __init__(self, name: str, arguments: str, output: str, overwrites: bool = False) -> None:
        self.output = output
        super().__init__(name, f"{arguments} --out {OUTPUTS}/{output}", overwrites)

    def fingerprint(self, outputs: Path, printed: str) -> str:
        path = outputs / self.output
        return digest(_sheet_cells(path) if path.suffix == ".xlsx" else path.read_bytes())

    def write_older(self, inputs: Path, outputs: Path) -> None:
        (outputs / self.output).write_bytes(_OLDER)


class PrintingJob(Job):
    """Prints its result and leaves nothing."""

    output = ""

    def fingerprint(self, outputs: Path, printed: str) -> str:
        return digest(printed)


def _sheet_cells(path: Path) -> bytes | str:
    """The cells of an Excel file, which also contains the time of its creation."""
    if path.read_bytes() == _OLDER:
        return _OLDER
    from openpyxl import load_workbook

    return repr([*load_workbook(path, read_only=True).active.iter_rows(values_only=True)])
