"""`textgraft export`: a folder with a record of its files."""

from pathlib import Path

from tools.chaos.job import INPUTS, OUTPUTS, Job, digest

from textgraft.export.record import RECORD, read_record


class ExportJob(Job):
    """Starts over; the folder takes its name when it is complete and compared."""

    output = "exported"

    def __init__(self, to: str, options: str = "", is_reproducible: bool = True) -> None:
        """Export the classifier.

        Args:
            to: the format.
            options: others of the command line.
            is_reproducible: whether two exports have the same bytes.
        """
        arguments = f"export {INPUTS}/classifier --to {to} {options} --out {OUTPUTS}/{self.output}"
        super().__init__(f"export {to}{' int8' * ('--int8' in options)}", arguments)
        self._is_reproducible = is_reproducible

    def fingerprint(self, outputs: Path, printed: str) -> str:
        record = read_record(outputs / self.output)
        content = (outputs / self.output / RECORD).read_bytes() if self._is_reproducible else repr(record.answers)
        return digest(content, *sorted(record.sha256))

    def promised_line(self, outputs: Path) -> str | None:
        return None
