"""Near-duplicates that a hash of the picture misses: mirrored, cropped, framed, recoloured, resized, compressed again.

Every picture is compared with every other by the scalar product of short descriptors, at several views, as it is and
mirrored; what is alike there is laid over the other and its edges are correlated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.sketches import SIDE, TRIMMED, VIEWS, WHOLE, descriptors, log_gray, zoomed
from pipeline.runtime.engine import Engine

# Measured on 2,000 real faces of different groups and 50 copies of each of 8 kinds (benchmarks.near_duplicates): of the
# copies the edges are alike by 0.915 and more; among the others one pair lies above 0.895, the same shot in two groups, and
# down to 0.85 come neighbouring frames of one shoot.
LEAST_LIKENESS = 0.72
LEAST_CORRELATION = 0.90
NEAREST = 4  # pictures that each view of a picture is laid over, at most
_QUERIES, _STORED = 1024, 8192  # rows of a block of products: 32 MiB
_PAIRS_PER_TASK = 1000  # two seconds of a core, 16 MB of sketches at most
_MIDDLE = 8  # px that the middle of a sketch leaves on each side
_SIZES = (46, 48, 50, 52, 54)  # px, at which the middle of 48 px is searched for


@dataclass(frozen=True)
class LookAlike:
    """Two images that show the same picture.

    Attributes
    ----------
    first, second : int
        Rows, first < second.
    correlation : float
        Of their edges.
    mirrored : bool
        One is the mirror image of the other.
    """

    first: int
    second: int
    correlation: float
    mirrored: bool


@dataclass(frozen=True)
class _Candidate:
    """Row `query` at a view, perhaps mirrored, is like sketch `kind` of row `stored`."""

    query: int
    stored: int
    view: int
    kind: int
    mirrored: bool
    likeness: float


def look_alikes(sketches: NDArray[np.uint8], *, engine: Engine) -> list[LookAlike]:
    """Find the images that show the same picture.

    The products cost 600 n² operations where no picture has a border, 1,600 n² where all have one: 10¹¹ and more for 13,000
    images, 4 · 10¹⁴ and more for 840,000.

    Parameters
    ----------
    sketches : uint8 array, shape (n, 2, SIDE, SIDE)
        As `sketches.sketch_files` gives them.
    engine : Engine
        Where candidates are laid over each other, which takes most of the time.

    Returns
    -------
    list of LookAlike
        Most alike first; each pair once.
    """
    of_pair: dict[tuple[int, int], list[_Candidate]] = defaultdict(list)
    for candidate in _candidates(sketches):
        of_pair[min(candidate.query, candidate.stored), max(candidate.query, candidate.stored)].append(
            candidate
        )
    pairs = sorted(of_pair)
    chunks = [pairs[i : i + _PAIRS_PER_TASK] for i in range(0, len(pairs), _PAIRS_PER_TASK)]
    tasks = [_Comparison.of([of_pair[pair] for pair in chunk], sketches) for chunk in chunks]
    found = [pair for task in engine.map(_compared, tasks) for pair in task if pair is not None]
    return sorted(found, key=lambda pair: (-round(pair.correlation, 3), pair.first, pair.second))


@dataclass(frozen=True)
class _Comparison:
    """Candidates of some pairs, the likeliest of each first, and the sketches that they are of."""

    candidates: list[list[_Candidate]]
    sketches: dict[int, NDArray[np.uint8]]

    @classmethod
    def of(cls, candidates: list[list[_Candidate]], sketches: NDArray[np.uint8]) -> _Comparison:
        rows = {row for each in candidates for one in each for row in (one.query, one.stored)}
        return cls(candidates, {row: sketches[row] for row in rows})


def _compared(task: _Comparison) -> list[LookAlike | None]:
    """Of each pair, the first candidate that shows the same picture."""
    return [_same_picture(candidates, task.sketches) for candidates in task.candidates]


def _same_picture(
    candidates: Sequence[_Candidate], sketches: Mapping[int, NDArray[np.uint8]]
) -> LookAlike | None:
    for candidate in candidates:
        correlation = _correlation(sketches, candidate)
        if correlation >= LEAST_CORRELATION:
            first, second = sorted((candidate.query, candidate.stored))
            return LookAlike(first, second, correlation, candidate.mirrored)
    return None


def _candidates(sketches: NDArray[np.uint8]) -> list[_Candidate]:
    """What may be alike, the likeliest first."""
    found: list[_Candidate] = []
    stored, odd = {}, np.zeros(0, bool)
    has_border = (sketches[:, WHOLE] != sketches[:, TRIMMED]).any(axis=(1, 2))
    for kind in (WHOLE, TRIMMED):
        rows = np.arange(len(sketches)) if kind == WHOLE else np.flatnonzero(has_border)
        values, odd = descriptors(sketches[rows, kind])
        stored[kind] = rows, values
    for view, (kind, share) in enumerate(VIEWS):
        rows = np.flatnonzero(has_border) if (kind, share) == (TRIMMED, 1.0) else np.arange(len(sketches))
        queries, _ = descriptors(zoomed(sketches[rows, kind], share))
        for other, (targets, values) in stored.items():
            for query, target, mirrored, likeness in _alike(queries, values, odd, rows, targets):
                found.append(_Candidate(query, target, view, other, mirrored, likeness))
    return sorted(found, key=lambda item: (-round(item.likeness, 3), item.query, item.stored, item.view))


def _alike(
    queries: NDArray[np.float32],
    stored: NDArray[np.float32],
    odd: NDArray[np.bool_],
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
) -> Iterator[tuple[int, int, bool, float]]:
    """The `NEAREST` of each query, as it is and mirrored: a mirrored picture has its odd numbers with the other sign."""
    for start in range(0, len(queries), _QUERIES):
        block = queries[start : start + _QUERIES]
        hits: dict[tuple[int, bool], list[tuple[float, int]]] = defaultdict(list)
        for first in range(0, len(stored), _STORED):
            part = stored[first : first + _STORED]
            even, sign = block[:, ~odd] @ part[:, ~odd].T, block[:, odd] @ part[:, odd].T
            for mirrored, products in ((False, even + sign), (True, even - sign)):
                for i, j in zip(*_highest(products), strict=True):
                    if rows[start + i] != targets[first + j]:
                        hits[int(i), mirrored].append((float(products[i, j]), int(targets[first + j])))
        for (i, mirrored), near in hits.items():
            for likeness, target in sorted(near, reverse=True)[:NEAREST]:
                yield int(rows[start + i]), target, mirrored, likeness


def _highest(products: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of those that are high enough, of each row the highest alone; one more, as each is like itself."""
    rows = np.flatnonzero(products.max(axis=1, initial=0) >= LEAST_LIKENESS)
    kept = min(NEAREST + 1, products.shape[1])
    columns = np.argpartition(products[rows], -kept, axis=1)[:, -kept:]
    row, column = np.repeat(rows, kept), columns.ravel()
    high = products[row, column] >= LEAST_LIKENESS
    return row[high], column[high]


def _correlation(sketches: Mapping[int, NDArray[np.uint8]], candidate: _Candidate) -> float:
    """Of the edges of a candidate's two pictures, the middle of each searched for in the other."""
    kind, share = VIEWS[candidate.view]
    query = zoomed(sketches[candidate.query][kind][None], share)[0]
    query = query[:, ::-1] if candidate.mirrored else query
    first, second = edges(query), edges(sketches[candidate.stored][candidate.kind])
    return max(_found_in(first, second), _found_in(second, first))


def edges(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Strength of the edges of a sketch: light, tone and colour hardly change it."""
    smooth = cv2.GaussianBlur(log_gray(picture), (0, 0), 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _found_in(picture: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Highest correlation of the middle of `other`, at several sizes, anywhere in `picture`."""
    middle = other[_MIDDLE : SIDE - _MIDDLE, _MIDDLE : SIDE - _MIDDLE]
    if middle.std() == 0 or picture.std() == 0:
        return 0.0
    return max(
        float(cv2.matchTemplate(picture, _resized(middle, side), cv2.TM_CCOEFF_NORMED).max())
        for side in _SIZES
    )


def _resized(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def joined(clusters: Sequence[str], rows: Sequence[int], pairs: Sequence[LookAlike]) -> list[str]:
    """Labels of near-duplicates: clusters of perceptual hashes, joined where two images look alike.

    Parameters
    ----------
    clusters : sequence of str, length n
        Of all images.
    rows : sequence of int
        Place among them of each row of the sketches.
    pairs : sequence of LookAlike

    Returns
    -------
    list of str, length n
        The first label of what belongs together.
    """
    label = {name: name for name in clusters}

    def root(name: str) -> str:
        while label[name] != name:
            label[name] = label[label[name]]
            name = label[name]
        return name

    for pair in pairs:
        first, second = root(clusters[rows[pair.first]]), root(clusters[rows[pair.second]])
        label[max(first, second)] = min(first, second)
    return [root(name) for name in clusters]
