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
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from models.bundle import Bundle, Prediction
from pipeline.runtime.engine import Engine
from pipeline.runtime.in_flight import batches
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.storage.files import appearing
from pipeline.storage.images import BadImage, read_image

IMAGES_PER_TASK = 32  # files of a piece of work at most
BYTES_PER_TASK = 32 << 20  # of files: a few large photos are a piece of work too
NO_FACE = "no face found: scored on the centred square of the whole image"
OUT_OF_DISTRIBUTION_FROM = 0.999  # of the novelty
OUT_OF_DISTRIBUTION = "unlike the training images (novelty): out of distribution, the score may mean little"
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
    """

    name: str
    score: float
    source: str
    status: str
    warnings: str
    prediction: Prediction | None = None


def score_files(files: Sequence[tuple[str, str]], bundle: Bundle) -> list[PredictionRow]:
    """Score (name, path) pairs; a file that cannot be read affects only its own row, which gets the prior."""
    notes: dict[int, tuple[str, ...]] = {}
    rows: dict[int, PredictionRow] = {}

    def decoded() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        for index, (name, path) in enumerate(files):
            try:
                picture = read_image(path, max_pixels=bundle.max_pixels)
            except BadImage as bad:
                rows[index] = PredictionRow(name, bundle.prior, BY_PRIOR, bad.status, bad.detail)
                continue
            notes[index] = picture.notes
            pixels = picture.pixels
            del picture
            yield index, pixels

    for batch in batches(decoded(), images=IMAGES_PER_TASK):
        predictions, faces = bundle.score([pixels for _, pixels in batch])
        for (index, _), prediction, face in zip(batch, predictions, faces, strict=True):
            rows[index] = by_model(files[index][0], prediction, notes[index], found=face.found)
        del batch  # before the next is read
    return [rows[index] for index in range(len(files))]


def by_model(name: str, prediction: Prediction, notes: Sequence[str], *, found: bool) -> PredictionRow:
    """The row of an image that the model has scored.

    Parameters
    ----------
    name : str
        As it was listed.
    prediction : Prediction
    notes : sequence of str
        What had to be converted, in words.
    found : bool
        Whether a face was found.

    Returns
    -------
    PredictionRow
        Its warnings are the notes, that no face was found, and that the novelty is high.
    """
    warnings = list(notes)
    if not found:
        warnings.append(NO_FACE)
    if prediction.novelty >= OUT_OF_DISTRIBUTION_FROM:
        warnings.append(OUT_OF_DISTRIBUTION)
    return PredictionRow(name, prediction.score, BY_MODEL, "ok", "; ".join(warnings), prediction)


def _score_task(
    files: Sequence[tuple[str, str]], *, folder: Path, device: str, threads: int
) -> list[PredictionRow]:
    limit_threads(threads)
    return score_files(files, load_bundle(folder, pick_device(device)))


def _tasks(files: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Consecutive files, bounded in number and in bytes."""
    task: list[tuple[str, str]] = []
    held = 0
    for name, path in files:
        task.append((name, path))
        held += os.path.getsize(path) if os.path.isfile(path) else 0
        if len(task) == IMAGES_PER_TASK or held >= BYTES_PER_TASK:
            yield task
            task, held = [], 0
    if task:
        yield task


def score_many(
    files: Sequence[tuple[str, str]], *, folder: Path, device: str = "auto", engine: Engine | None = None
) -> Iterator[PredictionRow]:
    """Rows in the order of `files`, with progress; memory does not grow with the number of files.

    On a GPU in this process; on the CPU in one process per core when there is enough to share.

    Parameters
    ----------
    files : sequence of (name, path)
    folder : Path
        Of the bundle.
    device : {"auto", "cpu", "cuda"}
    engine : Engine, optional
        Where else the work is done.
    """
    folder = folder.absolute()
    files = [(name, os.path.abspath(path)) for name, path in files]  # a worker may stand elsewhere
    tasks = list(_tasks(files))
    engine = engine or Engine()
    present = pick_device(device)
    alone = engine.backend != "dask" and (present != "cpu" or len(tasks) == 1)
    load_bundle(folder, present)  # a bundle that cannot be used says so here, not in every worker
    work = partial(_score_task, folder=folder, device=device, threads=0 if alone else 1)
    results = (Engine(backend="sequential") if alone else engine).map(work, tasks)
    with tqdm(total=len(files), desc="score", unit="img", mininterval=1.0, smoothing=0.1) as bar:
        for rows in results:
            bar.update(len(rows))  # before they are handed on: nobody may ask for more after the last
            yield from rows


def write_predictions(
    rows: Iterable[PredictionRow], out: Path, issues: Path, details: Path, *, kinds: Sequence[str]
) -> tuple[int, int]:
    """Write `img_name,y_pred` rows as they come, and beside them what else is known of each.

    Scores are written in full precision. The files appear when they are complete.

    Parameters
    ----------
    rows : iterable of PredictionRow
    out : Path
    issues : Path
        The rows with warnings.
    details : Path
        Every row with its novelty and the log-likelihood ratio of each of `kinds`, empty where the image was not read.
    kinds : sequence of str
        The bundle's kinds of fake.

    Returns
    -------
    int
        Rows.
    int
        Rows with warnings.
    """
    count, remarkable = 0, []
    with ExitStack() as stack:
        streams = [stack.enter_context(appearing(path)) for path in (out, details)]
        plain, more = (
            csv.writer(stack.enter_context(path.open("w", encoding="utf-8", newline="")), lineterminator="\n")
            for path in streams
        )
        plain.writerow(["img_name", "y_pred"])
        more.writerow(["img_name", "y_pred", "novelty", *kinds])
        for row in rows:
            plain.writerow([row.name, repr(row.score)])
            more.writerow([row.name, repr(row.score), *_details(row.prediction, kinds)])
            count += 1
            if row.warnings:
                remarkable.append([row.name, row.status, row.source, row.score, row.warnings])
    issues.parent.mkdir(parents=True, exist_ok=True)
    columns = ["img_name", "status", "source", "y_pred", "warnings"]
    pd.DataFrame(remarkable, columns=columns).to_csv(issues, index=False)
    return count, len(remarkable)


def _details(prediction: Prediction | None, kinds: Sequence[str]) -> list[str]:
    if prediction is None:
        return [""] * (1 + len(kinds))
    return [
        f"{value:.4f}"
        for value in (prediction.novelty, *(prediction.log_likelihood_ratios[k] for k in kinds))
    ]
