"""The database of a study: its address, its errors in one line, and the heartbeats of those who run trials."""

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, quote_plus

import optuna
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from textgraft.errors import ConfigError, ModelFolderError, TextgraftError

# A trial counts as dead when its heartbeat is older than the grace period, by the clock of the database.
_HEARTBEAT_SECONDS = 20
GRACE_SECONDS = 120

# Programs that open a new database at the same time create the same tables.
_OPENING_ATTEMPTS = 5

_SQLITE_WAIT_SECONDS = 60

_DATABASE_ERRORS = (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError)


@contextmanager
def storage_errors(kind: type[TextgraftError] = ModelFolderError) -> Iterator[None]:
    """Turn the errors of a database into one line, an error of class `kind`."""
    try:
        yield
    except _DATABASE_ERRORS as error:
        raise kind(_message(_cause(error))) from error


def open_storage(url: str, is_shared: bool) -> RDBStorage:
    """Open a database at a URL as SQLAlchemy takes it, and create what a new one lacks.

    Trials of a shared one have heartbeats. Passwords in the URL are in no error.

    Raises:
        ConfigError: when the database cannot be used.
    """
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    warnings.filterwarnings("ignore", "Heartbeat of storage")  # which are recorded here, not by Optuna
    address = _parse(url)
    heartbeat = {"heartbeat_interval": _HEARTBEAT_SECONDS, "grace_period": GRACE_SECONDS} if is_shared else {}
    waiting = {"timeout": _SQLITE_WAIT_SECONDS} if address.get_backend_name() == "sqlite" else {}
    for attempt in range(1, _OPENING_ATTEMPTS + 1):
        try:
            # A connection that the server has closed is opened again.
            engine = {"pool_pre_ping": True, "connect_args": waiting}
            return RDBStorage(url.replace("{", "{{").replace("}", "}}"), engine, **heartbeat)
        except _DATABASE_ERRORS as error:
            if attempt == _OPENING_ATTEMPTS or not _is_of_another_opening(error):
                # Without the original error, whose text may have a password.
                raise ConfigError(_message(_without_passwords(_cause(error), address))) from None
            time.sleep(0.2 * attempt)
    raise AssertionError


@contextmanager
def heartbeats(storage: RDBStorage, trial_id: int) -> Iterator[None]:
    """Record heartbeats of a trial while it runs; a database that cannot be reached is tried again."""
    if storage.heartbeat_interval is None:
        yield
        return
    is_ended = threading.Event()

    def record() -> None:
        while not is_ended.wait(storage.heartbeat_interval):
            with suppress(*_DATABASE_ERRORS):
                storage.record_heartbeat(trial_id)

    thread = threading.Thread(target=record, name="heartbeats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_ended.set()
        thread.join()


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        form = "write postgresql://USER@HOST/DATABASE, with special characters as %XX"
        raise ConfigError(f"the database of the search cannot be used: its URL is not valid; {form}") from None


def _is_of_another_opening(error: Exception) -> bool:
    return isinstance(error, IntegrityError | ProgrammingError) or "already exists" in str(error)


def _cause(error: Exception) -> str:
    return next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)


def _message(cause: str) -> str:
    return f"the database of the search cannot be used: {cause}; repair it and run the same command again"


def _without_passwords(text: str, address: URL) -> str:
    queried = [values for name, values in address.query.items() if "password" in name.lower()]
    passwords = [str(address.password or "")]
    for values in queried:
        passwords += [values] if isinstance(values, str) else values
    for password in filter(None, passwords):
        for form in (password, quote(password, safe=""), quote_plus(password)):
            text = text.replace(form, "***")
    return text
