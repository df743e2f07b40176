"""From files to scores with a bundle: what the command line, the API and the stage have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.bundle import Bundle
from pipeline.runtime.engine import Engine
from pipeline.runtime.in_flight import batches
from pipeline.runtime.process import gpu_processes, limit_threads, pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.serving.containers import Packed
from pipeline.serving.content_credentials import ContentCredentials
from pipeline.serving.pictures import Picture, read_picture
from pipeline.serving.prediction_rows import BY_PRIOR, PredictionRow, by_image, by_model
from pipeline.storage.images import BadImage

IMAGES_PER_TASK = 32  # files of a piece of work at most
BYTES_PER_TASK = 32 << 20  # of files: a few large photos are a piece of work too
TASKS_PER_GPU_PROCESS = 8  # a further process takes ten seconds to have its GPU ready


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
