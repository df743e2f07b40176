"""The pictures that nets are shown: where they lie in an image, and how they are cut out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.alignment import align
from features.views import Crop
from models.nets.net_spec import NetSpec


def crop_for(spec: NetSpec, pixels: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint8]:
    """Cut the net's picture of one face out of an image.

    Parameters
    ----------
    spec : NetSpec
    pixels : uint8 array, shape (H, W, 3), RGB
    crop : Crop
        Geometry of the face's cuts in that image.

    Returns
    -------
    uint8 array, shape (size, size, 3), RGB
    """
    if spec.crop == "aligned":
        return align(pixels, crop, size=spec.size)
    return window(pixels, centre=_centre(crop), size=spec.size)


def from_image(spec: NetSpec, crop: Crop, *, height: int, width: int) -> NDArray[np.float64]:
    """Where the net's picture lies in an image: the geometry of `crop_for`.

    Parameters
    ----------
    spec : NetSpec
    crop : Crop
    height, width : int
        Of the image, px.

    Returns
    -------
    float64 array, shape (2, 3)
        From pixels of the image to the unit square of the net's picture.
    """
    if spec.crop == "aligned":
        return crop.matrix
    x0, y0 = window_corner(height, width, centre=_centre(crop), size=spec.size)
    return np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]]) / spec.size


def _centre(crop: Crop) -> tuple[int, int]:
    x0, y0, x1, y1 = crop.native
    return (x0 + x1) // 2, (y0 + y1) // 2


def window_corner(height: int, width: int, *, centre: tuple[int, int], size: int) -> tuple[int, int]:
    """Upper left corner x0, y0 of `window` in an image, px."""
    x0 = min(max(centre[0] - size // 2, 0), max(width - size, 0)) // 2 * 2
    y0 = min(max(centre[1] - size // 2, 0), max(height - size, 0)) // 2 * 2
    return x0, y0


def window(pixels: NDArray[np.uint8], *, centre: tuple[int, int], size: int) -> NDArray[np.uint8]:
    """Cut an un-resampled square, moved inside the image, and mirrored at the edges of a smaller one.

    Its corner is at even coordinates where the image allows, so that 2 × 2 phases are kept.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    centre : tuple of int
        x and y, px.
    size : int
        Side, px.

    Returns
    -------
    uint8 array, shape (size, size, 3), RGB
    """
    height, width = pixels.shape[:2]
    x0, y0 = window_corner(height, width, centre=centre, size=size)
    cut = pixels[y0 : y0 + size, x0 : x0 + size]
    right, below = size - cut.shape[1], size - cut.shape[0]
    if right or below:
        cut = np.pad(cut, ((0, below), (0, right), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(cut)
