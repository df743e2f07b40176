"""The queue: bounded, in order, equal work together, and nothing for who does not wait."""

import threading
import time

import pytest

from pipeline.service.jobs import Expired, Job, JobQueue, Work

SCORE, EXPLAIN = Work("score"), Work("explain")


def job(name="a", work=SCORE, *, wait=60.0):
    return Job(name, b"x", work, time.monotonic() + wait)


def queue(capacity=10):
    return JobQueue(capacity=capacity, batch_wait_s=0)


def names(batch):
    return [job.name for job in batch]


def test_all_of_a_request_is_taken_or_none():
    waiting = queue(4)
    assert waiting.put([job() for _ in range(3)])
    assert not waiting.put([job(), job()])
    assert waiting.waiting == 3
    assert waiting.put([job()])
    assert not waiting.put([job(work=EXPLAIN)])  # it weighs more


def test_equal_work_goes_together_and_the_rest_keeps_its_order():
    waiting = queue(100)
    waiting.put([job("a"), job("b", EXPLAIN), job("c"), job("d", EXPLAIN), job("e")])
    assert [names(waiting.take()) for _ in range(3)] == [["a", "c", "e"], ["b"], ["d"]]


def test_a_batch_has_a_largest_size():
    waiting = queue(1000)
    waiting.put([job(str(n)) for n in range(18)])
    assert [len(waiting.take()) for _ in range(3)] == [8, 8, 2]


def test_who_has_gone_or_waited_too_long_costs_nothing():
    waiting = queue()
    late, gone, live = job("late", wait=-1), job("gone"), job("live")
    gone.result.cancel()
    waiting.put([late, gone, live])
    assert names(waiting.take()) == ["live"]
    with pytest.raises(Expired):
        late.result.result(0)


def test_a_closed_queue_hands_out_what_waits_and_then_nothing():
    waiting = queue()
    waiting.put([job()])
    waiting.close()
    assert not waiting.put([job()])
    assert len(waiting.take()) == 1
    assert waiting.take() == []


def test_idle_workers_share_what_waits():
    waiting = JobQueue(capacity=100, batch_wait_s=0.2)
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(len(waiting.take()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    waiting.put([job(str(n)) for n in range(8)])
    for thread in threads:
        thread.join(10)
    assert taken == [4, 4]


def test_how_long_to_wait_follows_from_what_was_done():
    waiting = queue(100)
    for _ in range(100):
        waiting.took(8.0, [job() for _ in range(8)], workers=2)  # half a second an image
    assert waiting.retry_after() == 1
    waiting.put([job() for _ in range(20)])
    assert waiting.retry_after() in (10, 11)
