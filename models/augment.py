"""Random degradations for fine-tuning, drawn alike for both classes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import Crop


def jitter(crop: Crop, rng: np.random.Generator) -> Crop:
    """The crop with a small random rotation, zoom and shift of the aligned square.

    Done inside the one similarity warp, so that the pixels are resampled once, not twice.
    """
    angle = np.deg2rad(rng.uniform(-8, 8))
    zoom = rng.uniform(0.92, 1.12)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([0.5, 0.5]) + rng.uniform(-0.03, 0.03, 2) - turn @ np.array([0.5, 0.5])
    matrix = np.hstack([turn @ crop.matrix[:, :2], (turn @ crop.matrix[:, 2] + shift)[:, None]])
    return Crop(native=crop.native, context=crop.context, matrix=matrix)


def degrade(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Mirror, then with some probability JPEG, blur, down-up sampling, and a change of tone.

    pixels : uint8 (S, S, 3), RGB; the same shape comes back.
    """
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    draw = rng.random()
    if draw < 0.25:
        pixels = _compressed(pixels, quality=int(rng.integers(50, 96)))
    elif draw < 0.40:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.3, 1.2))), dtype=np.uint8)
    elif draw < 0.55:
        pixels = _down_up(pixels, share=float(rng.uniform(0.6, 1.0)))
    if rng.random() < 0.5:
        toned = pixels.astype(np.float32) * rng.uniform(0.85, 1.15) + rng.uniform(-12, 12)
        pixels = np.clip(toned, 0, 255).astype(np.uint8)
    return pixels


def _compressed(pixels: NDArray[np.uint8], *, quality: int) -> NDArray[np.uint8]:
    code = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _down_up(pixels: NDArray[np.uint8], *, share: float) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    small = (max(int(width * share), 1), max(int(height * share), 1))
    reduced = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
