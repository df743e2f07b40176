"""The processes that score, each with a thread here that hands it batches and sees to it that it lives."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

from pipeline.service.child import serve
from pipeline.service.jobs import Job, JobQueue, Upload, Work
from pipeline.service.results import Failed, Result
from pipeline.service.settings import ServiceError, Start

START_S = 1200.0  # a first use of a stranger's large bundle is tried in a child of its own
_LOG = logging.getLogger("faketrace")


class Lost(Exception):
    """The process died or took too long over a batch; the message says which."""


class Scorer(Protocol):
    """Something that works on batches."""

    def start(self) -> str:
        """Be ready; the device that it works on. Raises ServiceError where it cannot."""

    def work_on(self, work: Work, uploads: Sequence[Upload]) -> list[Result]:
        """The result of each upload. Raises Lost; then `start` makes it ready again."""

    def stop(self) -> None:
        """End it."""


class ScoringProcess:
    """A process that scores, started anew where it was lost.

    Parameters
    ----------
    start : Start
    work_s : float
        Seconds that a batch may take.
    """

    def __init__(self, start: Start, *, work_s: float) -> None:
        self._start = start
        self._work_s = work_s
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def start(self) -> str:
        """Start the process and wait until it has used the bundle."""
        try:
            self._spawn()
            first = self._receive(START_S)
        except OSError as error:
            self.stop()
            raise ServiceError(
                f"a scoring process cannot be started: {error.strerror}; close other programs, or set --workers lower"
            ) from None
        except Lost as lost:
            raise ServiceError(
                f"a scoring process {lost} while it loaded the bundle; see the lines above"
            ) from None
        if isinstance(first, ServiceError):
            raise first
        return str(first)

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, self._start, os.getpid()), name="faketrace scorer", daemon=True
        )
        with theirs:
            process.start()
        self._process = process

    def work_on(self, work: Work, uploads: Sequence[Upload]) -> list[Result]:
        """Hand a batch over and wait for its results."""
        assert self._connection is not None
        try:
            self._connection.send((work, list(uploads)))
        except OSError:
            raise self._lost("died") from None
        results = self._receive(self._work_s)
        assert isinstance(results, list)
        return results

    def _receive(self, seconds: float) -> object:
        assert self._connection is not None
        try:
            if self._connection.poll(seconds):
                return self._connection.recv()
        except (EOFError, OSError):
            raise self._lost("died") from None
        raise self._lost(f"took longer than {seconds:g} s")

    def _lost(self, how: str) -> Lost:
        self.stop()
        return Lost(how)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        # Taken first: a worker that loses it and who ends the service may both call this.
        connection, process = self._connection, self._process
        self._connection = self._process = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join()


@dataclass(frozen=True)
class _Done:
    """A batch that was worked on, and the seconds that it took."""

    batch: Sequence[Job]
    results: Sequence[Result]
    seconds: float


class WorkerPool:
    """Threads that take batches from a queue and have them worked on, and one that hands out the results.

    A process waits for its next batch no longer than it takes to send one: whoever gets results wakes the event loop, with
    which the thread would then have to share the interpreter's lock for each image.

    Parameters
    ----------
    scorers : sequence of Scorer
        One for each thread.
    jobs : JobQueue
    on_batch : callable
        Told the work, the number of images and the seconds of each batch.
    on_lost : callable
        Told each time that a scorer was lost.
    one_on_gpu : bool
        Whether the first alone is used where it works on a GPU.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer],
        jobs: JobQueue,
        *,
        on_batch: Callable[[Work, int, float], None],
        on_lost: Callable[[], None],
        one_on_gpu: bool = False,
    ) -> None:
        self._scorers = list(scorers)
        self._jobs = jobs
        self._on_batch = on_batch
        self._on_lost = on_lost
        self._one_on_gpu = one_on_gpu
        self._threads: list[threading.Thread] = []
        self._working: set[Scorer] = set()
        self._done: queue.SimpleQueue[_Done | None] = queue.SimpleQueue()
        self._delivery = threading.Thread(target=self._deliver, name="delivery", daemon=True)

    def start(self) -> None:
        """Start every scorer, side by side, then the threads. Raises ServiceError where the bundle cannot be used."""
        refused: list[Exception] = []

        def start(scorer: Scorer) -> None:
            try:
                scorer.start()
            except Exception as error:  # whatever it is, it is raised below
                refused.append(error)

        # Alone: what is tried or compiled at a first use is there for the others.
        if self._scorers[0].start() == "cuda" and self._one_on_gpu:
            del self._scorers[1:]
        starting = [threading.Thread(target=start, args=(scorer,)) for scorer in self._scorers[1:]]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        if refused:
            self.kill()
            raise refused[0]
        self._delivery.start()
        self._working.update(self._scorers)
        for index, scorer in enumerate(self._scorers):
            self._threads.append(
                threading.Thread(target=self._run, args=(scorer,), name=f"worker {index}", daemon=True)
            )
            self._threads[-1].start()

    @property
    def is_alive(self) -> bool:
        """Whether any worker can work, and its results are handed out."""
        return bool(self._working) and self._delivery.is_alive()

    def stop(self) -> None:
        """Work on all that waits, hand out the results, then end the processes."""
        self._jobs.close()
        for thread in self._threads:
            thread.join()
        self._done.put(None)
        if self._delivery.is_alive():
            self._delivery.join()
        self.kill()

    def kill(self) -> None:
        """End the processes, whatever they are doing."""
        with ExitStack() as stack:  # one that cannot be ended does not keep the others
            for scorer in self._scorers:
                stack.callback(scorer.stop)

    def _run(self, scorer: Scorer) -> None:
        while scorer in self._working and (batch := self._jobs.take()):
            begun = time.monotonic()
            try:
                results = self._results(scorer, batch)
            except Exception as error:
                is_bug = not isinstance(error, ServiceError)
                _LOG.critical("a worker is lost: %s", error, exc_info=error if is_bug else None)
                self._working.remove(scorer)
                results = [_NO_PROCESS] * len(batch)
            self._done.put(_Done(batch, results, time.monotonic() - begun))
        self._working.discard(scorer)
        if not self._working:  # nobody else would answer what waits
            self._jobs.close()
            while batch := self._jobs.take():
                self._done.put(_Done(batch, [_NO_PROCESS] * len(batch), 0.0))

    def _deliver(self) -> None:
        while done := self._done.get():
            for job, result in zip(done.batch, done.results, strict=True):
                job.result.set_result(result)
            self._jobs.took(done.seconds, done.batch, workers=len(self._scorers))
            self._on_batch(done.batch[0].work, len(done.batch), done.seconds)

    def _results(self, scorer: Scorer, batch: Sequence[Job]) -> list[Result]:
        """Results of a batch. One bad image affects only itself: a batch that fails is tried again one by one."""
        try:
            results = scorer.work_on(batch[0].work, [(job.name, job.data) for job in batch])
        except Lost as lost:
            self._on_lost()
            _LOG.error("a scoring process %s over %d images; a new one is started", lost, len(batch))
            results = [Failed("process_lost", f"the process that worked on it {lost}")] * len(batch)
            scorer.start()
        failed = any(isinstance(result, Failed) and result.status in _OF_THE_BATCH for result in results)
        if len(batch) == 1 or not failed:
            return results
        return [result for job in batch for result in self._results(scorer, [job])]


_NO_PROCESS = Failed("internal_error", "the service lost its processes; see its log")
_OF_THE_BATCH = ("internal_error", "out_of_memory", "process_lost")
