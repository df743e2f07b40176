"""Drawn faces and noise, and how far two boxes overlap."""

from __future__ import annotations

import cv2
import numpy as np

from models.detection.summed_area import SummedArea


def draw_face(size: int = 320, *, seed: int = 0, share: float = 0.6) -> np.ndarray:
    """A shaded ellipse with brows, eyes, nose and lips on a plain background, RGB uint8."""
    rng = np.random.default_rng(seed)
    picture = np.empty((640, 640, 3), np.float32)
    picture[:] = rng.uniform(60, 200, 3)
    skin = np.array([215, 170, 145], np.float32) + rng.uniform(-20, 15, 3)
    y, x = np.mgrid[:640, :640].astype(np.float32)
    a, b = 320 * share * 0.78, 320 * share
    u, v = (x - 320) / a, (y - 320) / b
    depth = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    inside = (u * u + v * v < 1)[..., None]
    hair = ((u / 1.15) ** 2 + ((v + 0.15) / 1.15) ** 2 < 1)[..., None]
    picture = np.where(hair, np.float32(45), picture)
    picture = np.where(inside, skin * (0.55 + 0.45 * depth - 0.1 * u)[..., None], picture)

    def at(du: float, dv: float) -> tuple[int, int]:
        return int(320 + du * a), int(320 + dv * b)

    def ellipse(du: float, dv: float, ru: float, rv: float, colour: tuple[int, ...]) -> None:
        radii = (max(1, int(ru * a)), max(1, int(rv * b)))
        cv2.ellipse(picture, at(du, dv), radii, 0, 0, 360, colour, -1)

    for side in (-1, 1):
        ellipse(side * 0.40, -0.36, 0.22, 0.035, (60, 40, 30))
        ellipse(side * 0.40, -0.20, 0.17, 0.065, (235, 230, 225))
        ellipse(side * 0.40, -0.20, 0.075, 0.06, (50, 35, 30))
        ellipse(side * 0.11, 0.20, 0.05, 0.03, (110, 70, 60))
    ellipse(0.0, 0.10, 0.09, 0.10, (205, 155, 130))
    ellipse(0.0, 0.50, 0.30, 0.08, (165, 75, 75))
    ellipse(0.0, 0.50, 0.27, 0.012, (90, 35, 40))
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    size = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    both = size.prod()
    return float(both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both))


def summed(images: list[np.ndarray]) -> SummedArea:
    return SummedArea(images, [image.shape[:2] for image in images])
