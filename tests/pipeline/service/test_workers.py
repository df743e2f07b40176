"""Processes that die, hang or refuse: a bad image affects only itself, and the next one is scored."""

import errno
import os
import time
from types import SimpleNamespace

import pytest

from pipeline.service import scorer
from pipeline.service.jobs import Job, JobQueue, Work
from pipeline.service.results import Failed
from pipeline.service.settings import ServiceError, Start
from pipeline.service.workers import Lost, ScoringProcess, WorkerPool

SCORE = Work("score")


class Fragile:
    """It dies of b"die"; what it is given else comes back."""

    def __init__(self, *, starts=100):
        self.starts = starts

    def start(self):
        self.starts -= 1
        if self.starts < 0:
            raise ServiceError("it does not start")
        return "cpu"

    def stop(self):
        pass

    def work_on(self, work, uploads):
        if any(data == b"die" for _, data in uploads):
            raise Lost("died")
        return [data for _, data in uploads]


def results(datas, scorer):
    queue = JobQueue(capacity=100, batch_wait_s=0)
    lost = []
    pool = WorkerPool([scorer], queue, on_batch=lambda *_: None, on_lost=lambda: lost.append(1))
    jobs = [Job(str(n), data, SCORE, time.monotonic() + 60) for n, data in enumerate(datas)]
    queue.put(jobs)
    pool.start()
    found = [job.result.result(20) for job in jobs]
    return found, len(lost), pool


def test_an_image_that_kills_the_process_affects_only_itself():
    found, lost, pool = results([b"a", b"die", b"b"], Fragile())
    assert found[0] == b"a" and found[2] == b"b"
    assert found[1] == Failed("process_lost", "the process that worked on it died")
    assert lost == 2 and pool.is_alive
    pool.stop()


def test_a_process_that_cannot_be_started_again_is_told():
    found, _, pool = results([b"die"], Fragile(starts=1))
    assert found[0].status == "internal_error"
    pool.stop()
    assert not pool.is_alive


def test_a_bundle_that_cannot_be_used_is_said_before_anything_is_served():
    pool = WorkerPool(
        [Fragile(starts=0)], JobQueue(capacity=1, batch_wait_s=0), on_batch=print, on_lost=print
    )
    with pytest.raises(ServiceError, match="it does not start"):
        pool.start()


class Broken(Fragile):
    """It raises what it was given where it is asked to do what it was named for."""

    def __init__(self, *, at, error):
        super().__init__()
        self.at, self.error = at, error
        self.stops = 0

    def start(self):
        if self.at == "start":
            raise self.error
        return super().start()

    def work_on(self, work, uploads):
        if self.at == "work_on":
            raise self.error
        return super().work_on(work, uploads)

    def stop(self):
        self.stops += 1
        if self.at == "stop":
            raise self.error


def test_whatever_a_worker_ends_of_its_batch_and_all_that_wait_are_answered(caplog):
    found, lost, pool = results([b"a", b"b", b"c"], Broken(at="work_on", error=AssertionError("a bug")))
    assert [result.status for result in found] == ["internal_error"] * 3
    assert lost == 0 and not pool.is_alive
    (record,) = caplog.records
    assert record.levelname == "CRITICAL" and record.exc_info[1].args == ("a bug",)
    pool.stop()


def test_one_lost_worker_of_two_leaves_the_other_its_work():
    queue = JobQueue(capacity=100, batch_wait_s=0)
    pool = WorkerPool([Fragile(starts=1), Fragile()], queue, on_batch=lambda *_: None, on_lost=lambda: None)
    pool.start()
    for data in (b"die", b"a", b"b"):
        job = Job("a", data, SCORE, time.monotonic() + 60)
        assert queue.put([job])
        found = job.result.result(20)
    assert found == b"b" and pool.is_alive
    pool.stop()


def test_any_error_of_a_later_scorers_start_is_raised_and_ends_all(caplog):
    scorers = [Fragile(), Broken(at="start", error=OSError(errno.EAGAIN, "no more processes"))]
    pool = WorkerPool(scorers, JobQueue(capacity=1, batch_wait_s=0), on_batch=print, on_lost=print)
    with pytest.raises(OSError, match="no more processes"):
        pool.start()
    assert scorers[1].stops == 1


def test_a_scorer_that_cannot_be_ended_does_not_keep_the_others():
    scorers = [Broken(at="stop", error=OSError("it lives")), *(Broken(at="", error=None) for _ in range(2))]
    for order in (scorers, scorers[::-1]):
        pool = WorkerPool(order, JobQueue(capacity=1, batch_wait_s=0), on_batch=print, on_lost=print)
        with pytest.raises(OSError, match="it lives"):
            pool.kill()
    assert [scorer.stops for scorer in scorers] == [2, 2, 2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_that_hands_nothing_out_is_not_alive():
    queue = JobQueue(capacity=1, batch_wait_s=0)
    pool = WorkerPool([Fragile()], queue, on_batch=lambda *_: 1 / 0, on_lost=print)
    pool.start()
    queue.put([Job("a", b"a", SCORE, time.monotonic() + 60)])
    pool._delivery.join(20)
    assert not pool.is_alive
    pool.stop()


def test_on_a_gpu_one_process_works():
    class OnGpu(Fragile):
        def start(self):
            super().start()
            return "cuda"

    scorers = [OnGpu(), OnGpu()]
    pool = WorkerPool(
        scorers, JobQueue(capacity=1, batch_wait_s=0), on_batch=print, on_lost=print, one_on_gpu=True
    )
    pool.start()
    pool.stop()
    assert [scorer.starts for scorer in scorers] == [99, 100]


def sleeps(connection, start, parent):
    connection.send("cpu")
    connection.recv()
    time.sleep(60)


def dies(connection, start, parent):
    connection.send("cpu")
    connection.recv()
    raise SystemExit(3)


def refuses(connection, start, parent):
    connection.send(ServiceError("no such bundle"))


@pytest.fixture
def process(tmp_path, monkeypatch):
    def make(target, *, work_s=60):
        monkeypatch.setattr("pipeline.service.workers.serve", target)
        return ScoringProcess(Start(tmp_path, "cpu", 1, 10**6), work_s=work_s)

    return make


def test_a_process_that_hangs_is_ended(process):
    scoring = process(sleeps, work_s=0.2)
    scoring.start()
    with pytest.raises(Lost, match=r"took longer than 0\.2 s"):
        scoring.work_on(SCORE, [("a", b"a")])


def test_a_process_that_dies_can_be_started_again(process):
    scoring = process(dies)
    for _ in range(2):
        assert scoring.start() == "cpu"
        with pytest.raises(Lost, match="died"):
            scoring.work_on(SCORE, [("a", b"a")])


def test_what_a_process_says_of_the_bundle_is_passed_on(process):
    scoring = process(refuses)
    with pytest.raises(ServiceError, match="no such bundle"):
        scoring.start()
    scoring.stop()


def test_a_process_that_the_system_does_not_start_is_said_and_leaves_nothing(process, monkeypatch):
    scoring = process(dies)

    def refused(*_):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patched:
        patched.setattr("multiprocessing.popen_spawn_posix.Popen.__init__", refused)
        with pytest.raises(
            ServiceError,
            match="cannot be started: Cannot allocate memory; close other programs, or set --workers lower",
        ):
            scoring.start()
    scoring.stop()
    assert len(os.listdir("/proc/self/fd")) == before
    assert scoring.start() == "cpu"
    scoring.stop()


class Line:
    """The end of a connection that a scoring process has: what it receives, and what it has sent."""

    def __init__(self, *received):
        self.received, self.sent = list(received), []

    def recv(self):
        if not self.received:
            raise EOFError
        return self.received.pop(0)

    def send(self, value):
        self.sent.append(value)


@pytest.fixture
def serve_here(monkeypatch, tmp_path):
    """The work of a scoring process, in this one."""

    def run(line, **parts):
        for name, part in {"end_with": print, "limit_threads": print, **parts}.items():
            monkeypatch.setattr(scorer, name, part)
        monkeypatch.setattr(scorer.signal, "signal", lambda *_: None)
        scorer.serve(line, Start(tmp_path, "cpu", 1, 10**6), 1)
        return line.sent

    return run


def missing(name):
    def fail(*_, **__):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    return fail


def test_a_package_that_a_bundle_needs_and_is_not_there_is_said_at_the_start(serve_here):
    (refused,) = serve_here(Line(), load=missing("torch"))
    assert isinstance(refused, ServiceError) and "torch is not installed" in str(refused)
    with pytest.raises(ModuleNotFoundError):
        serve_here(Line(), load=missing("models.gone"))


@pytest.mark.parametrize(
    ("module", "status", "message"),
    [("torch", "not_installed", "torch is not installed"), ("models.gone", "internal_error", "see its log")],
)
def test_a_package_that_an_explanation_needs_and_is_not_there_is_its_answer(
    serve_here, module, status, message
):
    line = Line((Work("explain"), [("a", b"a"), ("b", b"b")]))
    _, results = serve_here(line, load=lambda _: SimpleNamespace(device="cpu"), work_on=missing(module))
    assert [result.status for result in results] == [status] * 2
    assert message in results[0].message
