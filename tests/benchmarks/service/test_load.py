"""What the measurement of the service makes of its numbers, and that a slow service cannot hide behind slow clients."""

import asyncio
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.service import __main__ as command
from benchmarks.service.figures import RIGHT, WRONG, Heard, counts, drift, latency, plan, table
from benchmarks.service.load import OpenLoop, sampled, throughput
from benchmarks.service.process import descendants


def test_requests_are_due_at_the_rate_and_independently_of_each_other():
    due = plan(rate=50, seconds=200, seed=0)
    assert len(due) == pytest.approx(10_000, abs=400)
    assert (np.diff(due) > 0).all() and due[0] > 0 and due[-1] < 200
    gaps = np.diff(due)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as of an exponential distribution
    np.testing.assert_array_equal(due, plan(rate=50, seconds=200, seed=0))
    assert plan(rate=50, seconds=200, seed=1)[0] != due[0]
    assert len(plan(rate=0.5, seconds=1, seed=0)) < 10


def test_waiting_counts_from_when_a_request_was_due():
    heard = [Heard(n, n + 0.5, n + 1.0, "200", RIGHT) for n in range(100)]
    found = latency([*heard, Heard(0, 0, 50, "503")])
    assert (found["p50_s"], found["p99_s"], found["max_s"]) == (1.0, 1.0, 1.0)
    assert found["sent_late_p99_s"] == 0.5 and found["requests"] == 101
    assert latency([Heard(0, 0, 1, "503")]) == {}


def test_what_was_heard_is_counted_with_right_and_wrong_scores():
    heard = [
        Heard(0, 0, 1, "200", RIGHT),
        Heard(0, 0, 1, "200", WRONG),
        Heard(0, 0, 1, "503"),
        Heard(0, 0, 1, "cut off"),
    ]
    assert counts(heard) == {"200": 2, "503": 1, "cut off": 1, RIGHT: 1, WRONG: 1}


def test_memory_that_grows_has_a_slope_and_thirds():
    times = np.arange(0, 601, 1.0)
    grows = drift(times.tolist(), (1000 + times / 60 * 3).tolist())
    assert grows["slope_mib_per_minute"] == pytest.approx(3.0)
    assert grows["first_third_mib"] == pytest.approx(1005)
    assert grows["last_third_mib"] == pytest.approx(1025)
    assert (grows["most_mib"], grows["samples"]) == (1030, 601)
    assert drift([0.0, 1.0, 9.0], [5.0, 5.0, 5.0])["slope_mib_per_minute"] == pytest.approx(0, abs=1e-9)


class OneAtATime:
    """A service that takes so long for an image, whoever asks, and answers the image's first byte as its score."""

    def __init__(self, image_s, *, keeps=True):
        self.keeps = keeps
        self.image_s, self.turn, self.statuses, self.open = image_s, asyncio.Lock(), [], set()

    async def answer(self, reader, writer):
        self.open.add(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                data = await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
                async with self.turn:
                    await asyncio.sleep(self.image_s)
                status = self.statuses.pop(0) if self.statuses else 200
                body = json.dumps({"images": [{"score": float(data[0])}]}).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
                await writer.drain()
                if not self.keeps:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.open.discard(asyncio.current_task())


def with_service(work, *, image_s=0.0, statuses=(), keeps=True):
    """What a coroutine function gives that is called with the port of a stand-in."""

    async def run():
        service = OneAtATime(image_s, keeps=keeps)
        service.statuses += statuses
        server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
        async with server:
            done = await work(server.sockets[0].getsockname()[1], server)
        await asyncio.gather(*service.open)
        await asyncio.sleep(0)
        return done

    return asyncio.run(run())


IMAGES = {"a": b"\x01", "b": b"\x02"}


def test_a_service_that_is_too_slow_shows_in_the_waiting():
    """Ten requests come in 0.1 s to a service that takes 0.05 s for one: the last waits for all before it."""
    due = np.linspace(0, 0.1, 10).tolist()
    loop = lambda port, _: OpenLoop(port, IMAGES, {"a": 1.0, "b": 2.0}).run(due)  # noqa: E731
    heard = with_service(loop, image_s=0.05)
    assert counts(heard) == {"200": 10, RIGHT: 10, WRONG: 0}
    assert max(one.waited for one in heard) > 0.35  # 10 x 0.05 s less the 0.1 s in which they came
    assert [one.planned for one in heard] == due


def test_other_scores_and_other_statuses_are_told_apart():
    loop = lambda port, _: OpenLoop(port, IMAGES, {"a": 1.0, "b": 7.0}).run([0.0, 0.05, 0.1, 0.15])  # noqa: E731
    heard = with_service(loop, statuses=[200, 200, 503])
    assert counts(heard) == {"200": 3, "503": 1, RIGHT: 1, WRONG: 2}


def test_a_connection_that_the_service_has_not_kept_is_made_anew():
    loop = lambda port, _: OpenLoop(port, IMAGES, {"a": 1.0, "b": 2.0}).run([0.0, 0.1, 0.2])  # noqa: E731
    assert counts(with_service(loop, keeps=False)) == {"200": 3, RIGHT: 3, WRONG: 0}


def test_connections_that_are_refused_after_the_end_are_no_fault():
    async def work(port, server):
        loop = OpenLoop(port, IMAGES, {"a": 1.0, "b": 2.0})
        return await loop.run([0.0, 0.3, 0.31], end=(0.1, server.close))

    heard = counts(with_service(work))
    assert heard["200"] >= 1 and heard[WRONG] == 0
    assert set(heard) <= {"200", "refused after the end", "cut off after the end", RIGHT, WRONG}


def test_clients_that_never_rest_get_all_images_scored():
    async def work(port, _):
        return await throughput(port, [b"\x01"] * 40, clients=4)

    assert 20 < with_service(work, image_s=0.01) <= 101
    with pytest.raises(SystemExit, match="answered 503"):
        with_service(work, statuses=[503])


def test_a_measure_is_taken_until_the_work_is_done_and_once_after_it():
    async def run():
        work = asyncio.create_task(asyncio.sleep(0.2, []))
        return await sampled(work, lambda: 3.0, every_s=0.05)

    times, values = asyncio.run(run())
    assert len(times) == len(values) >= 3 and times[-1] >= 0.2 and set(values) == {3.0}


def test_descendants_are_children_and_their_children():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "1\n"
        below = descendants(child.pid)
        assert len(below) == 1 and {child.pid, *below} <= set(descendants(os.getpid()))
        child.communicate("\n")


def test_the_table_has_each_figure_that_was_measured():
    results = {
        "ratios": [0.9, 0.8, 0.85],
        "predict": 10.0,
        "capacity": 8.5,
        "half_load": {"rate": 4.25, "seconds": 9.0, **latency([Heard(0, 0, 0.25, "200", RIGHT)])},
        "overload": {
            "rate": 42.5,
            "seconds": 600.0,
            "heard": {"200": 5, "503": 9, RIGHT: 5, WRONG: 0},
            "memory": drift([0.0, 30.0, 60.0], [100.0, 100.0, 100.0]),
        },
        "end": {"rate": 42.5, "seconds": 20.0, "heard": {"200": 1, RIGHT: 1, WRONG: 0}, "status": 0},
        "told": [6, 6],
    }
    text = table(results)
    for shown in (
        "0.850 (0.900, 0.800, 0.850)",
        "0.250, 0.250, 0.250, 0.250",
        "5 200, 9 503, 5 right, 0 WRONG",
        "100 → 100 MiB",
        "+0.0 MiB a minute",
        "0; [6, 6]",
    ):
        assert shown in text.replace("-0.0 MiB", "+0.0 MiB"), shown
    assert "half load" not in table({**results, "half_load": {}})


def test_a_turn_is_not_shorter_than_it_has_to_be():
    assert command.parser().parse_args(["--bundle", "b", "--images", "i"]).count == command.IMAGES >= 128
