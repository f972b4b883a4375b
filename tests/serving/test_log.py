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
def test_records_that_are_not_written_are_counted(error):
    written, is_written = [], threading.Event()

    def write(records):
        if not is_written.is_set():
            is_written.set()
            raise error
        written.extend(records)

    log = Log(write)
    log.event("lost")
    assert is_written.wait(10)
    log.event("request")
    log.close()
    assert [(record["event"], record.get("records")) for record in written] == [
        ("records_dropped", 1),
        ("request", None),
    ]
