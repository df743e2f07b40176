"""Rows of scored images as files: `prediction.txt`, what to look at, and the details."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from pipeline.serving.content_credentials import ContentCredentials
from pipeline.serving.prediction_rows import PredictionRow
from pipeline.storage.outputs import text_output

# Of the details: which of the image's faces was scored, how many there are, the detector's probability, the box in px.
FACE_COLUMNS = ("face", "n_faces", "face_prob", "x0", "y0", "x1", "y1")
# Of the details: the state of the file's Content Credentials, who signed them, and the kinds of source that they name.
CREDENTIAL_COLUMNS = ("credentials", "credentials_signer", "credentials_sources")


def write_predictions(
    rows: Iterable[PredictionRow], out: Path, issues: Path, details: Path, *, kinds: Sequence[str]
) -> tuple[int, int]:
    """Write `img_name,y_pred` rows as they come, and beside them what else is known of each.

    Scores are written in full precision, names byte for byte. The files appear when all of them are complete; a pipe
    or a device gets each row as it comes.

    Parameters
    ----------
    rows : iterable of PredictionRow
    out : Path
    issues : Path
        The rows with warnings.
    details : Path
        Every row with its novelty, the precision of the nets, its face, its file's Content Credentials and the log-likelihood
        ratio of each of `kinds`, empty where the image was not read.
    kinds : sequence of str
        The bundle's kinds of fake.

    Returns
    -------
    int
        Rows.
    int
        Rows with warnings.
    """
    count, remarkable = 0, 0
    with ExitStack() as stack:
        streams = [stack.enter_context(text_output(path)) for path in (out, issues, details)]
        plain, remarks, more = (csv.writer(stream, lineterminator="\n") for stream in streams)
        plain.writerow(["img_name", "y_pred"])
        remarks.writerow(["img_name", "status", "source", "y_pred", "warnings"])
        more.writerow(
            ["img_name", "y_pred", "novelty", "precision", *FACE_COLUMNS, *CREDENTIAL_COLUMNS, *kinds]
        )
        for row in rows:
            score = repr(row.score)
            plain.writerow([row.name, score])
            more.writerow([row.name, score, *_details(row, kinds)])
            if row.warnings:
                remarks.writerow([row.name, row.status, row.source, score, row.warnings])
            count, remarkable = count + 1, remarkable + bool(row.warnings)
        for stream in streams:
            stream.flush()  # on a disk that is full by now all of them stay as they were
    return count, remarkable


def _details(row: PredictionRow, kinds: Sequence[str]) -> list[str]:
    if row.prediction is None:
        return [""] * (2 + len(FACE_COLUMNS) + len(CREDENTIAL_COLUMNS) + len(kinds))
    ratios = (f"{row.prediction.log_likelihood_ratios[kind]:.4f}" for kind in kinds)
    return [
        f"{row.prediction.novelty:.4f}",
        row.precision,
        *_face_columns(row),
        *_credential_columns(row.credentials),
        *ratios,
    ]


def _credential_columns(credentials: ContentCredentials | None) -> list[str]:
    """Of CREDENTIAL_COLUMNS; empty where none were read."""
    if credentials is None:
        return [""] * len(CREDENTIAL_COLUMNS)
    return [credentials.status, credentials.signer, " ".join(credentials.sources)]


def _face_columns(row: PredictionRow) -> list[str]:
    """Of FACE_COLUMNS; place, probability and box are empty without a face."""
    face = row.face
    if face is None or not face.found:
        return ["", "" if face is None else "0", *[""] * 5]
    return [str(row.place), str(face.n_faces), f"{face.prob:.4f}", *(f"{float(x):.1f}" for x in face.box)]
