"""The aligned picture of a face, for nets."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import Crop


def align(pixels: NDArray[np.uint8], crop: Crop, *, size: int) -> NDArray[np.uint8]:
    """Aligned face by one similarity warp.

    Where the warp shrinks by a factor of two or more, the image is first reduced by area averaging, so that
    nothing aliases.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
        The image.
    crop : Crop
        Planned for this image.
    size : int
        Side of the aligned face, px.

    Returns
    -------
    uint8 array, shape (size, size, 3), RGB
        What lies outside the image is mirrored.
    """
    matrix = crop.matrix * size
    # Pixel centres lie at integer + 0.5 in the continuous frame that the matrix maps.
    shrink = 1.0 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-12)
    factor = int(shrink) if shrink >= 2.0 else 1
    if factor > 1:
        x0, y0, x1, y1 = _footprint(matrix, size=size, height=pixels.shape[0], width=pixels.shape[1])
        pixels = pixels[y0:y1, x0:x1]
        height, width = max(pixels.shape[0] // factor, 1), max(pixels.shape[1] // factor, 1)
        scale_x, scale_y = pixels.shape[1] / width, pixels.shape[0] / height
        matrix = matrix @ np.array([[scale_x, 0, x0], [0, scale_y, y0], [0, 0, 1.0]])
        reduced = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(reduced, dtype=np.uint8)
    centred = matrix.copy()
    centred[:, 2] += centred[:, :2] @ np.array([0.5, 0.5]) - 0.5
    warped = cv2.warpAffine(
        np.ascontiguousarray(pixels),
        centred,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(warped, dtype=np.uint8)


def _footprint(
    matrix: NDArray[np.float64], *, size: int, height: int, width: int
) -> tuple[int, int, int, int]:
    """Rectangle of the image that the aligned square can read, with the mirrored border's reach."""
    inverse = np.linalg.inv(matrix[:, :2])
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], dtype=np.float64)
    points = (corners - matrix[:, 2]) @ inverse.T
    lo, hi = points.min(0), points.max(0)
    reach = (hi - lo).max() * 0.05
    inside = lo[0] >= 0 and lo[1] >= 0 and hi[0] <= width and hi[1] <= height
    if not inside:
        return 0, 0, width, height
    return (
        max(int(lo[0] - reach), 0),
        max(int(lo[1] - reach), 0),
        min(int(hi[0] + reach) + 1, width),
        min(int(hi[1] + reach) + 1, height),
    )
