"""Score images over HTTP: a page at /, `POST /score` and `POST /explain`, with calibrated answers, limits and metrics."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from pipeline.runtime.command import run
from pipeline.runtime.extras import NotInstalled, installing

NEEDED = {
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "prometheus_client": "prometheus-client",
    "python_multipart": "python-multipart",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    absent = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if absent:
        raise NotInstalled(f"{', '.join(absent)} is not installed; run: {installing('serve')}")
    # Only now: of these packages each may be absent.
    from pipeline.service.server import listening, run_server, unhurried
    from pipeline.service.settings import parser, settings_of
    from pipeline.service.start import open_service

    settings = settings_of(parser(__doc__).parse_args(arguments))
    bound = listening(settings.host, settings.port)
    service, app = open_service(settings)
    try:
        service.pool.start()
        run_server(app, service, bound)
    finally:
        try:
            # Another signal must not leave it half ended: at its end Python waits for processes that it could not ask to end.
            with unhurried():
                service.pool.stop()
        finally:
            service.pool.kill()
    sys.stderr.write(f"ended; {service.answered} requests were answered\n")


if __name__ == "__main__":
    run("serve")
