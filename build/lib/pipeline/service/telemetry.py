"""What /metrics shows: requests, images, queue, processes, and drift against training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from models.bundle_info import BundleInfo
from pipeline.service.answers import ImageAnswer
from pipeline.service.drift import BINS, Drift
from pipeline.service.jobs import Work

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TENTHS = tuple(round((index + 1) / BINS, 10) for index in range(BINS - 1))


class Telemetry:
    """Counters of one service process.

    Parameters
    ----------
    info : BundleInfo
    waiting, held : callable
        Images that wait, and bytes of the requests that are held, at this moment.
    """

    def __init__(self, info: BundleInfo, *, waiting: Callable[[], int], held: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self.drift = {
            "score": Drift(info.training.score_quantiles),
            "novelty": Drift(
                np.linspace(0, 1, BINS + 1).tolist()
            ),  # of the training images themselves, by definition
        }
        self._requests = Counter(
            "faketrace_requests", "Requests by path and status.", ["path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "faketrace_request_seconds", "From the first byte to the answer.", ["path"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._images = Counter(
            "faketrace_images", "Images by status and answer.", ["status", "answer"], registry=self.registry
        )
        self._batch = Histogram(
            "faketrace_batch_images", "Images of a batch.", ["kind"], buckets=(1, 2, 4, 8),
            registry=self.registry,
        )  # fmt: skip
        self._work = Histogram(
            "faketrace_batch_seconds",
            "Seconds of a batch.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._lost = Counter(
            "faketrace_processes_lost", "Scoring processes that died or hung.", registry=self.registry
        )
        self._audit = Counter(
            "faketrace_audit_failures", "Audit lines that could not be written.", registry=self.registry
        )
        self._values = {
            "score": Histogram("faketrace_score", "Scores.", buckets=_TENTHS, registry=self.registry),
            "novelty": Histogram(
                "faketrace_novelty", "Novelty; uniform if images are like those of training.",
                buckets=(*_TENTHS, 0.99, 0.999), registry=self.registry,
            ),
        }  # fmt: skip
        gauge = Gauge("faketrace_waiting_images", "Images that wait for a process.", registry=self.registry)
        gauge.set_function(waiting)
        gauge = Gauge("faketrace_held_bytes", "Bytes of the requests that are held.", registry=self.registry)
        gauge.set_function(held)
        self._against_training()

    def _against_training(self) -> None:
        shares = Gauge(
            "faketrace_training_share", "Share of the training images at or below le.", ["what", "le"],
            registry=self.registry,
        )  # fmt: skip
        index = Gauge(
            "faketrace_drift", "Population stability index of the latest 1,000 images against training; above 0.25: moved.",
            ["what"], registry=self.registry,
        )  # fmt: skip
        for what, drift in self.drift.items():
            for edge, share in zip(_TENTHS, np.cumsum(drift.expected).tolist()):
                shares.labels(what, f"{edge:g}").set(share)
            index.labels(what).set_function(drift.index)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def image(self, image: ImageAnswer) -> None:
        """Count an image."""
        self._images.labels(image.status, image.answer or "").inc()
        for what, value in (("score", image.score), ("novelty", image.novelty)):
            if value is not None:
                self._values[what].observe(value)
                self.drift[what].add(value)

    def batch(self, work: Work, images: int, seconds: float) -> None:
        """Count a batch."""
        self._batch.labels(work.kind).observe(images)
        self._work.labels(work.kind).observe(seconds)

    def lost(self) -> None:
        """Count a process that died or hung."""
        self._lost.inc()

    def audit_failed(self) -> None:
        """Count an audit line that could not be written."""
        self._audit.inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
