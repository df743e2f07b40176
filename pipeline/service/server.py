"""uvicorn, ended gracefully: what was accepted is answered."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from pipeline.service.logs import LOG
from pipeline.service.service import Service
from pipeline.service.settings import ServiceError

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Of a connection that is kept for a next request. Longer than load balancers keep theirs, 60 s as a rule: who closes
# first while the other sends cuts a request off.
_IDLE_S = 75


class GracefulServer(uvicorn.Server):
    """A first signal starts the end, a second one ends the waiting for new connections.

    From the first on, `/ready` says 503, so that a load balancer sends no more, and every answer closes its connection.
    After `drain_s` no connection is accepted; the process ends when all are answered.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so: whoever waits for the line can ask at once."""
        await super().startup(sockets=sockets)
        for bound in sockets or []:
            host, port = bound.getsockname()[:2]
            sys.stderr.write(f"ready on http://{f'[{host}]' if ':' in host else host}:{port}\n")
            sys.stderr.flush()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals that end the service, until the block ends."""
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        if self._service.is_draining:
            self.should_exit = True
            return
        self._service.is_draining = True
        asyncio.get_running_loop().call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        LOG.info("ending: no new connections in %g s", self._service.settings.drain_s)
        asyncio.get_running_loop().call_later(self._service.settings.drain_s, self._stop_listening)

    def _stop_listening(self) -> None:
        self.should_exit = True


@contextmanager
def unhurried() -> Iterator[None]:
    """Let no signal that ends the service cut the block short: it ends already."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (*_SIGNALS, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def listening(host: str, port: int) -> socket.socket:
    """A socket that will listen, once the service is ready. Raises ServiceError where that cannot be."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family[0], socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(family[4])
    except OSError as error:
        raise ServiceError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another --host or --port"
        ) from None
    return bound


def run_server(app: FastAPI, service: Service, bound: socket.socket) -> None:
    """Serve until a signal ends it and everything is answered."""
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_S,
        limit_concurrency=service.settings.limits.connections,
        backlog=2048,
    )
    GracefulServer(config, service).run(sockets=[bound])
