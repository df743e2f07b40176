"""What may have happened to a picture before a detector sees it, by name.

Nothing here is shared with the product's own augmentation, so that the measure stays when that changes. What is
drawn depends on the image's name alone: every method sees the same pixels, real and fake are treated alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Condition = Callable[[U8, np.random.Generator], U8]

_INTERPOLATIONS = (
    cv2.INTER_NEAREST,
    cv2.INTER_LINEAR,
    cv2.INTER_CUBIC,
    cv2.INTER_AREA,
    cv2.INTER_LANCZOS4,
)


def clean(pixels: U8, rng: np.random.Generator) -> U8:
    """The picture as it is."""
    return pixels


def mixed(pixels: U8, rng: np.random.Generator) -> U8:
    """Another size (0.5 to 1.5 times, any interpolation), then JPEG, or WebP one time in four, quality 30-95."""
    factor = np.exp(rng.uniform(np.log(0.5), np.log(1.5)))
    height, width = (max(round(side * factor), 8) for side in pixels.shape[:2])
    flag = _INTERPOLATIONS[rng.integers(len(_INTERPOLATIONS))]
    resized = np.asarray(cv2.resize(pixels, (width, height), interpolation=flag), dtype=np.uint8)
    suffix = ".webp" if rng.random() < 0.25 else ".jpg"
    return lossy(resized, quality=int(rng.integers(30, 96)), suffix=suffix)


def jpeg(pixels: U8, rng: np.random.Generator, *, quality: int) -> U8:
    """Saved once more as a JPEG file of that quality."""
    return lossy(pixels, quality=quality, suffix=".jpg")


def down_up(pixels: U8, rng: np.random.Generator, *, share: float) -> U8:
    """Reduced to `share` of its sides by area, enlarged again bilinearly; the same size."""
    height, width = pixels.shape[:2]
    small = (max(round(width * share), 1), max(round(height * share), 1))
    reduced = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def blur(pixels: U8, rng: np.random.Generator, *, sigma: float) -> U8:
    """Gaussian blur; sigma in px."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), dtype=np.uint8)


def noise(pixels: U8, rng: np.random.Generator, *, sigma: float) -> U8:
    """White Gaussian noise, each channel its own; sigma in grey levels."""
    noisy = pixels + rng.normal(0, sigma, pixels.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def lossy(pixels: U8, *, quality: int, suffix: str) -> U8:
    """Through a file of that quality (1-100); suffix : `.jpg` or `.webp`."""
    flag = cv2.IMWRITE_WEBP_QUALITY if suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    code = cv2.imencode(suffix, pixels[..., ::-1], [flag, quality])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


_GRID: dict[str, Condition] = {
    "jpeg90": partial(jpeg, quality=90),
    "jpeg75": partial(jpeg, quality=75),
    "jpeg50": partial(jpeg, quality=50),
    "downup75": partial(down_up, share=0.75),
    "downup50": partial(down_up, share=0.5),
    "blur1": partial(blur, sigma=1.0),
    "blur2": partial(blur, sigma=2.0),
    "noise2": partial(noise, sigma=2.0),
    "noise5": partial(noise, sigma=5.0),
}
GRID = tuple(_GRID)
OTHERS = "others"  # pictures as they are, of the sources that a hold-out leaves in training
FORGED = ("forged", "forged-random")  # pictures of `forgeries`, as they were saved and changed at random
CONDITIONS: dict[str, Condition] = {
    **dict.fromkeys(("clean", OTHERS, FORGED[0]), clean),
    **dict.fromkeys(("random", FORGED[1]), mixed),
    **_GRID,
}


def seeded(name: str) -> np.random.Generator:
    """A generator that depends on the name alone."""
    return np.random.default_rng(list(hashlib.blake2b(name.encode(), digest_size=16).digest()))


def apply(condition: str, pixels: U8, *, image: str) -> U8:
    """The picture called `image` under a condition of CONDITIONS; uint8 (H, W, 3), RGB, as it came."""
    return CONDITIONS[condition](pixels, seeded(image))
