"""What the verbs that train share: the values of their options, and the way of a run into a model folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DATA = ("text", "label", "pair", "encoding", "empty", "format", "problem", "label_separator")
SOURCES = ("validation", "test", "split")
_CLEANING = ("strip_html", "normalize_unicode", "lowercase", "strip_punctuation")


def require(given: dict[str, Any], names: Sequence[str], usage: str) -> None:
    """Refuse to go on without some values.

    Raises:
        ConfigError: naming the first that is missing.
    """
    from textgraft.errors import ConfigError

    for name in names:
        if name not in given:
            raise ConfigError(f"{name} is missing: {usage}")


def some(given: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those of the values that have one of these names."""
    return {name: given[name] for name in names if name in given}


def task_of(given: dict[str, Any]) -> str:
    """The task that was named, or else what the columns of the data tell; errors: `task_specs.infer_task`."""
    from textgraft.task_specs import infer_task

    return str(given.get("task") or infer_task(given["data"], _reading(given)))


def parts_of(given: dict[str, Any], spec: Any, with_test: bool = True) -> Any:
    """The data of a run; errors are those of `read_splits`.

    Args:
        given: values of options.
        spec: of the task.
        with_test: False to leave test texts unread.
    """
    from textgraft.data.splits import read_splits

    sources, seed = some(given, SOURCES), given.get("seed", 0)
    return read_splits(spec, given["data"], _reading(given), **sources, seed=seed, with_test=with_test)


def cleaning(given: dict[str, Any]) -> Any:
    """What is done to texts first, as a `Cleaning`."""
    from textgraft.text.cleaning import Cleaning

    return Cleaning(**some(given, _CLEANING))


def start(given: dict[str, Any]) -> None:
    """Start TensorFlow, to give the same results each time unless speed was asked for."""
    from textgraft import runtime

    runtime.start_tensorflow(given.get("threads"))
    if not given.get("fast", False):
        runtime.make_deterministic()


def left_in_folder(given: dict[str, Any], trained: Callable[[dict[str, Any], Any], Any]) -> Path:
    """Train with checkpoints beside the folder, and leave a model folder.

    Args:
        given: values of options.
        trained: from these and the checkpoints, entered, to a trained task.

    Returns:
        the folder.

    Raises:
        ModelFolderError: when it is there already, or cannot be written.
    """
    from textgraft.storage.folders import require_writable
    from textgraft.training.checkpoints import Checkpoints

    folder = Path(given["out"])
    if not folder.absolute().parent.is_dir():
        require_writable(folder, overwrite=False)
    overwrite = given.get("overwrite", False)
    with Checkpoints(f"{folder}.run", **some(given, ("save_minutes", "restart"))) as checkpoints:
        # With --overwrite a model of the same run may as well be the older one, which is to be replaced.
        if not overwrite and checkpoints.already_saved_to(folder):
            checkpoints.clear()
        require_writable(folder, overwrite)
        model = trained(given, checkpoints)
        model.save(folder, overwrite=overwrite)
        checkpoints.interruption.resume_hint = f"{folder} is complete"
        checkpoints.clear()
    return folder


def _reading(given: dict[str, Any]) -> Any:
    from textgraft.data.reading import Reading

    return Reading(**some(given, DATA))
