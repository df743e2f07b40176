"""A face as a row of the face table, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.views import Face

COLUMNS = [
    "found",
    "n_faces",
    "prob",
    "x0",
    "y0",
    "x1",
    "y1",
    "left_eye_x",
    "left_eye_y",
    "right_eye_x",
    "right_eye_y",
    "nose_x",
    "nose_y",
    "mouth_left_x",
    "mouth_left_y",
    "mouth_right_x",
    "mouth_right_y",
]


def to_row(face: Face) -> NDArray[np.float32]:
    """A face as a row of the face table, float32 (17,), in the order of COLUMNS."""
    scalars = np.array([face.found, face.n_faces, face.prob], dtype=np.float32)
    return np.concatenate([scalars, face.box.ravel(), face.landmarks.ravel()]).astype(np.float32)


def to_face(row: NDArray[np.float32]) -> Face:
    """The face that `to_row` wrote. row : float32 (17,)."""
    return Face(
        found=bool(row[0] > 0),
        n_faces=int(np.nan_to_num(row[1])),
        prob=float(row[2]),
        box=row[3:7].copy(),
        landmarks=row[7:].reshape(5, 2).copy(),
    )
