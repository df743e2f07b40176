"""Pictures with structure at every scale, and the place of a face in them."""

import cv2
import numpy as np

from features.views import TEMPLATE, Face

SIDE = 160


def face(side=SIDE):
    points = (TEMPLATE * side * 0.6 + side * 0.2).astype(np.float32)
    return Face(True, 1, 0.99, np.array([0.2, 0.15, 0.8, 0.85], np.float32) * side, points)


def picture(seed=0, side=SIDE):
    """Structure at every scale, as photographs have."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.normal(0, 18, (max(side // k, 2),) * 2 + (3,)), (side, side))
        for k in (1, 2, 4, 16, 64)
    ]
    return np.clip(120 + sum(layers), 0, 255).astype(np.uint8)
