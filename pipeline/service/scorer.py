"""What a process of the service does: load the bundle once, then score or explain what it is sent."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection

import numpy as np

from models.bundle import Bundle
from models.errors import UserError
from pipeline.runtime.extras import NotInstalled
from pipeline.runtime.process import end_with, is_out_of_memory, limit_threads, pick_device
from pipeline.service.jobs import Upload, Work
from pipeline.service.results import Explained, FaceResult, Failed, Result
from pipeline.service.settings import ServiceError, Start
from pipeline.serving.bundles import load_bundle
from pipeline.serving.pictures import read_picture
from pipeline.serving.prediction_rows import BY_PRIOR, OUT_OF_DISTRIBUTION_FROM, PredictionRow, by_image
from pipeline.serving.scoring import score_files
from pipeline.storage.images import BadImage


def load(start: Start) -> Bundle:
    """The bundle, used once, so that the first caller waits for no compilation."""
    bundle = load_bundle(start.folder, pick_device(start.device))
    bundle.score([np.full((96, 96, 3), 127, np.uint8)])
    return bundle


def work_on(bundle: Bundle, work: Work, uploads: Sequence[Upload], *, max_pixels: int) -> list[Result]:
    """The result of each upload."""
    if work.kind == "score":
        rows = score_files(uploads, bundle, every_face=work.every_face, max_pixels=max_pixels)
        return [_result(image) for image in by_image(rows)]
    return _explanations(bundle, uploads, as_page=work.as_page, max_pixels=max_pixels)


def _result(rows: Sequence[PredictionRow]) -> Result:
    if rows[0].source == BY_PRIOR:
        return Failed(rows[0].status, rows[0].warnings)
    return [_face(row) for row in rows]


def _face(row: PredictionRow) -> FaceResult:
    face, prediction = row.face, row.prediction
    assert face is not None
    assert prediction is not None
    return FaceResult(
        place=row.place,
        found=bool(face.found),
        n_faces=int(face.n_faces),
        prob=float(face.prob),
        box=tuple(float(value) for value in face.box),
        score=row.score,
        novelty=prediction.novelty,
        is_strange=prediction.novelty >= OUT_OF_DISTRIBUTION_FROM,
        log_likelihood_ratios=prediction.log_likelihood_ratios,
        warnings=[warning for warning in row.warnings.split("; ") if warning],
        credentials=row.credentials,
    )


def _explanations(
    bundle: Bundle, uploads: Sequence[Upload], *, as_page: bool, max_pixels: int
) -> list[Result]:
    # Its templates take time to import, which a service that only scores does without.
    from pipeline.service import explaining

    results: list[Result] = []
    for name, data in uploads:
        try:
            picture = read_picture(data, max_pixels=min(max_pixels, bundle.max_pixels))
        except BadImage as bad:
            results.append(Failed(bad.status, bad.detail))
            continue
        row, reasons, page = explaining.explained(bundle, name, picture, as_page=as_page)
        results.append(Explained(_face(row), reasons, page))
    return results


def serve(connection: Connection, start: Start, parent: int) -> None:
    """Answer (work, uploads) with results until the other end is closed; then this process ends, as it does with its parent.

    An exception is a result too: every image of the batch gets `Failed`.
    """
    end_with(parent)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent ends it, when everything is answered
    limit_threads(start.threads)
    try:
        bundle = load(start)
    except (UserError, ModuleNotFoundError) as error:
        refusal = NotInstalled.by(error) if isinstance(error, ModuleNotFoundError) else error
        if refusal is None:
            raise
        connection.send(ServiceError(str(refusal)))
        return
    connection.send(bundle.device)
    while True:
        try:
            work, uploads = connection.recv()
        except (EOFError, OSError):
            return
        try:
            results = work_on(bundle, work, uploads, max_pixels=start.max_pixels)
        except Exception as error:
            results = [_failure(error, len(uploads))] * len(uploads)
        del uploads
        connection.send(results)


def _failure(error: Exception, images: int) -> Failed:
    """What is told of a batch that failed; the log has the trace."""
    if isinstance(error, ModuleNotFoundError) and (absent := NotInstalled.by(error)):
        return Failed("not_installed", str(absent))
    logging.getLogger("faketrace").error("a batch of %d images failed", images, exc_info=error)
    status = "out_of_memory" if is_out_of_memory(error) else "internal_error"
    return Failed(status, "the service could not work on it; see its log")
