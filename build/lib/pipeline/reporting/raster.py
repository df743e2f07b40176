"""Pictures of pixels as part of a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def shrunk(pixels: NDArray[np.uint8], *, side: int) -> NDArray[np.uint8]:
    """A picture, gray or RGB, at most `side` px on its longer side; a smaller one keeps its size."""
    height, width = pixels.shape[:2]
    scale = min(side / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def data_uri(pixels: NDArray[np.uint8], *, kind: str, options: Sequence[int] = ()) -> str:
    """A picture, gray or RGB, as a data URI.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W) or (H, W, 3)
    kind : {"png", "jpeg"}
    options : sequence of int
        Of `cv2.imencode`.

    Raises
    ------
    ValueError
        OpenCV cannot encode it.
    """
    shown = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    done, data = cv2.imencode(f".{kind}", shown, list(options))
    if not done:
        raise ValueError("OpenCV could not encode a picture of the page")
    return f"data:image/{kind};base64," + base64.b64encode(data.tobytes()).decode("ascii")
