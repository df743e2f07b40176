"""What the face detector says about an image, and which of several faces it means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Detection:
    """The chosen face of one image (largest area times probability).

    found : False when the image has no face; then the other fields are 0 and nan.
    n_faces : faces above the final threshold among the levels that were searched.
    prob : probability of the chosen face.
    box : (4,) float32, x0, y0, x1, y1 in image pixels; may reach beyond the image.
    landmarks : (5, 2) float32, x, y of the eye on the left of the picture, the other eye, the
        nose, the corner of the mouth on the left of the picture, the other corner.
    """

    found: bool
    n_faces: int
    prob: float
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    @property
    def area(self) -> float:
        """Area of the box in pixels, 0 for an inverted one."""
        return float(_areas(self.box))


NO_FACE = Detection(
    found=False,
    n_faces=0,
    prob=float("nan"),
    box=np.full(4, np.nan, np.float32),
    landmarks=np.full((5, 2), np.nan, np.float32),
)


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def choose(image: Tensor, boxes: Tensor, score: Tensor, points: Tensor) -> dict[int, Detection]:
    """Per image the face of largest area times probability."""
    rows = torch.cat([score[:, None], boxes, points.flatten(1)], dim=1).cpu().numpy()
    owners = image.cpu().numpy()
    results = {}
    for i in np.unique(owners):
        own = rows[owners == i]
        best = int(np.argmax(_areas(own[:, 1:5]) * own[:, 0]))
        results[int(i)] = Detection(
            found=True,
            n_faces=len(own),
            prob=float(own[best, 0]),
            box=own[best, 1:5].copy(),
            landmarks=own[best, 5:].reshape(5, 2).copy(),
        )
    return results


def enlarge(detection: Detection, ratio: int) -> Detection:
    """The detection in pixels of an image `ratio` times as large."""
    if ratio == 1:
        return detection
    scale = np.float32(ratio)
    return replace(detection, box=detection.box * scale, landmarks=detection.landmarks * scale)
