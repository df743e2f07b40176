"""A service whose scorer is a stand-in, on a real socket, so that no test here loads torch."""

import base64
import http.client
import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

import uvicorn

from models.bundle_info import ThresholdInfo
from pipeline.service.app import create_app
from pipeline.service.jobs import JobQueue
from pipeline.service.logs import Audit
from pipeline.service.policy import Policy
from pipeline.service.results import Explained, FaceResult, Failed
from pipeline.service.server import listening
from pipeline.service.service import Service
from pipeline.service.settings import Limits, Settings
from pipeline.service.telemetry import Telemetry
from pipeline.service.workers import WorkerPool
from pipeline.serving.content_credentials import ContentCredentials
from tests.models.test_bundle_info import record

LIMITS = Limits()
CREDENTIALS = [
    ContentCredentials("absent"),
    ContentCredentials("valid", "Camera Makers", "a camera", ("digitalCapture",)),
    ContentCredentials("broken", "<b>", sources=("newWord",), problems=("assertion.dataHash.mismatch",)),
    ContentCredentials("elsewhere"),
]


def info(limits=((0.05, 0.8, 0.2),)):
    """A bundle's record with these (rate, fake_above, real_below)."""
    thresholds = [
        ThresholdInfo(
            source="(overall)", rate=rate, fake_above=high, real_below=low, reals=100, fakes=90, needed=59
        )
        for rate, high, low in limits
    ]
    return record(thresholds=thresholds)


def face(score, **changes):
    """What is said of a face."""
    given = {
        "place": 1,
        "found": True,
        "n_faces": 1,
        "prob": 0.99,
        "box": (1.0, 2.0, 30.0, 40.0),
        "score": score,
        "novelty": 0.5,
        "is_strange": False,
        "log_likelihood_ratios": {"labelled": 1.0},
        "warnings": [],
    }
    return FaceResult(**{**given, **changes})


class StandIn:
    """Scores bytes by their first one, hundredths; 255 cannot be read, 254 fails, of 253 a package is missing, others may
    take a while.

    Of a file whose second byte is a digit, the Content Credentials are those of CREDENTIALS in that place.
    """

    def __init__(self, *, image_s=0.0):
        self.image_s = image_s
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def start(self):
        return "cpu"

    def stop(self):
        pass

    def work_on(self, work, uploads):
        self.gate.wait(20)
        self.batches.append([data for _, data in uploads])
        time.sleep(self.image_s * len(uploads))
        return [self._one(work, data) for _, data in uploads]

    def _one(self, work, data):
        if data[0] == 254:
            return Failed("internal_error", "it failed")
        if data[0] == 253:
            return Failed("not_installed", "torch is not installed")
        if data[0] == 255:
            return Failed("not_an_image", "it is text")
        if work.kind == "explain":
            return Explained(face(data[0] / 100), {"raw": 1.0}, "<p>why</p>" if work.as_page else "")
        credentials = CREDENTIALS[int(data[1:2])] if data[1:2].isdigit() else None
        return [face(data[0] / 100, credentials=credentials)]


class Running:
    """A service that listens, and a client of it."""

    def __init__(self, service, port, scorer, server):
        self.service, self.port, self.scorer, self.server = service, port, scorer, server

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and JSON (or text) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.status, response.headers, json.loads(data) if is_json else data

    def score(self, data, path="/score", kind="application/octet-stream"):
        return self.ask("POST", path, data, {"content-type": kind})


@contextmanager
def running(tmp_path, *, scorers=None, limits=LIMITS, bundle=None, **given):
    """A service with stand-ins for its processes."""
    known = info() if bundle is None else bundle
    settings = Settings(Path("model"), drain_s=0.2, audit=tmp_path / "audit.jsonl", limits=limits, **given)
    queue = JobQueue(capacity=limits.queue, batch_wait_s=0.002)
    held = [0]
    telemetry = Telemetry(known, waiting=lambda: queue.waiting, held=lambda: held[0])
    scorers = scorers or [StandIn()]
    pool = WorkerPool(scorers, queue, on_batch=telemetry.batch, on_lost=telemetry.lost)
    service = Service(
        settings=settings,
        info=known,
        model="0123456789ab",
        policy=Policy.of(known, rate=settings.rate, prior=settings.prior),
        queue=queue,
        pool=pool,
        telemetry=telemetry,
        audit=Audit(settings.audit),
        held=held,
    )
    bound = listening("127.0.0.1", 0)
    config = uvicorn.Config(
        create_app(service), http="h11", loop="asyncio", lifespan="off", ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    pool.start()
    port = bound.getsockname()[1]
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield Running(service, port, scorers[0], server)
    finally:
        for scorer in scorers:
            scorer.gate.set()
        server.should_exit = True
        thread.join(20)
        pool.stop()


@pytest.fixture
def api(tmp_path):
    """A service with a stand-in for its processes."""
    with running(tmp_path) as api:
        yield api


def encoded(*datas):
    """A request in JSON."""
    images = [{"name": f"{n}.jpg", "data": base64.b64encode(d).decode()} for n, d in enumerate(datas)]
    return json.dumps({"images": images})


def form(*datas):
    """A multipart form, and its content type."""
    parts = [
        b'--XX\r\ncontent-disposition: form-data; name="file"; filename="%d.jpg"\r\n\r\n%b\r\n' % (n, d)
        for n, d in enumerate(datas)
    ]
    return b"".join([*parts, b"--XX--\r\n"]), "multipart/form-data; boundary=XX"
