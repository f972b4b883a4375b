"""The data that checks look at: splits, and what several checks need of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from textgraft.data.dataset import Dataset
from textgraft.data.labels import SINGLE
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.duplicate_texts import DuplicateTexts
from textgraft.data_checks.label_facts import LabelFacts, label_facts
from textgraft.data_checks.preset_tokens import PresetTokens

TRAIN = "train"


@dataclass(frozen=True)
class CheckedData:
    """Splits to check.

    Attributes:
        splits: "train", and "validation" and "test" where there are any.
        tokenizer: of a preset, if one is named.
        seed: of samples and permutations.
    """

    splits: Mapping[str, Dataset]
    tokenizer: PresetTokens | None = None
    seed: int = 0

    @property
    def train(self) -> Dataset:
        """The training texts."""
        return self.splits[TRAIN]

    @property
    def is_tagged(self) -> bool:
        """Whether the texts have labelled spans."""
        return isinstance(self.train, TaggedDataset)

    @property
    def is_labelled(self) -> bool:
        """Whether all splits have labels."""
        return self.is_tagged or all("label" in split.shown_fields for split in self.splits.values())

    @property
    def has_categories(self) -> bool:
        """Whether each text has one label."""
        return self.is_labelled and not self.is_tagged and self.train.problem == SINGLE

    @cached_property
    def duplicates(self) -> DuplicateTexts:
        """Texts that occur more than once."""
        return DuplicateTexts.search(self.splits)

    @cached_property
    def label_facts(self) -> LabelFacts:
        """TextFacts about the training texts of each label."""
        return label_facts(self.train, self.tokenizer)
