"""One study of several processes in a PostgreSQL database."""

import csv
import subprocess
import sys
import time

import pytest

pytest.importorskip("psycopg", reason="needs psycopg, which the extra `postgresql` installs")

from tests.helpers.commands import start_process, write_csv
from tests.helpers.paths import TESTS
from tests.helpers.postgresql import PASSWORD, QUOTED_PASSWORD, find_programs, running_server
from tests.helpers.study_runner import open_study, shorten_grace
from textgraft.errors import ConfigError

if find_programs() is None:
    pytest.skip(
        "needs initdb and pg_ctl of PostgreSQL, on the PATH or in the folder TEXTGRAFT_POSTGRESQL",
        allow_module_level=True,
    )

pytestmark = pytest.mark.slow

GRACE = 4

TRIALS = 9
SPACE = """
fine_tune = "all"
learning_rate = {low = 1e-3, high = 1e-2, log = true}
batch_size = 16
epochs = {low = 2, high = 20}
sequence_length = 16
"""


@pytest.fixture(scope="module")
def server():
    with running_server(find_programs()) as server:
        yield server


@pytest.fixture
def url(server):
    """The URL of a new database."""
    import psycopg

    name = f"studies_{time.monotonic_ns()}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.url(database=name)


def start(url, runner, trials, seconds=0.0):
    command = [sys.executable, "-m", "tests.helpers.study_runner", url, runner, trials, seconds, GRACE]
    return subprocess.Popen([*map(str, command)], cwd=TESTS.parent, stdout=-1, stderr=subprocess.STDOUT, text=True)


def ended(processes):
    for process in processes:
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output


def draws(url):
    """The draws of the trials that count, and the number of all trials."""
    study = open_study(url, "reader")
    return sorted(trial.user_attrs["draw"] for trial in study._counted_trials()), len(study._trials())


def test_runners_of_a_new_database_take_each_draw_once(url):
    ended([start(url, f"runner {index}", 24) for index in range(4)])
    assert draws(url)[0] == list(range(24))
    rows = open_study(url, "reader").rows()
    assert {row.state for row in rows} == {"done"}
    assert len({row.hyperparameters["learning_rate"] for row in rows}) == 24


def test_trial_of_a_killed_runner_is_repeated_by_another(url):
    killed = start(url, "killed", 6, 60)
    assert any(line.startswith("asked") for line in killed.stdout)
    runners = [start(url, f"runner {index}", 6) for index in range(2)]
    killed.kill()
    killed.communicate()
    ended(runners)
    assert draws(url) == (list(range(6)), 7)
    assert "killed" not in {row.run for row in open_study(url, "reader").rows()}


def test_runner_that_was_stopped_for_long_discards_its_trial(url, monkeypatch):
    import optuna

    study = open_study(url, "stopped")
    trial, row = study.ask()
    monkeypatch.setattr("textgraft.tuning.database._HEARTBEAT_SECONDS", 1)
    shorten_grace(1)
    try:
        other = open_study(url, "other")
        time.sleep(2.5)
        assert other.fail_silent_trials() == [row.name]
    finally:
        shorten_grace(120)
    assert other.fail_silent_trials() == []
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study.tell(trial, row)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        trial.report(0.5, 1)
    study.requeue(trial)
    assert other.ask()[1].hyperparameters == row.hyperparameters


@pytest.mark.parametrize("password", ["wrong-and-secret", "wr%40ng%7Bsecret%7D", None])
def test_refused_password_is_not_in_the_message(server, password, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(ConfigError, match=r"the database of the search cannot be used: .*password") as error:
        open_study(server.url(password), "runner")
    assert "secret" not in str(error.value)


def test_password_of_the_environment_is_used(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert open_study(server.url(None), "runner").rows() == []


def test_three_searches_share_a_study(url, tiny_bert, tmp_path):
    """One of them is killed during a trial, and run again; no file and no line of output has the password."""
    kinds = (("good", "pos"), ("bad", "neg"))
    rows = [(f"the {word} film number {count}", label) for word, label in kinds for count in range(30)]
    write_csv(tmp_path / "train.csv", rows)
    (tmp_path / "space.toml").write_text(SPACE)

    def start_search(index):
        return start_process(
            "tune", tmp_path / "train.csv", "--preset", tiny_bert, "--space", tmp_path / "space.toml",
            "--trials", TRIALS, "--storage", url, "--out", tmp_path / f"search-{index}",
        )  # fmt: skip

    searches = [start_search(index) for index in range(3)]
    assert any(line.startswith("trial ") for line in searches[0].stdout)
    searches[0].kill()
    searches[0].communicate()
    searches[0] = start_search(0)
    outputs = [search.communicate(timeout=300)[0] for search in searches]
    assert [search.returncode for search in searches] == [0, 0, 0], outputs
    with (tmp_path / "search-1" / "leaderboard.csv").open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert sum(name.startswith("trial ") for name in names) == TRIALS
    models = {(tmp_path / f"search-{index}" / "model" / "model.safetensors").read_bytes() for index in range(3)}
    assert len(models) == 1
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (PASSWORD.encode(), QUOTED_PASSWORD.encode()):
        assert not any(secret in content for content in (*files, *(output.encode() for output in outputs)))


def test_error_after_the_start_has_no_password(url, monkeypatch):
    study = open_study(url, "runner")
    study._storage.engine.dispose()
    monkeypatch.setattr(study._storage.engine.pool, "_creator", lambda *_: (_ for _ in ()).throw(ImportError("gone")))
    with pytest.raises(Exception, match="gone") as error:
        study.rows()
    assert PASSWORD not in str(error.value)
    assert QUOTED_PASSWORD not in str(error.value)
