"""The contract of a task's data: how its rows are read, and what must hold of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textgraft.data.dataset import Dataset
from textgraft.data.loading import load_parts
from textgraft.data.reading import Reading


class TaskData(ABC):
    """What the data of a task must be.

    Attributes:
        categories: whether labels are categories; if not, they are kept on disk as they are.
        nested: whether lists and objects are cells too, as their JSON text.
        labelled: whether rows have labels, by which models of any kind can be compared.
    """

    categories: ClassVar[bool] = True
    nested: ClassVar[bool] = False
    labelled: ClassVar[bool] = True

    @classmethod
    def recognizes(cls, columns: Sequence[str]) -> bool:
        """Whether columns of these names are the task's and no other's."""
        return False

    @classmethod
    def load_parts(cls, source: str, split: str | None, how: Reading) -> tuple[Dataset, ...]:
        """The parts of a source that `split` names, the only one when it names none; see `loading.load_parts`.

        Raises:
            DataError: when the source is missing or malformed.
        """
        return load_parts(source, split, replace(how, categories=cls.categories, nested=cls.nested))

    @classmethod
    @abstractmethod
    def check(cls, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """Check that a model can be trained on `train` and judged on `others`.

        Returns:
            lines for the user to see.

        Raises:
            DataError: naming what does not fit.
        """

    @classmethod
    @abstractmethod
    def settings(cls, train: Dataset) -> dict[str, Any]:
        """What the task's constructor needs to know of the training set."""

    @classmethod
    def trials(cls, part: Dataset) -> int:
        """Of how many independent trials a score over some rows is the mean: of the rows."""
        return len(part)

    @classmethod
    def problem(cls, train: Dataset) -> str | None:
        """What the label of a single text is, of `label_cells.PROBLEMS`; None where rows are something else."""
        return None
