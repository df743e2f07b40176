"""The beginning of a scoring process: a place to name that loads nothing in the process that names it."""

from __future__ import annotations

from multiprocessing.connection import Connection

from pipeline.service.settings import Start


def serve(connection: Connection, start: Start, parent: int) -> None:
    """Score in this process; see `pipeline.service.scorer.serve`."""
    from pipeline.service import scorer

    scorer.serve(connection, start, parent)
