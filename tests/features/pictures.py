"""Pictures drawn from seeds, and views made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.views import TEMPLATE, FaceViews

U8 = NDArray[np.uint8]


def noise(height: int, width: int, *, seed: int = 0) -> U8:
    """Independent uniform noise in each channel, 60-190, so that offsets don't clip."""
    rng = np.random.default_rng(seed)
    return (60 + rng.random((height, width, 3)) * 130).astype(np.uint8)


def textured(height: int, width: int, *, seed: int = 0) -> U8:
    """Shading, stripes and weak noise that the channels share in part."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    shade = 110 + 40 * np.sin(x / 17.0) * np.cos(y / 23.0) + 9 * np.sin(x * 0.9 + y * 0.4)
    shared_noise = rng.random((height, width)) * 8
    channel_noise = rng.random((height, width, 3)) * 4
    gains = np.array([1.0, 0.9, 0.75])
    return ((shade + shared_noise)[..., None] * gains + channel_noise).astype(np.uint8)


def enlarged(height: int, width: int, *, seed: int = 0) -> U8:
    """Noise at half the size with each pixel repeated twice each way."""
    small = noise((height + 1) // 2, (width + 1) // 2, seed=seed)
    return small.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]


def constant(height: int, width: int) -> U8:
    """Mid-grey."""
    return np.full((height, width, 3), 128, dtype=np.uint8)


def grey(values: NDArray[np.floating]) -> U8:
    """uint8 (H, W, 3) of a real array (H, W), all channels equal."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def wave(height: int, width: int, *, fy: float = 0.0, fx: float = 0.0, amplitude: float = 60.0) -> NDArray:
    """A cosine of fy, fx cycles/px about 128, float64 (H, W)."""
    y, x = np.mgrid[:height, :width]
    return 128 + amplitude * np.cos(2 * np.pi * (fy * y + fx * x) + 0.3)


def gaussian(height: int, width: int, *, seed: int = 0, deviation: float = 20.0) -> NDArray:
    """White Gaussian noise about 128, float64 (H, W)."""
    return 128 + deviation * np.random.default_rng(seed).standard_normal((height, width))


PICTURES: dict[str, Callable[[], U8]] = {
    "noise": lambda: noise(96, 104),
    "textured": lambda: textured(160, 160),
    "enlarged": lambda: enlarged(128, 128),
    "constant": lambda: constant(64, 64),
    "black": lambda: np.zeros((40, 40, 3), dtype=np.uint8),
    "white": lambda: np.full((33, 47, 3), 255, dtype=np.uint8),
    "one_pixel": lambda: constant(1, 1),
    "row": lambda: noise(1, 50),
    "column": lambda: noise(50, 1),
    "block": lambda: noise(8, 8),
    "strip": lambda: noise(3, 500),
    "portrait": lambda: textured(300, 200),
    "larger_than_window": lambda: textured(530, 610),
}


def as_views(pixels: U8, *, margin: int = 0, found: bool = True) -> FaceViews:
    """Views of a picture whose face is all of it but `margin` px on each side."""
    height, width = pixels.shape[:2]
    native = np.ascontiguousarray(pixels[margin : height - margin, margin : width - margin])
    size = np.array([native.shape[1], native.shape[0]])
    landmarks = (TEMPLATE * size if found else np.full((5, 2), np.nan)).astype(np.float32)
    return FaceViews(
        native=native,
        context=pixels,
        face_in_context=(margin, margin, width - margin, height - margin),
        landmarks=landmarks,
        found=found,
    )
