"""Lines of JSON: what the service does, and each decision. Never what an image shows, nor how its file is called."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.service.answers import ImageAnswer, ScoreAnswer

LOG = logging.getLogger("faketrace")
# A stranger's broken form is answered, and no line of the log.
_LEVELS = {"faketrace": logging.INFO, "uvicorn.error": logging.WARNING, "python_multipart": logging.ERROR}
_FIELDS = ("request_id", "method", "path", "status", "seconds", "bytes", "images")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _now(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def start_logs() -> None:
    """Write this process's log lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    for name, level in _LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def _now(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


class Audit:
    """A line for each decision: when, which request, which bytes, what was said, by which model and policy.

    Parameters
    ----------
    path : Path or None
        File that lines are added to; None for standard output.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = sys.stdout if path is None else path.open("a", encoding="utf-8")

    def decision(self, answer: ScoreAnswer, image: ImageAnswer) -> None:
        """Write the line of one image. Raises OSError where it cannot be written."""
        line = {
            "time": _now(time.time()),
            "request_id": answer.request_id,
            "sha256": image.sha256,
            "status": image.status,
            "score": image.score,
            "probability": image.probability,
            "answer": image.answer,
            "reason": image.reason,
            "novelty": image.novelty,
            "n_faces": image.n_faces,
            "model": answer.model.version,
            "policy": answer.policy.version,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
