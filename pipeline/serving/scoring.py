"""From files to scores with a bundle: what the command line, the API and the stage have in common."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from features.views import Face
from models.bundle import Bundle, Prediction
from pipeline.runtime.engine import Engine
from pipeline.runtime.in_flight import batches
from pipeline.runtime.process import gpu_processes, limit_threads, pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.serving.containers import Packed
from pipeline.serving.content_credentials import ContentCredentials
from pipeline.serving.pictures import Picture, read_picture
from pipeline.storage.images import BadImage
from pipeline.storage.outputs import text_output

# Of the details: which of the image's faces was scored, how many there are, the detector's probability, the box in px.
FACE_COLUMNS = ("face", "n_faces", "face_prob", "x0", "y0", "x1", "y1")
IMAGES_PER_TASK = 32  # files of a piece of work at most
BYTES_PER_TASK = 32 << 20  # of files: a few large photos are a piece of work too
TASKS_PER_GPU_PROCESS = 8  # a further process takes ten seconds to have its GPU ready
NO_FACE = "no face found: scored on the centred square of the whole image"
OUT_OF_DISTRIBUTION_FROM = 0.999  # of the novelty
OUT_OF_DISTRIBUTION = "unlike the training images (novelty): out of distribution, the score may mean little"
MAIN_FACE = "the score is that of the main one (largest area times probability)"
# Of the details: the state of the file's Content Credentials, who signed them, and the kinds of source that they name.
CREDENTIAL_COLUMNS = ("credentials", "credentials_signer", "credentials_sources")
BY_MODEL, BY_PRIOR = "model", "training prior"


@dataclass(frozen=True)
class PredictionRow:
    """One line of the output.

    Parameters
    ----------
    name : str
        As it was listed.
    score : float
    source : str
        What the score comes from: BY_MODEL or BY_PRIOR.
    status : str
        "ok", or the code of what is wrong with the image.
    warnings : str
        What a reader has to know about this score; empty for nothing.
    prediction : Prediction or None
        What the model says beside the score; None where the image could not be read.
    face : Face or None
        What was scored, and how many faces there are; None where the image could not be read.
    place : int
        Of the face among those of its image: 1 for the main one.
    precision : str
        What the nets computed in, see `Bundle.precision`; empty where the image could not be read.
    credentials : ContentCredentials or None
        Of the file; None where none were read.
    """

    name: str
    score: float
    source: str
    status: str
    warnings: str
    prediction: Prediction | None = None
    face: Face | None = None
    place: int = 1
    precision: str = ""
    credentials: ContentCredentials | None = None


def score_files(
    files: Sequence[tuple[str, Picture]],
    bundle: Bundle,
    *,
    every_face: bool = False,
    max_pixels: int | None = None,
) -> list[PredictionRow]:
    """Score (name, picture) pairs; one that cannot be read affects only its own row, which gets the prior.

    Parameters
    ----------
    files : sequence of (name, picture)
        A picture is whatever `read_picture` takes.
    bundle : Bundle
    every_face : bool
        Whether the other faces that were found get rows too, after that of the main one.
    max_pixels : int, optional
        A larger picture is not read, nor one that is too large for the bundle.

    Returns
    -------
    list of PredictionRow
        In the order of `files`; one for each, and more with `every_face`.
    """
    limit = bundle.max_pixels if max_pixels is None else min(bundle.max_pixels, max_pixels)
    remarks: dict[int, tuple[tuple[str, ...], ContentCredentials | None]] = {}
    rows: dict[int, list[PredictionRow]] = {}

    def decoded() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        for index, (name, source) in enumerate(files):
            try:
                picture = read_picture(source, max_pixels=limit)
            except BadImage as bad:
                rows[index] = [PredictionRow(name, bundle.prior, BY_PRIOR, bad.status, bad.detail)]
                continue
            remarks[index] = picture.notes, picture.credentials
            pixels = picture.pixels
            del picture
            yield index, pixels
            del pixels  # or it would be held while the next one is read

    for batch in batches(decoded(), images=IMAGES_PER_TASK):
        scored = bundle.score([pixels for _, pixels in batch], every_face=every_face)
        for (index, _), faces in zip(batch, scored, strict=True):
            notes, credentials = remarks[index]
            rows[index] = [
                by_model(
                    files[index][0],
                    prediction,
                    notes,
                    face=face,
                    precision=bundle.precision,
                    credentials=credentials,
                    place=place if every_face else None,
                )
                for place, (prediction, face) in enumerate(faces, start=1)
            ]
        del batch  # before the next is read
    return [row for index in range(len(files)) for row in rows[index]]


def by_image(rows: Sequence[PredictionRow]) -> list[list[PredictionRow]]:
    """Rows of `score_files` by image: each begins with that of its main face."""
    firsts = [index for index, row in enumerate(rows) if row.place == 1]
    return [list(rows[start:end]) for start, end in zip(firsts, [*firsts[1:], len(rows)], strict=True)]


def by_model(
    name: str,
    prediction: Prediction,
    notes: Sequence[str],
    *,
    face: Face,
    precision: str,
    credentials: ContentCredentials | None = None,
    place: int | None = None,
) -> PredictionRow:
    """The row of a face that the model has scored.

    Parameters
    ----------
    name : str
        Of the image, as it was listed.
    prediction : Prediction
    notes : sequence of str
        What had to be converted, in words.
    face : Face
        What was scored.
    precision : str
        What the nets computed in.
    credentials : ContentCredentials, optional
        Of the file. They are no warning, and move no score.
    place : int, optional
        Which of the image's faces it is, where each has a row; from 2 on the row is named `<name>#<place>`. Without it,
        the main face stands for its image.

    Returns
    -------
    PredictionRow
        Its warnings are the notes, that there is no face or more than one, and that the novelty is high.
    """
    warnings = list(notes)
    if not face.found:
        warnings.append(NO_FACE)
    if face.n_faces > 1:
        warnings.append(f"{face.n_faces} faces: {MAIN_FACE if place is None else f'this is number {place}'}")
    if prediction.novelty >= OUT_OF_DISTRIBUTION_FROM:
        warnings.append(OUT_OF_DISTRIBUTION)
    called = name if place in (None, 1) else f"{name}#{place}"
    return PredictionRow(
        called,
        prediction.score,
        BY_MODEL,
        "ok",
        "; ".join(warnings),
        prediction,
        face,
        place or 1,
        precision,
        credentials,
    )


def _score_task(
    files: Sequence[tuple[str, str | Packed]], *, folder: Path, device: str, threads: int, every_face: bool
) -> list[list[PredictionRow]]:
    """Rows of each file."""
    limit_threads(threads)
    return by_image(score_files(files, load_bundle(folder, pick_device(device)), every_face=every_face))


def _tasks(files: Sequence[tuple[str, str | Packed]]) -> Iterator[list[tuple[str, str | Packed]]]:
    """Consecutive files, bounded in number and in bytes."""
    task: list[tuple[str, str | Packed]] = []
    held = 0
    for name, source in files:
        task.append((name, source))
        held += _size(source)
        if len(task) == IMAGES_PER_TASK or held >= BYTES_PER_TASK:
            yield task
            task, held = [], 0
    if task:
        yield task


def _size(source: str | Packed) -> int:
    if isinstance(source, Packed):
        return source.size
    return os.path.getsize(source) if os.path.isfile(source) else 0


def stream_rows(
    files: Sequence[tuple[str, str | Packed]],
    *,
    folder: Path,
    device: str = "auto",
    engine: Engine | None = None,
    every_face: bool = False,
) -> Iterator[list[PredictionRow]]:
    """The rows of each file in the order of `files`, with progress; memory does not grow with the number of files.

    In one process per core when there is enough to share; on a GPU in as many as its memory holds.

    Parameters
    ----------
    files : sequence of (name, path or Packed)
    folder : Path
        Of the bundle.
    device : {"auto", "cpu", "cuda"}
    engine : Engine, optional
        Where else the work is done.
    every_face : bool
        Whether the other faces of a file get rows too.

    Yields
    ------
    list of PredictionRow
        One, and more with `every_face`.
    """
    folder = folder.absolute()
    # A worker may stand elsewhere.
    files = [(name, os.path.abspath(source) if isinstance(source, str) else source) for name, source in files]
    tasks = list(_tasks(files))
    engine = engine or Engine()
    present = pick_device(device)
    on_gpu = present != "cpu"
    if on_gpu and engine.backend == "loky":
        engine = Engine(
            workers=max(1, min(gpu_processes(engine.workers), len(tasks) // TASKS_PER_GPU_PROCESS))
        )
    # Who asks for one process on the CPU means one core.
    alone = engine.backend != "dask" and (len(tasks) <= 1 or (on_gpu and engine.workers <= 1))
    load_bundle(folder, present)  # a bundle that cannot be used says so here, not in every worker
    work = partial(
        _score_task, folder=folder, device=device, threads=0 if alone else 1, every_face=every_face
    )
    results = (Engine(backend="sequential") if alone else engine).map(work, tasks)
    with tqdm(total=len(files), desc="score", unit="img", mininterval=1.0, smoothing=0.1) as bar:
        for files_rows in results:
            bar.update(len(files_rows))  # before they are handed on: nobody may ask for more after the last
            yield from files_rows


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
