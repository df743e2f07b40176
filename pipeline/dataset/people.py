"""People who are seen in two splits: figures on val then say how well faces are remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.alignment import align
from features.views import Crop, Face, similarity
from models.nets.identity_weights import SCALE, SIDE, weights_file
from pipeline.dataset.file_index import FILES_PER_TASK, MIN_TASKS_PER_WORKER
from pipeline.dataset.pairs import SAME_PERSON, Pair, distinct, held_apart
from pipeline.dataset.repeats import Finding
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import limit_threads
from pipeline.storage.face_schema import to_face
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.images import BadImage

if TYPE_CHECKING:  # they load torch, which takes seconds and is needed with weights alone
    from models.detection.mtcnn import FaceDetector
    from models.nets.identity import IdentityNet

# Measured on 2,000 real faces: 40 of 40 pairs below it, drawn at random, show one person; of 124,750 pairs of different
# people none lies below 0.30.
NEAREST = 0.28
NOT_LOOKED = "people who are seen in two splits were not looked for: run pip install 'faketrace[people]' for the weights that it takes"
_BLOCK = 2048  # rows of a block of distances


@dataclass(frozen=True)
class Search:
    """How the faces of a task are found and measured; it travels to the process that does the work.

    Attributes
    ----------
    weights : Path
        Of the identity net.
    options : tuple of (str, object)
        Of the face detector, for files whose face is not known.
    max_pixels : int
        A larger image is refused, px.
    """

    weights: Path
    options: tuple[tuple[str, object], ...]
    max_pixels: int

    def __call__(self, task: Sequence[tuple[HashedFile, NDArray[np.float32] | None]]) -> NDArray[np.float32]:
        """Points of the faces of some files, float32 (n, 128); NaN without a face or a picture."""
        limit_threads(1)
        points = np.full((len(task), 128), np.nan, np.float32)
        places, chips = [], []
        for place, (file, row) in enumerate(task):
            chip = self._chip(file, row)
            if chip is not None:
                places.append(place)
                chips.append(chip)
        if chips:
            points[places] = _net(self.weights)(np.stack(chips))
        return points

    def _chip(self, file: HashedFile, row: NDArray[np.float32] | None) -> NDArray[np.uint8] | None:
        """The aligned face, uint8 (SIDE, SIDE, 3), None without one."""
        try:
            pixels = file.decode(max_pixels=self.max_pixels)
        except BadImage:  # one that has changed is named by the search for near-duplicates
            return None
        face: Face = _detector(self.options).detect([pixels])[0] if row is None else to_face(row)
        if not face.found:
            return None
        whole = (0, 0, pixels.shape[1], pixels.shape[0])
        return align(pixels, Crop(whole, whole, similarity(face.landmarks, scale=SCALE)), size=SIDE)


@lru_cache(maxsize=1)
def _net(weights: Path) -> IdentityNet:
    from models.nets.identity import IdentityNet

    return IdentityNet.load(weights)


@lru_cache(maxsize=1)
def _detector(options: tuple[tuple[str, object], ...]) -> FaceDetector:
    from models.detection.mtcnn import FaceDetector

    return FaceDetector.of(dict(options), device="cpu")


def people(
    rows: pd.DataFrame,
    *,
    faces: Mapping[str, NDArray[np.float32]],
    options: Mapping[str, object],
    engine: Engine,
) -> tuple[list[Pair], list[Finding]]:
    """Find the images of val and test whose person is likely in another split too.

    Nothing of a face is kept: its point lives as long as this call.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    faces : mapping of str to float32 array, shape (17,)
        Row of the face table by content; a face that is not there is searched for.
    options : mapping
        Section `faces` of the parameters.
    engine : Engine
        Where files are read.

    Returns
    -------
    list of dict
        As `pairs.held_apart` gives them: of each image the nearest of the other split; the likeness is a distance.
    list of dict
        Level and text of each two splits.
    """
    weights = weights_file()
    if weights is None:
        return [], [{"level": "unknown", "text": NOT_LOOKED}]
    images = distinct(rows)
    if images["split"].nunique() < 2:
        return [], []
    largest = int((images["width"].astype("int64") * images["height"]).max())
    search = Search(weights, tuple((name, _fixed(value)) for name, value in options.items()), largest)
    located = [(file, faces.get(file.sha256)) for file in HashedFile.of(images)]
    tasks = [located[i : i + FILES_PER_TASK] for i in range(0, len(located), FILES_PER_TASK)]
    points = np.concatenate(list(engine.map(search, tasks, min_pieces_per_worker=MIN_TASKS_PER_WORKER)))
    return _across(images, points)


def _fixed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _across(images: pd.DataFrame, points: NDArray[np.float32]) -> tuple[list[Pair], list[Finding]]:
    """Pairs and findings of each two splits."""
    split, known = images["split"].to_numpy(str), ~np.isnan(points).any(axis=1)
    pairs, findings = [], []
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        left, right = (np.flatnonzero((split == name) & known) for name in (first, second))
        if not len(left) or not len(right):
            continue
        near = [(int(left[i]), int(right[j]), d, False) for j, i, d in _nearest(points[right], points[left])]
        pairs += near
        text = f"{len(near)} of {len(right)} {second} images likely show a person of a {first} image"
        findings.append({"level": "amber" if near else "ok", "text": text})
    apart = held_apart(SAME_PERSON, images, pairs)
    return sorted(apart, key=lambda pair: float(pair["likeness"])), findings


def _nearest(points: NDArray[np.float32], others: NDArray[np.float32]) -> Iterator[tuple[int, int, float]]:
    """Each point that has another nearer than `NEAREST`: its place, that of the nearest, their distance."""
    lengths = (others**2).sum(axis=1)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        best = np.full(len(block), np.inf, np.float32)
        which = np.zeros(len(block), np.int64)
        for first in range(0, len(others), _BLOCK):
            part = slice(first, first + _BLOCK)
            squares = (block**2).sum(axis=1)[:, None] + lengths[part] - 2 * block @ others[part].T
            place = squares.argmin(axis=1)
            value = squares[np.arange(len(block)), place]
            nearer = value < best
            best[nearer], which[nearer] = value[nearer], place[nearer] + first
        distance = np.sqrt(np.maximum(best, 0))
        yield from (
            (start + int(i), int(which[i]), float(distance[i])) for i in np.flatnonzero(distance < NEAREST)
        )
