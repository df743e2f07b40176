"""Images that wait for a free process: bounded, taken in batches, dropped when nobody waits for them any more."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from pipeline.service.results import Result

Kind = Literal["score", "explain"]
Upload = tuple[str, bytes]  # name and bytes of an image file
IMAGES_PER_BATCH = (
    8  # as the nets take at once; more would leave nothing to do while answers go out and requests come in
)
IMAGES_PER_EXPLANATION = 8  # that an explanation costs as much time as, roughly
_SMOOTHING = 0.1  # weight of the last batch in the time that an image takes


@dataclass(frozen=True)
class Work:
    """What is done with an image; images of equal work go together.

    Attributes
    ----------
    kind : {"score", "explain"}
    every_face : bool
        Whether each face is scored.
    as_page : bool
        Whether the explanation is wanted as a page.
    """

    kind: Kind
    every_face: bool = False
    as_page: bool = False

    @property
    def most(self) -> int:
        """Images of a batch."""
        return IMAGES_PER_BATCH // self.weight

    @property
    def weight(self) -> int:
        """How many images' place one takes in the queue."""
        return 1 if self.kind == "score" else IMAGES_PER_EXPLANATION


@dataclass
class Job:
    """One image and who waits for it.

    Attributes
    ----------
    name : str
        As the caller named it.
    data : bytes
        Of the file.
    work : Work
    deadline : float
        Of time.monotonic; after it nobody waits.
    result : Future
        Of what a worker gives, or Expired.
    """

    name: str
    data: bytes
    work: Work
    deadline: float
    result: Future[Result] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Expired(Exception):
    """An image waited longer than it may."""


class JobQueue:
    """Jobs in their order.

    Parameters
    ----------
    capacity : int
        Images that may wait; more are refused.
    batch_wait_s : float
        Seconds that the first of a batch waits for others.
    """

    def __init__(self, *, capacity: int, batch_wait_s: float) -> None:
        self.capacity = capacity
        self._batch_wait_s = batch_wait_s
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._closed = False
        self._image_s = 0.1  # a guess, until some were done

    @property
    def waiting(self) -> int:
        """Weight of the jobs that wait."""
        with self._changed:
            return self._waiting()

    def _waiting(self) -> int:
        return sum(job.work.weight for job in self._jobs)

    def put(self, jobs: Sequence[Job]) -> bool:
        """Add all of them, or none where they would be too many or the queue is closed."""
        with self._changed:
            room = self.capacity - self._waiting()
            # An empty queue takes any one request, or a small one could never take an explanation.
            if self._closed or (self._jobs and sum(job.work.weight for job in jobs) > room):
                return False
            self._jobs.extend(jobs)
            self._changed.notify_all()
            return True

    def take(self) -> list[Job]:
        """The next jobs of equal work, whose results are now due; none when the queue is closed and empty.

        Waits for a first job, then a little for others. Idle workers share what waits.
        """
        with self._changed:
            self._idle += 1
            try:
                while True:
                    while not self._jobs and not self._closed:
                        self._changed.wait()
                    self._linger()
                    if batch := self._pop(math.ceil(len(self._jobs) / self._idle)):
                        return batch
                    if self._closed and not self._jobs:
                        return []
            finally:
                self._idle -= 1

    def _linger(self) -> None:
        """Wait for more jobs after the first, unless there are enough or none will come."""
        until = time.monotonic() + self._batch_wait_s
        while self._jobs and len(self._jobs) < self._idle * self._jobs[0].work.most and not self._closed:
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _pop(self, share: int) -> list[Job]:
        """At most `share` live jobs of the first one's work; jobs that nobody waits for are dropped."""
        batch: list[Job] = []
        others: list[Job] = []
        now = time.monotonic()
        while self._jobs and len(batch) < max(share, 1):
            job = self._jobs.popleft()
            if batch and job.work != batch[0].work:
                others.append(job)
            elif job.result.cancelled() or job.deadline < now:
                if job.result.set_running_or_notify_cancel():
                    job.result.set_exception(Expired())
            elif job.result.set_running_or_notify_cancel():
                batch.append(job)
                share = min(share, job.work.most)
        self._jobs.extendleft(reversed(others))
        return batch

    def took(self, seconds: float, jobs: Sequence[Job], *, workers: int) -> None:
        """Note how long a batch took, for `retry_after`."""
        image_s = seconds / sum(job.work.weight for job in jobs) / workers
        self._image_s += _SMOOTHING * (image_s - self._image_s)

    def retry_after(self) -> int:
        """Seconds after which there is probably room again, from 1 to 60."""
        return min(max(math.ceil(self.waiting * self._image_s), 1), 60)

    def close(self) -> None:
        """Take no more jobs; those that wait are still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
