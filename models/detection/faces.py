"""What the face detector says about an image, and which of several faces is the main one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.views import Face

NO_FACE = Face(
    found=False,
    n_faces=0,
    prob=float("nan"),
    box=np.full(4, np.nan, np.float32),
    landmarks=np.full((5, 2), np.nan, np.float32),
)


def area(face: Face) -> float:
    """Area of a face's box.

    Parameters
    ----------
    face : Face

    Returns
    -------
    float
        px²; 0 for an inverted box.
    """
    return float(_areas(face.box))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def rank(
    image: NDArray[np.int64],
    boxes: NDArray[np.float32],
    score: NDArray[np.float32],
    points: NDArray[np.float32],
) -> dict[int, list[Face]]:
    """The faces of each image, that of largest area times probability first.

    Parameters
    ----------
    image : int64 array, shape (N,)
        Which image each face is in.
    boxes : float32 array, shape (N, 4)
        x0, y0, x1, y1; px.
    score : float32 array, shape (N,)
        Probability of a face.
    points : float32 array, shape (N, 5, 2)
        Landmarks; px.

    Returns
    -------
    dict of int to list of Face
        By image; one without faces is absent.
    """
    results = {}
    for i in np.unique(image):
        rows = np.flatnonzero(image == i)
        rows = rows[np.argsort(-(_areas(boxes[rows]) * score[rows]), kind="stable")]
        results[int(i)] = [
            Face(
                found=True,
                n_faces=len(rows),
                prob=float(score[row]),
                box=boxes[row].copy(),
                landmarks=points[row].copy(),
            )
            for row in rows
        ]
    return results


def enlarge(face: Face, ratio: int) -> Face:
    """The face in an image that is larger by a whole factor.

    Parameters
    ----------
    face : Face
    ratio : int
        Of the sides.

    Returns
    -------
    Face
    """
    if ratio == 1:
        return face
    scale = np.float32(ratio)
    return replace(face, box=face.box * scale, landmarks=face.landmarks * scale)
