"""How the service comes to be: a bundle that is whole, its policy, processes that have used it, and the application."""

from __future__ import annotations

import hashlib
import os

from fastapi import FastAPI

from models.bundle_files import check_files, parse_record, read_record
from pipeline.service.app import create_app
from pipeline.service.jobs import JobQueue
from pipeline.service.logs import Audit, start_logs
from pipeline.service.policy import Policy
from pipeline.service.service import Service
from pipeline.service.settings import Settings, Start
from pipeline.service.telemetry import Telemetry
from pipeline.service.workers import ScoringProcess, WorkerPool


def open_service(settings: Settings) -> tuple[Service, FastAPI]:
    """A service whose processes are yet to be started (`service.pool.start`), and its application.

    Raises
    ------
    UserError
        A bundle, device or setting that cannot be used.
    """
    start_logs()
    record = read_record(settings.bundle)
    info = parse_record(settings.bundle, record)
    check_files(settings.bundle, info)
    policy = Policy.of(info, rate=settings.rate, prior=settings.prior)
    workers = settings.workers or len(os.sched_getaffinity(0))
    start = Start(
        settings.bundle.absolute(), settings.device, 1 if workers > 1 else 0, settings.limits.pixels
    )
    queue = JobQueue(capacity=settings.limits.queue, batch_wait_s=settings.batch_wait_s)
    held = [0]
    telemetry = Telemetry(info, waiting=lambda: queue.waiting, held=lambda: held[0])
    pool = WorkerPool(
        [ScoringProcess(start, work_s=settings.limits.work_s) for _ in range(workers)],
        queue,
        on_batch=telemetry.batch,
        on_lost=telemetry.lost,
        one_on_gpu=not settings.workers,
    )
    service = Service(
        settings=settings,
        info=info,
        model=hashlib.sha256(record).hexdigest()[:12],
        policy=policy,
        queue=queue,
        pool=pool,
        telemetry=telemetry,
        audit=Audit(settings.audit),
        held=held,
    )
    return service, create_app(service)
