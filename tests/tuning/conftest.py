"""The database of studies in tests; needs the extra `tune`, which `make` installs."""

import warnings

import optuna
import pytest

from textgraft.tuning.database import open_storage


@pytest.fixture(scope="session")
def memory():
    """A database in memory, whose tables take half a second to create."""
    return open_storage("sqlite://", is_shared=False)


@pytest.fixture
def studies_in_memory(memory, monkeypatch):
    """Let the studies of a test be in one database in memory, whatever its URL; they need different names."""
    monkeypatch.setattr("textgraft.tuning.study.open_storage", lambda *_, **__: memory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
