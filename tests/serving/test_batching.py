"""The queue of texts and the threads that compute them."""

import asyncio
import time

import numpy as np
import pytest

from tests.helpers.serving import EchoModel
from textgraft.serving import batching
from textgraft.serving.admission import BatchTimes
from textgraft.serving.batching import BatchQueue, Job
from textgraft.serving.computing import ComputeThreads
from textgraft.serving.errors import RequestError

TIMEOUT = 10.0


def job_of(model, texts, cost=10, timeout=TIMEOUT):
    future = asyncio.get_running_loop().create_future()
    return Job(model, texts, [cost] * len(texts), time.monotonic() + timeout, future)


def submitted(queue, *jobs):
    for job in jobs:
        queue.submit(job, TIMEOUT)
    return jobs


def run(coroutine):
    return asyncio.run(coroutine)


def texts_of(batch):
    return [[*share.texts] for share in batch.shares]


def test_batches_are_bounded_by_cost_in_the_order_of_arrival():
    async def check():
        queue, model = BatchQueue(), EchoModel(batch_cost=30)
        submitted(queue, job_of(model, ["a", "b"]), job_of(model, ["c", "d", "e"]), job_of(model, ["f"]))
        assert texts_of(queue.take()) == [["a", "b"], ["c"]]
        assert texts_of(queue.take()) == [["d", "e"], ["f"]]
        assert len(queue) == 0
        assert queue.waiting()[0] == 0

    run(check())


def test_text_above_the_cost_of_a_batch_is_a_batch():
    async def check():
        queue, model = BatchQueue(), EchoModel(batch_cost=30)
        submitted(queue, job_of(model, ["long"], cost=99), job_of(model, ["short"]))
        assert [texts_of(queue.take()), texts_of(queue.take())] == [[["long"]], [["short"]]]

    run(check())


def test_batch_is_filled_with_later_texts_of_the_same_model():
    async def check():
        queue, first, second = BatchQueue(), EchoModel("a"), EchoModel("b")
        submitted(queue, job_of(first, ["1"]), job_of(second, ["2"]), job_of(first, ["3"]))
        assert texts_of(queue.take()) == [["1"], ["3"]]
        assert texts_of(queue.take()) == [["2"]]

    run(check())


def test_jobs_that_are_late_or_abandoned_are_not_computed():
    async def check():
        queue, model = BatchQueue(), EchoModel()
        late, abandoned, last = submitted(
            queue, job_of(model, ["late"], timeout=-1), job_of(model, ["gone"]), job_of(model, ["last"])
        )
        queue.abandon(abandoned)
        batch = queue.take()
        assert batch.late == [late]
        assert texts_of(batch) == [["last"]]
        assert last.taken == 1
        assert queue.waiting() == (0, 0.0)

    run(check())


async def answered(jobs):
    return [await job.future for job in jobs]


def test_answers_are_those_to_the_texts_of_each_job():
    async def check():
        queue, model = BatchQueue(), EchoModel(batch_cost=50)
        reports = []
        threads = ComputeThreads(queue, reports.append)
        jobs = submitted(queue, *(job_of(model, ["x" * (7 * size + part) for part in range(7)]) for size in range(20)))
        threads.start()
        for size, answer in enumerate(await answered(jobs)):
            assert answer.arrays["value"].tolist() == [7 * size + part for part in range(7)]
        threads.stop(TIMEOUT)
        assert not threads.are_alive
        assert sum(report.texts for report in reports) == 140
        assert max(map(len, model.batches)) == 5

    run(check())


def test_text_that_fails_does_not_fail_the_requests_beside_it():
    async def check():
        queue, model = BatchQueue(), EchoModel()
        good, bad, other = submitted(queue, *(job_of(model, [text]) for text in ("good", "fail", "other")))
        threads = ComputeThreads(queue)
        threads.start()
        assert (await good.future).arrays["value"].tolist() == [4]
        with pytest.raises(ValueError, match="this text fails"):
            await bad.future
        assert (await other.future).arrays["value"].tolist() == [5]
        threads.stop(TIMEOUT)

    run(check())


def test_requests_are_shared_evenly_between_concurrent_batches():
    async def check():
        queue, model = BatchQueue(), EchoModel()
        submitted(queue, *(job_of(model, [text]) for text in "abcde"))
        assert [texts_of(queue.take()), texts_of(queue.take())] == [[["a"], ["b"], ["c"]], [["d"], ["e"]]]
        submitted(queue, *(job_of(model, [text]) for text in "fgh"))
        assert texts_of(queue.take()) == [["f"], ["g"], ["h"]]

    run(check())


def test_texts_of_a_request_are_divided_between_concurrent_batches():
    async def check():
        queue, model = BatchQueue(), EchoModel(batch_cost=100)
        submitted(queue, job_of(model, [*"abcde"]))
        first, second = queue.take(), queue.take()
        assert [texts_of(first), texts_of(second)] == [[["a", "b"]], [["c", "d", "e"]]]
        submitted(queue, job_of(model, [*"fgh"]))  # not while another is computed
        assert texts_of(queue.take()) == [["f", "g", "h"]]

    run(check())


def test_parts_that_are_computed_out_of_order_are_joined_in_order():
    class SlowFirst(EchoModel):
        def answers(self, texts, truncated):
            time.sleep(0.1 if texts[0] == "" else 0)
            return super().answers(texts, truncated)

    async def check():
        queue, model = BatchQueue(), SlowFirst(batch_cost=30)
        (job,) = submitted(queue, job_of(model, ["x" * size for size in range(12)]))
        threads = ComputeThreads(queue)
        threads.start()
        assert (await job.future).arrays["value"].tolist() == [*range(12)]
        assert model.batches[-1][0] == ""
        threads.stop(TIMEOUT)

    run(check())


def test_clients_that_ask_again_at_once_share_the_next_batch(monkeypatch):
    monkeypatch.setattr(batching, "_MAX_GATHERING", 60.0)
    monkeypatch.setattr(batching, "_GATHERING_SHARE", 1e6)

    async def check():
        queue, model = BatchQueue(), EchoModel()
        submitted(queue, *(job_of(model, [text]) for text in "abcd"))
        batch, _ = queue.take(), queue.take()
        queue.finish(batch, seconds=0.001)  # its two clients have a minute to ask again
        submitted(queue, job_of(model, ["a again"]))
        taking = asyncio.create_task(asyncio.to_thread(queue.take))
        await asyncio.sleep(0.01)
        submitted(queue, job_of(model, ["b again"]))
        assert texts_of(await taking) == [["a again"], ["b again"]]

    run(check())


def test_thread_wakes_once_for_the_requests_of_a_batch(monkeypatch):
    monkeypatch.setattr(batching, "_MAX_GATHERING", 60.0)
    monkeypatch.setattr(batching, "_GATHERING_SHARE", 1e6)

    async def check():
        queue, model = BatchQueue(concurrent=1), EchoModel()
        submitted(queue, *(job_of(model, [text]) for text in "abcdefgh"))
        queue.finish(queue.take(), seconds=0.001)
        waits = []
        wait = queue._changed.wait
        monkeypatch.setattr(queue._changed, "wait", lambda timeout: waits.append(timeout) or wait(timeout))
        taking = asyncio.create_task(asyncio.to_thread(queue.take))
        for text in "abcdefgh":
            await asyncio.sleep(0.005)
            submitted(queue, job_of(model, [text]))
        assert len((await taking).shares) == 8
        assert len(waits) == 2  # for the first request, and for the others

    run(check())


def test_clients_that_do_not_ask_again_are_not_waited_for_long():
    async def check():
        queue, model = BatchQueue(), EchoModel()
        submitted(queue, *(job_of(model, ["early"]) for _ in range(4)))
        queue.finish(queue.take(), seconds=0.1)
        queue.take()
        submitted(queue, job_of(model, ["other"]))
        assert texts_of(queue.take()) == [["other"]]

    run(check())


def times(overhead, slope):
    """Times of a model that takes so many seconds for a batch, and for a token."""
    estimate = BatchTimes()
    for cost in (10, 100, 400):
        estimate.add(cost, overhead + slope * cost)
    return estimate


def test_estimates_separate_overhead_and_rate():
    estimate = times(0.02, 0.001)
    assert estimate.seconds(1000) == pytest.approx(0.02 + 1)
    assert estimate.seconds(1000, batches=4) == pytest.approx(0.08 + 1)


def test_batches_of_one_cost_are_estimated_with_care():
    estimate = BatchTimes()
    for _ in range(10):
        estimate.add(100, 0.2)
    assert estimate.seconds(10) == pytest.approx(0.2)
    assert estimate.seconds(300, batches=3) == pytest.approx(0.6)


def test_estimates_follow_a_machine_that_becomes_slower_or_faster():
    estimate, random = times(0.02, 0.001), np.random.default_rng(0)
    for factor in (5, 1):
        for cost in random.integers(10, 400, 150):
            estimate.add(int(cost), factor * (0.02 + 0.001 * cost))
        assert estimate.seconds(1000) == pytest.approx(factor * 1.02, rel=0.1)


def test_suspended_machine_hardly_changes_estimates():
    estimate = times(0.02, 0.001)
    for _ in range(50):
        estimate.add(100, 0.12)
    estimate.add(100, 600.0)
    assert estimate.seconds(100) < 0.3


def test_requests_that_cannot_be_answered_in_time_are_refused_at_once():
    async def check():
        queue, model = BatchQueue(), EchoModel(batch_cost=100)
        model.times = times(0.0, 0.019)  # 1.9 s a batch, of which 4, two at a time, are within half of the 10 s
        submitted(queue, *(job_of(model, ["text"] * 10) for _ in range(4)))
        with pytest.raises(RequestError) as refused:
            submitted(queue, job_of(model, ["text"] * 10))
        assert refused.value.status_code == 429
        assert refused.value.headers["Retry-After"] == "1"
        assert len(queue) == 4
        queue.take()
        with pytest.raises(RequestError):  # the batch is still running
            submitted(queue, job_of(model, ["text"] * 10))
        queue.take()
        submitted(queue, job_of(model, ["text"]))

    run(check())


def test_request_that_takes_too_long_by_itself_is_too_large():
    async def check():
        queue, model = BatchQueue(), EchoModel(batch_cost=100)
        model.times = times(0.0, 0.02)
        with pytest.raises(RequestError, match="send fewer at once") as refused:
            submitted(queue, job_of(model, ["text"] * 100))
        assert refused.value.status_code == 413

    run(check())


def test_estimate_that_is_far_too_high_is_corrected():
    async def check():
        queue, model = BatchQueue(), EchoModel()
        model.times = times(60.0, 0.01)  # a minute for each batch, which takes no time in fact
        threads = ComputeThreads(queue)
        threads.start()
        for _ in range(200):
            (job,) = submitted(queue, job_of(model, ["text"]))
            await job.future
        assert model.times.seconds(10) < 1
        threads.stop(TIMEOUT)

    run(check())
