"""Copies of a picture that a data set may hold unnoticed: one function for each kind."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Plant = Callable[[Picture, np.random.Generator], Picture]
QUALITY = 90  # of the JPEG file that every copy is written to


def compressed(picture: Picture, quality: int) -> Picture:
    """A picture, uint8 (H, W, 3), BGR, out of a JPEG file."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def cropped(share: float) -> Plant:
    """Cut off a share of each side's length, at a place drawn at random."""

    def plant(picture: Picture, rng: np.random.Generator) -> Picture:
        height, width = picture.shape[:2]
        high, wide = round(height * (1 - share)), round(width * (1 - share))
        y, x = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
        return picture[y : y + high, x : x + wide]

    return plant


def bordered(picture: Picture, rng: np.random.Generator) -> Picture:
    """Put into a black, gray or white frame of 2 to 12 % of the shorter side."""
    width = max(round(min(picture.shape[:2]) * rng.uniform(0.02, 0.12)), 1)
    colour = int(rng.choice([0, 128, 255]))
    framed = cv2.copyMakeBorder(
        picture, width, width, width, width, cv2.BORDER_CONSTANT, value=(colour, colour, colour)
    )
    return np.asarray(framed, np.uint8)


def recoloured(picture: Picture, rng: np.random.Generator) -> Picture:
    """Each channel times 0.7 to 1.4, after a gamma of 0.7 to 1.4."""
    values = (picture / 255.0) ** rng.uniform(0.7, 1.4) * rng.uniform(0.7, 1.4, 3)
    return np.asarray(np.clip(values * 255, 0, 255), np.uint8)


def mirrored(picture: Picture, rng: np.random.Generator) -> Picture:
    """Left and right exchanged."""
    return picture[:, ::-1]


def resized(picture: Picture, rng: np.random.Generator) -> Picture:
    """Between half and twice as wide and high."""
    scale = float(2.0 ** rng.uniform(-1, 1))
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def recompressed(picture: Picture, rng: np.random.Generator) -> Picture:
    """Through a JPEG file of quality 30 to 70."""
    return compressed(picture, int(rng.integers(30, 71)))


PLANTS: dict[str, Plant] = {
    "mirrored": mirrored,
    "cropped 1 %": cropped(0.01),
    "cropped 2 %": cropped(0.02),
    "cropped 5 %": cropped(0.05),
    "bordered": bordered,
    "recoloured": recoloured,
    "resized": resized,
    "recompressed": recompressed,
}
