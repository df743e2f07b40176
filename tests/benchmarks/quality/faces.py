"""Pictures with a face whose place is known, and work without processes."""

import cv2
import numpy as np

from benchmarks.quality.portraits import Portrait
from benchmarks.quality.runs import chunks
from features.views import TEMPLATE, Face

SIDE = 160


def portrait(seed, *, shift=0.0):
    """Smooth random colours and a face in their middle."""
    rng = np.random.default_rng(seed)
    pixels = cv2.resize(
        rng.integers(0, 256, (10, 10, 3), dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
    )
    landmarks = (TEMPLATE * 0.6 + 0.2 + shift) * SIDE
    box = np.array([40, 30, 120, 130], np.float32)
    return Portrait(pixels, Face(True, 1, 1.0, box, landmarks.astype(np.float32)))


def difference(one, other, where):
    """Mean absolute difference of two pictures."""
    return float(np.abs(one.astype(float) - other)[where].mean())


def in_this_process(function, rows, *, describe):
    """As `benchmarks.quality.runs.over_chunks`."""
    return [function(chunk) for chunk in chunks(rows)]
