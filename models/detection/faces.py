"""What the face detector says about an image, and which of several faces it means."""

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
    """Area of a face's box in pixels, 0 for an inverted one."""
    return float(_areas(face.box))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def choose(image: Tensor, boxes: Tensor, score: Tensor, points: Tensor) -> dict[int, Face]:
    """Per image the face of largest area times probability."""
    rows = torch.cat([score[:, None], boxes, points.flatten(1)], dim=1).cpu().numpy()
    owners = image.cpu().numpy()
    results = {}
    for i in np.unique(owners):
        own = rows[owners == i]
        best = int(np.argmax(_areas(own[:, 1:5]) * own[:, 0]))
        results[int(i)] = Face(
            found=True,
            n_faces=len(own),
            prob=float(own[best, 0]),
            box=own[best, 1:5].copy(),
            landmarks=own[best, 5:].reshape(5, 2).copy(),
        )
    return results


def enlarge(face: Face, ratio: int) -> Face:
    """The face in pixels of an image `ratio` times as large."""
    if ratio == 1:
        return face
    scale = np.float32(ratio)
    return replace(face, box=face.box * scale, landmarks=face.landmarks * scale)
