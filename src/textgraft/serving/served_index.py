"""The training texts that a served model keeps, as a model that answers with the nearest ones."""

from collections.abc import Sequence

import numpy as np

from textgraft.errors import ConfigError
from textgraft.export.format import Answers, Text
from textgraft.model_folder.text_index import Neighbour
from textgraft.serving.served_model import ServedModel
from textgraft.tasks.text_index import NearestTexts
from textgraft.tasks.texts import as_batches
from textgraft.training.token_ids import TruncationCount

MAX_NEAREST = 20


class ServedIndex(ServedModel):
    """Answers with the rows and similarities of the `MAX_NEAREST` nearest training texts, or of all if they are fewer.

    So searches wait in the queue of predictions, and are computed by its threads.
    """

    def __init__(self, model: ServedModel) -> None:
        """Search the texts of a model; a ConfigError where it keeps none."""
        super().__init__(model.name, model.source, model.task)
        if model.task.index is None:
            raise ConfigError(f"{model.name} keeps no training texts; train it with --keep-index")
        self._texts = NearestTexts(model.task, model.task.index)

    def answers(self, texts: Sequence[Text], truncated: TruncationCount) -> Answers:
        count = min(MAX_NEAREST, len(self._texts))
        parts = [self._texts.search(batch, count) for batch in as_batches(texts)]
        rows, similarities = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return {"rows": rows, "similarities": similarities}

    def neighbour(self, row: int, similarity: float) -> Neighbour:
        """The training text of a row."""
        return self._texts.neighbour(row, similarity)
