"""Small gray pictures of whole images, and numbers by which near-duplicates find each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.dataset.file_index import FILES_PER_TASK, MIN_TASKS_PER_WORKER
from pipeline.runtime.engine import Engine
from pipeline.storage.hashed_files import ChangedFile, HashedFile
from pipeline.storage.images import BadImage, probe
from pipeline.storage.unmade import Unmade

SIDE = 64  # px, of a sketch
VIEWS = ((0, 1.0), (1, 1.0), (1, 0.95), (1, 0.9))  # which sketch, and how much of its sides is seen
WHOLE, TRIMMED = 0, 1
BORDER = 16.0  # gray levels that a line of a border differs from its colour at most
BORDER_SHARE = 4  # a border takes at most one part in so many of a side
FLAT = 2.0  # gray levels: below this spread a picture shows nothing
SHORTEST = 96  # px; files are decoded at no less
_DARK = 16.0  # gray levels that are added before the logarithm: below it is noise
_THUMB, _KEPT = 32, 10  # px, and DCT coefficients a side
_STEP = np.arange(_KEPT)[:, None]
_DCT = np.cos(np.pi * (np.arange(_THUMB) + 0.5) * _STEP / _THUMB).astype(np.float32)
_FREQUENCY = np.hypot(_STEP, _STEP.T).astype(np.float32)


def trimmed(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture, uint8 (H, W), without a border of one colour on any of its sides."""
    lines = gray.astype(np.float32)
    top, bottom = _border(lines), _border(lines[::-1])
    left, right = _border(lines.T), _border(lines.T[::-1])
    return gray[top : len(gray) - bottom, left : gray.shape[1] - right]


def _border(lines: NDArray[np.float32]) -> int:
    """Lines of the border that comes first, and one more, into which compression has smeared it."""
    colour = np.median(lines[0])
    allowed = len(lines) // BORDER_SHARE
    differs = np.abs(lines[:allowed] - colour).max(axis=1, initial=0) > BORDER
    width = int(np.argmax(differs)) if differs.any() else allowed
    return width + 1 if width else 0


def sketch(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is kept of a picture to find its near-duplicates.

    Parameters
    ----------
    gray : uint8 array, shape (H, W)

    Returns
    -------
    uint8 array, shape (2, SIDE, SIDE)
        The whole picture, and the picture without its border; both squeezed into a square.
    """
    pictures = [
        cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for part in (gray, trimmed(gray))
    ]
    return np.stack(pictures).astype(np.uint8)


def zoomed(pictures: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The middle of pictures, uint8 (n, SIDE, SIDE), of `share` of their sides, at their size."""
    if share == 1.0 or not len(pictures):
        return pictures
    shift = (SIDE - 1) / 2 * (1 - share)
    matrix = np.array([[1 / share, 0, -shift / share], [0, 1 / share, -shift / share]])
    return np.stack([cv2.warpAffine(picture, matrix, (SIDE, SIDE)) for picture in pictures]).astype(np.uint8)


def log_gray(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logarithm of the gray levels: another exposure or colour adds a constant."""
    return np.asarray(np.log(picture.astype(np.float32) + _DARK), np.float32)


def descriptors(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Numbers whose scalar product is the likeness of two pictures.

    Lowest DCT coefficients of the logarithm of a 32 px picture, without the mean, each times its frequency: so the
    1/f spectrum of photographs becomes white, and every coefficient counts alike.

    Parameters
    ----------
    pictures : uint8 array, shape (n, SIDE, SIDE)

    Returns
    -------
    float32 array, shape (n, 99)
        Of length 1; 0 for a flat picture, which is like none.
    bool array, shape (99,)
        Which of them a mirrored picture has with the other sign.
    """
    keep = np.arange(1, _KEPT * _KEPT)
    odd = np.broadcast_to(np.arange(_KEPT) % 2 == 1, (_KEPT, _KEPT)).ravel()[keep]
    values = np.zeros((len(pictures), len(keep)), np.float32)
    for row, picture in enumerate(pictures):
        if picture.std() < FLAT:
            continue
        small = cv2.resize(log_gray(picture), (_THUMB, _THUMB), interpolation=cv2.INTER_AREA)
        kept = (_DCT @ small @ _DCT.T * _FREQUENCY).ravel()[keep]
        values[row] = kept / max(float(np.linalg.norm(kept)), 1e-12)
    return values, odd


def sketch_files(rows: pd.DataFrame, *, engine: Engine) -> tuple[NDArray[np.uint8], list[Unmade]]:
    """Sketch the images of manifest rows.

    Parameters
    ----------
    rows : DataFrame
        Columns path, sha256, width, height.
    engine : Engine
        Where files are read.

    Returns
    -------
    uint8 array, shape (n, 2, SIDE, SIDE)
        Of 0 where the file gives no picture.
    list of Unmade
        Files that are not those that stage manifest saw.
    """
    files = HashedFile.of(rows)
    largest = int((rows["width"].astype("int64") * rows["height"]).max()) if len(rows) else 1
    tasks = [files[i : i + FILES_PER_TASK] for i in range(0, len(files), FILES_PER_TASK)]
    results = engine.map(
        partial(_sketches_of, max_pixels=largest), tasks, min_pieces_per_worker=MIN_TASKS_PER_WORKER
    )
    found = [result for task in results for result in task]
    empty = np.zeros((2, SIDE, SIDE), np.uint8)
    sketches = [result if isinstance(result, np.ndarray) else empty for result in found]
    unmade = [result for result in found if isinstance(result, Unmade)]
    return np.stack(sketches) if sketches else np.zeros((0, 2, SIDE, SIDE), np.uint8), unmade


def _sketches_of(files: Sequence[HashedFile], *, max_pixels: int) -> list[NDArray[np.uint8] | Unmade | None]:
    return [_sketch_or_why(file, max_pixels=max_pixels) for file in files]


def _sketch_or_why(file: HashedFile, *, max_pixels: int) -> NDArray[np.uint8] | Unmade | None:
    try:
        return sketch(probe(file.read(), max_pixels=max_pixels, where=file.path, shortest=SHORTEST).gray)
    except ChangedFile as changed:
        return Unmade.by(changed, row=file.sha256)
    except BadImage:
        return None
