"""What a model keeps of its training texts: embeddings for a later training, texts with their vectors, a reference."""

from typing import NamedTuple

from textgraft.model_folder.reference import Reference
from textgraft.model_folder.replay import Replay
from textgraft.model_folder.text_index import TextIndex
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.reference import make_reference
from textgraft.tasks.replay import check_replay, make_replay
from textgraft.tasks.text_index import check_index, make_index
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig


class StoredTexts(NamedTuple):
    """See `Task.replay`, `Task.index` and `Task.reference`."""

    replay: Replay | None
    texts: TextIndex | None
    reference: Reference | None


def check_stored_texts(task: Task, config: TrainingConfig) -> None:
    """Raise a ConfigError where texts or embeddings are to be kept that the task cannot use."""
    check_replay(task, config)
    check_index(task, config)


def store_texts(run: Run, callback: Callback) -> StoredTexts:
    """Embed the texts that the trained model is to keep; a TrainingError reports that they cannot be stored."""
    config = run.mode.config
    replay = make_replay(run, callback) if config.keep_replay else None
    index = make_index(run, callback) if config.keep_index else None
    return StoredTexts(replay, index, make_reference(run))
