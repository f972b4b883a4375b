"""The structured log of the server."""

import threading

import pytest

from textgraft.serving import log as serving_log
from textgraft.serving.log import Log


def test_records_of_a_burst_are_written_at_once_in_their_order():
    written = []
    log = Log(written.append)
    for index in range(100):
        log.event("request", index=index)
    log.close()
    assert [record["index"] for records in written for record in records] == [*range(100)]
    assert len(written) < 10


def test_all_records_are_written_before_the_log_is_closed():
    written = []
    log = Log(written.extend)
    for index in range(3 * serving_log._MAX_WRITTEN):
        log.event("request", index=index)
    log.close()
    assert [record["index"] for record in written] == [*range(3 * serving_log._MAX_WRITTEN)]


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed file")])
@pytest.mark.parametrize("failures", [1, 3])
def test_records_that_are_not_written_are_counted(error, failures):
    written, failed = [], threading.Semaphore(0)
    errors = [error] * failures

    def write(records):
        if errors:
            failed.release()
            raise errors.pop()
        written.extend(records)

    log = Log(write)
    for _ in range(failures):
        log.event("lost")
        assert failed.acquire(timeout=10)
    log.event("request")
    log.close()
    assert [(record["event"], record.get("records")) for record in written] == [
        ("records_dropped", failures),
        ("request", None),
    ]
