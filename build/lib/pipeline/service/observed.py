"""Around every request: an id, a log line, counters, headers that keep a page at home, and no error without an answer."""

from __future__ import annotations

import secrets
import time
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.service.logs import LOG
from pipeline.service.service import Service

_SAFE = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Observed:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    service : Service
    paths : set of str
        That are counted by name; all others are counted as one.
    """

    def __init__(self, app: ASGIApp, *, service: Service, paths: set[str]) -> None:
        self._app = app
        self._service = service
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0
        scope.setdefault("state", {})["request_id"] = request_id = secrets.token_hex(8)

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._complete(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception:
            LOG.exception("a request failed", extra={"request_id": request_id})
            if not status:
                content = {"code": "internal_error", "message": "the service failed; its log says why"}
                await JSONResponse(content, 500)(scope, receive, observed)
        self._count(scope, status, time.monotonic() - begun, request_id)

    def _complete(self, headers: MutableHeaders, request_id: str) -> None:
        headers["x-request-id"] = request_id
        for name, value in _SAFE.items():
            headers.setdefault(name, value)
        if self._service.is_draining:
            headers["connection"] = "close"

    def _count(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._service.telemetry.request(path, status, seconds)
        self._service.answered += 1
        facts: dict[str, Any] = {
            "request_id": request_id,
            "method": scope["method"],
            "path": path,
            "status": status,
            "seconds": round(seconds, 4),
        }
        if path not in ("/health", "/ready", "/metrics"):
            LOG.info("request", extra=facts)
