"""The order of shards, those of workers that end, and copies of slow ones."""

import pytest

from textgraft.errors import TextgraftError
from textgraft.shards.cutting import RowSpan
from textgraft.shards.scheduling import MAX_ATTEMPTS, Schedule


def spans(count):
    return [RowSpan(index, 2 * index, 2, "") for index in range(count)]


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def make(count, clock=None, messages=None):
    taken = []

    def shards():
        for span in spans(count):
            taken.append(span.index)
            yield span, f"content {span.index}"

    return Schedule(shards(), (messages if messages is not None else []).append, clock or Clock()), taken


def test_only_what_workers_need_is_taken():
    schedule, taken = make(10)
    attempts = [schedule.next(2) for _ in range(5)]
    assert [attempt and attempt.span.index for attempt in attempts] == [0, 1, 2, 3, None]
    assert taken == [0, 1, 2, 3]
    assert attempts[1].content == "content 1"
    assert schedule.end(attempts[1])
    assert schedule.next(2).span.index == 4


def test_run_is_complete_when_all_shards_have_ended():
    schedule, _ = make(3)
    first, second, third = (schedule.next(2) for _ in range(3))
    assert schedule.next(2) is None
    assert all([schedule.end(third), schedule.end(first)])
    assert not schedule.is_complete
    assert schedule.end(second)
    assert schedule.next(2) is None
    assert schedule.is_complete


def test_shard_of_a_worker_that_ended_comes_next():
    messages = []
    schedule, _ = make(10, messages=messages)
    first, _ = schedule.next(1), schedule.next(1)
    schedule.lose(first, "killed")
    again = schedule.next(1)
    assert (again.span, again.content) == (first.span, first.content)
    assert messages == ["rows 1 to 2: the worker ended (killed); computing them again"]


def test_rows_that_always_end_their_worker_are_an_error():
    schedule, _ = make(1)
    for _ in range(MAX_ATTEMPTS - 1):
        schedule.lose(schedule.next(1), "killed")
    with pytest.raises(TextgraftError, match=r"rows 1 to 2: the worker ended \(killed\) at each of 10 attempts"):
        schedule.lose(schedule.next(1), "killed")


def slow_run():
    """A schedule in which the first of four shards takes long, its attempt, and that of its copy."""
    clock, messages = Clock(), []
    schedule, _ = make(4, clock, messages)
    slow = schedule.next(2)
    for seconds in (1, 2, 3):
        attempt = schedule.next(2)
        clock.seconds = seconds
        assert schedule.end(attempt)
    assert schedule.next(2) is None  # not three times the median yet
    clock.seconds = 4
    copy = schedule.next(2)
    assert copy.span == slow.span
    assert schedule.next(2) is None  # one copy only
    return schedule, slow, copy, messages


@pytest.mark.parametrize("copy_ends_first", [True, False])
def test_idle_workers_compute_copies_of_slow_shards(copy_ends_first):
    schedule, slow, copy, _ = slow_run()
    first, second = (copy, slow) if copy_ends_first else (slow, copy)
    assert schedule.end(first)
    assert schedule.is_complete
    assert not schedule.end(second)


def test_lost_copy_is_not_repeated_while_the_other_runs():
    schedule, slow, copy, messages = slow_run()
    schedule.lose(copy, "killed")
    assert len(messages) == 1
    again = schedule.next(2)  # another copy, since the first is still slow
    assert again.span == slow.span
    assert schedule.end(slow)
    schedule.lose(again, "killed")
    assert schedule.is_complete
    assert len(messages) == 1


def test_no_copies_while_new_shards_wait():
    clock = Clock()
    schedule, _ = make(100, clock)
    schedule.next(2)
    for seconds in range(1, 50):
        attempt = schedule.next(2)
        clock.seconds = seconds
        schedule.end(attempt)
    assert schedule.next(2).span.index == 50
