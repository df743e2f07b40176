"""The service without its addresses: it takes images while there is room, has them worked on, and answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from models.bundle_info import BundleInfo
from pipeline.service.answers import (
    ImageAnswer,
    ModelAnswer,
    ScoreAnswer,
    image_answer,
    policy_answer,
    software,
)
from pipeline.service.bodies import Refused
from pipeline.service.jobs import Expired, Job, JobQueue, Upload, Work
from pipeline.service.logs import LOG, Audit
from pipeline.service.policy import Policy
from pipeline.service.results import Explained, Result
from pipeline.service.settings import Settings
from pipeline.service.telemetry import Telemetry
from pipeline.service.workers import WorkerPool


class Busy(Exception):
    """There is no room for a request."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Gone(Exception):
    """Whoever asked has gone."""


@dataclass
class Service:
    """What the requests share.

    Attributes
    ----------
    settings : Settings
    info : BundleInfo
    model : str
        Version of the bundle.
    policy : Policy
    queue : JobQueue
    pool : WorkerPool
    telemetry : Telemetry
    audit : Audit
    is_draining : bool
        Whether it is about to end: what is accepted is answered, and connections are closed after it.
    answered : int
        Requests so far.
    """

    settings: Settings
    info: BundleInfo
    model: str
    policy: Policy
    queue: JobQueue
    pool: WorkerPool
    telemetry: Telemetry
    audit: Audit
    is_draining: bool = False
    answered: int = 0
    held: list[int] = field(default_factory=lambda: [0])

    @property
    def is_ready(self) -> bool:
        """Whether a new request would be worked on."""
        return self.pool.is_alive and not self.is_draining

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Room for the bytes of a request, while it is read and answered. Raises Busy where there is none."""
        if self.held[0] + size > self.settings.limits.held or self.queue.waiting >= self.queue.capacity:
            raise Busy(self.queue.retry_after())
        self.held[0] += size
        try:
            yield
        finally:
            self.held[0] -= size

    async def work_on(self, uploads: Sequence[Upload], work: Work, request: Request) -> list[Result]:
        """The result of each upload.

        Raises
        ------
        Busy
            The queue is full, or the answer took longer than it may.
        Gone
            Nobody waits for it any more; what has not begun is not begun.
        """
        deadline = time.monotonic() + self.settings.limits.wait_s
        jobs = [Job(name, data, work, deadline) for name, data in uploads]
        if not self.queue.put(jobs):
            raise Busy(self.queue.retry_after())
        results = asyncio.gather(*(asyncio.wrap_future(job.result) for job in jobs))
        gone = asyncio.ensure_future(_disconnected(request))
        waited: set[asyncio.Future[Any]] = {results, gone}
        try:
            await asyncio.wait(
                waited, timeout=deadline - time.monotonic(), return_when=asyncio.FIRST_COMPLETED
            )
            if results.done():
                return results.result()
            raise Gone if gone.done() else Busy(self.queue.retry_after())
        except Expired:
            raise Busy(self.queue.retry_after()) from None
        finally:
            gone.cancel()
            if not results.done():
                results.add_done_callback(_let_go)
                results.cancel()

    def answer(
        self, uploads: Sequence[Upload], results: Sequence[Result], policy: Policy, *, request_id: str
    ) -> ScoreAnswer:
        """Results as they are told, with a line in the audit for each image."""
        answer = ScoreAnswer(
            request_id=request_id,
            model=ModelAnswer(version=self.model, software=software()),
            policy=policy_answer(policy),
            images=[
                image_answer(name, data, [result.face] if isinstance(result, Explained) else result, policy)
                for (name, data), result in zip(uploads, results, strict=True)
            ],
        )
        for image in answer.images:
            self._note(answer, image)
        return answer

    def _note(self, answer: ScoreAnswer, image: ImageAnswer) -> None:
        self.telemetry.image(image)
        try:
            self.audit.decision(answer, image)
        except OSError as error:
            self.telemetry.audit_failed()
            LOG.error("an audit line cannot be written: %s", error.strerror)

    def policy_for(self, *, rate: float | None, prior: float | None) -> Policy:
        """The policy, or the one that a request asks for. Raises ServiceError for a rate without limits."""
        if rate is None and prior is None:
            return self.policy
        return Policy.of(
            self.info,
            rate=self.policy.rate if rate is None else rate,
            prior=self.policy.prior if prior is None else prior,
        )


def _let_go(results: asyncio.Future[Any]) -> None:
    """Look at how results ended that nobody waits for, or asyncio would log that nobody did."""
    if not results.cancelled():
        results.exception()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def refuse_unready(service: Service) -> None:
    """Raise Refused (503) where no process can work."""
    if not service.pool.is_alive:
        raise Refused(503, "not_ready", "the service has lost its processes; see its log")
