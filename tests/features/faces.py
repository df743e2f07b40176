"""Faces at chosen places."""

from __future__ import annotations

import numpy as np

from features.views import CENTRE, TEMPLATE, Face


def face_at(x0: float, y0: float, side: float) -> Face:
    box = np.array([x0, y0, x0 + side, y0 + side], dtype=np.float32)
    landmarks = (TEMPLATE * side + [x0, y0]).astype(np.float32)
    return Face(found=True, n_faces=1, prob=0.99, box=box, landmarks=landmarks)


NO_FACE = Face(
    found=False,
    n_faces=0,
    prob=float("nan"),
    box=np.full(4, np.nan, dtype=np.float32),
    landmarks=np.full((5, 2), np.nan, dtype=np.float32),
)
SCALES = {"native": 1.2, "context": 1.6, "aligned": 1.1}


def square_at(x0: float, y0: float, side: float, *, turn: float = 0.0) -> Face:
    """A face whose aligned square, at scale 1, is this square, turned by `turn` degrees."""
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = (TEMPLATE - CENTRE) @ rotation.T * side + [x0 + side / 2, y0 + side / 2]
    box = np.array([x0, y0, x0 + side, y0 + side], dtype=np.float32)
    return Face(found=True, n_faces=1, prob=1.0, box=box, landmarks=landmarks.astype(np.float32))
