"""Drawn pictures for the tests of the data set's modules."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def scene(seed: int, side: int = 256) -> np.ndarray:
    """A random picture with the 1/f spectrum of photographs, uint8."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    spectrum = np.fft.fft2(rng.standard_normal((side, side))) / np.maximum(frequency, 1 / side)
    values = np.fft.ifft2(spectrum).real
    return np.clip(128 + 45 * values / values.std(), 0, 255).astype(np.uint8)


def noise(seed: int, side: int = 48) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.integers(0, 256, (side, side, 3), np.uint8), (0, 0), 1.0)


def draw(path: Path, seed: int, *, quality: int = 90, side: int = 96) -> None:
    """A picture of its own for each seed; the same picture at another quality is a near-duplicate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    gray = scene(seed, side=side)
    path.write_bytes(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
