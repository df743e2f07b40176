"""What the face detector says about an image, and which of several faces is the main one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


def rank(image: Tensor, boxes: Tensor, score: Tensor, points: Tensor) -> dict[int, list[Face]]:
    """The faces of each image, that of largest area times probability first.

    Parameters
    ----------
    image : int64 tensor, shape (N,)
        Which image each face is in.
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.
    score : float32 tensor, shape (N,)
        Probability of a face.
    points : float32 tensor, shape (N, 5, 2)
        Landmarks; px.

    Returns
    -------
    dict of int to list of Face
        By image; one without faces is absent.
    """
    rows = torch.cat([score[:, None], boxes, points.flatten(1)], dim=1).cpu().numpy()
    image_of_row = image.cpu().numpy()
    results = {}
    for i in np.unique(image_of_row):
        faces = rows[image_of_row == i]
        order = np.argsort(-(_areas(faces[:, 1:5]) * faces[:, 0]), kind="stable")
        results[int(i)] = [
            Face(
                found=True,
                n_faces=len(faces),
                prob=float(faces[k, 0]),
                box=faces[k, 1:5].copy(),
                landmarks=faces[k, 5:].reshape(5, 2).copy(),
            )
            for k in order
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
