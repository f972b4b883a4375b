"""Contents of datasets."""

from textgraft.data.dataset import Dataset


def texts_of(data: Dataset) -> list[str]:
    """All texts in order."""
    return [text.decode() for batch in data.batches() for text in batch.texts]
