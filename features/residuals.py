"""High-pass filters of pictures, and the pixels from which their residuals are described."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.moments import F32

SAMPLE = 65536  # pixels from which fine residuals are described, taken in whole rows
BAND_SAMPLE = 16384  # the same for bands and regions, which need fewer
SQUARE: F32 = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], dtype=np.float32) / np.float32(4)


def square_residual(picture: F32) -> F32:
    """Residual of the 3×3 square kernel over its central weight.

    Parameters
    ----------
    picture : float32 array, shape (H, W) or (H, W, C)
        Grey levels.

    Returns
    -------
    float32 array, same shape
        Grey levels; 0 where the picture is an affine function of x and y. At the border the picture is mirrored.

    References
    ----------
    Ker and Böhme 2008, doi:10.1117/12.766820; Immerkaer 1996, doi:10.1006/cviu.1996.0060.
    """
    return np.asarray(cv2.filter2D(picture, cv2.CV_32F, SQUARE), dtype=np.float32)


def row_stride(pixels: int, limit: int) -> int:
    """Every how many rows to read.

    Parameters
    ----------
    pixels : int
        Pixels of the picture.
    limit : int
        About how many of them to read.

    Returns
    -------
    int
        At least 1.
    """
    return max(round(pixels / limit), 1)


def planes(picture: NDArray[np.generic]) -> F32:
    """Channels of a picture as rows.

    Parameters
    ----------
    picture : array, shape (H, W, C)
        Grey levels.

    Returns
    -------
    float32 array, shape (C, H × W)
        Contiguous.
    """
    rows = np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32)
    return rows.reshape(picture.shape[2], -1)
