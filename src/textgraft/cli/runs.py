"""What the verbs that train share: the values of their options, and the way of a run into a model folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
    from textgraft.artifact.storage import check_free
    from textgraft.training.checkpoints import Checkpoints

    folder = Path(given["out"])
    if not folder.absolute().parent.is_dir():
        check_free(folder, overwrite=False)
    with Checkpoints(f"{folder}.run", **some(given, ("save_minutes", "restart"))) as checkpoints:
        if checkpoints.belong_to(folder):
            checkpoints.clear()
        check_free(folder, given.get("overwrite", False))
        model = trained(given, checkpoints)
        model.save(folder, overwrite=given.get("overwrite", False))
        checkpoints.clear()
    return folder
