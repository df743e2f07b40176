"""Faces as the detector returns them."""

from __future__ import annotations

import numpy as np

from features.views import Face
from models.detection.faces import NO_FACE


def face(n_faces=1):
    """A face of a picture with so many of them; none for 0."""
    if not n_faces:
        return NO_FACE
    return Face(True, n_faces, 0.5, np.array([1, 2, 30, 40], np.float32), np.zeros((5, 2), np.float32))
