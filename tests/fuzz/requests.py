"""Requests to the service, over a real socket: valid ones with damage, and some that are no HTTP."""

from __future__ import annotations

import random
import re
import socket
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from pipeline.service.jobs import Upload, Work
from pipeline.service.results import Explained, Failed, Result
from pipeline.service.settings import Limits
from pipeline.storage.images import BadImage, decode
from tests.fuzz.faults import demand
from tests.fuzz.mutations import damaged
from tests.fuzz.pictures import make as make_pictures
from tests.pipeline.service.conftest import Running, StandIn, encoded, face, form, running

METHODS = ["POST"] * 60 + ["GET", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "X", ""]
PATHS = ["/score"] * 40 + ["/explain"] * 10 + [
    *("/", "/docs", "/health", "/ready", "/version", "/metrics", "/openapi.json", "/page/app.js", "/page/../app.py"),
    *("/page/%2e%2e%2fapp.py", "//score", "/score/", "/%00", "/" + "a" * 5000, "*", "http://other/score", "/score;x=1"),
]  # fmt: skip
PARAMETERS = ["prior", "rate", "every_face", "page", "path", "x", "prior[]", ""]
VALUES = [
    "0.5",
    "0.05",
    "0",
    "1",
    "-1",
    "nan",
    "inf",
    "1e309",
    "true",
    "maybe",
    "",
    "..",
    "%ff",
    "%00",
    "9" * 400,
    "a/b.jpg",
    "%F0%9F%98%80",
]
TYPES = [
    *("application/json", "multipart/form-data; boundary=XX", "multipart/form-data", "image/jpeg", "application/octet-stream"),
    *("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data; boundary="),
    *("multipart/form-data; boundary=XX; charset=nonsense", "MULTIPART/FORM-DATA; BOUNDARY=XX", "", "é", ";;;", "x" * 3000),
]  # fmt: skip
KNOWN = {200, 400, 404, 405, 408, 413, 415, 422}


class Decoding(StandIn):
    """A stand-in for a scoring process that decodes as one does."""

    def work_on(self, work: Work, uploads: list[Upload]) -> list[Result]:
        """A face for each picture that can be read."""
        results: list[Result] = []
        for name, data in uploads:
            try:
                decode(data, max_pixels=10**6, where=name)
            except BadImage as bad:
                results.append(Failed(bad.status, bad.detail))
            else:
                scored = face(0.5)
                results.append(
                    [scored] if work.kind == "score" else Explained(scored, {"raw": 1.0}, "<p>why</p>")
                )
        return results


class Requests:
    """A service, and requests to it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "a").mkdir()
        self._pictures = [data for data in make_pictures().files if len(data) < 20_000]
        (folder / "a/b.jpg").write_bytes(self._pictures[0])
        limits = Limits(body=1 << 20, image=1 << 19, images=4, queue=16, held=1 << 23, read_s=0.3)
        self._api: Running = self._stack.enter_context(
            running(folder, scorers=[Decoding()], limits=limits, images=folder)
        )

    @property
    def address(self) -> str:
        """Where the service listens."""
        return f"http://127.0.0.1:{self._api.port}"

    @property
    def answered(self) -> int:
        """Requests so far."""
        return self._api.service.answered

    def statuses(self) -> dict[str, int]:
        """How many requests had each status."""
        counted: Counter[str] = Counter()
        for line in self._api.service.telemetry.text().decode().splitlines():
            if found := re.match(r'faketrace_requests_total\{.*status="(\d+)"\} ([\d.]+)$', line):
                counted[found[1]] += int(float(found[2]))
        return dict(counted.most_common())

    def check(self, rng: random.Random) -> str:
        """One request; a 500, or a service that is gone after it, is a fault."""
        request = self._request(rng)
        with socket.create_connection(("127.0.0.1", self._api.port), timeout=60) as connection:
            try:
                connection.sendall(request)
                if b"\r\n\r\n" not in request:  # its head has no end
                    connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(65536)
            except ConnectionError:
                answer = b""
        if rng.random() < 0.02:
            demand(self._api.ask("GET", "/health")[0] == 200, "the service is not healthy after it")
        if not answer:
            return "closed"
        demand(answer.startswith(b"HTTP/1.1 "), answer[:80])
        status = int(answer.split()[1])
        demand(status in KNOWN, answer[:2000])
        return str(status)

    def close(self) -> None:
        """End the service."""
        self._stack.close()

    def _request(self, rng: random.Random) -> bytes:
        body, kind = self._body(rng)
        if rng.random() < 0.4:
            body = damaged(body, rng, others=self._pictures)
        if rng.random() < 0.15:
            kind = rng.choice(TYPES)
        query = "&".join(
            f"{rng.choice(PARAMETERS)}={rng.choice(VALUES)}" for _ in range(rng.choice((0, 0, 0, 1, 2)))
        )
        target = rng.choice(PATHS) + (f"?{query}" if query else "")
        length = (
            str(len(body))
            if rng.random() < 0.9
            else rng.choice(["0", "-1", "1e3", "9" * 30, "1", str(1 << 30), "x"])
        )
        head = f"{rng.choice(METHODS)} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\n".encode()
        if rng.random() < 0.05:
            return head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        whole = head + f"content-length: {length}\r\n\r\n".encode() + body
        return damaged(whole, rng, others=self._pictures) if rng.random() < 0.05 else whole

    def _body(self, rng: random.Random) -> tuple[bytes, str]:
        pictures = [rng.choice(self._pictures) for _ in range(rng.choice((0, 1, 1, 1, 2, 5)))]
        pictures = [damaged(p, rng, others=self._pictures) if rng.random() < 0.3 else p for p in pictures]
        shape = rng.randrange(4)
        if shape == 0:
            return encoded(*pictures).encode(), "application/json"
        if shape == 1:
            return form(*pictures)
        if shape == 2:
            deep = rng.choice((b"[", b'{"images":', b'{"a":[', b"\xff\xfe[\0")) * rng.choice((1, 50, 20_000))
            return deep, "application/json"
        return b"".join(pictures[:1]), rng.choice(TYPES)


def make() -> Requests:
    """The requests."""
    return Requests()
