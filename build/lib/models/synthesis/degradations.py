"""Random degradations, drawn alike for both classes, and the changes of pixels that they are made of.

What merely identifies a data set (its scaling, compression, sharpness, noise, tone) must not tell its classes.
Functions named by a past participle take and give float32 arrays (H, W, 3) of 0-255 grey levels, not clipped.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import Crop

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
# Borders are mirrored by BORDER_REFLECT: BORDER_REFLECT_101 with a cubic kernel never ends on a side of 1 px (OpenCV 5.0).
_ZOOM = (0.7, 1.3)
_MOVE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
_SAVED = (0.5, 0.3, 0.2)  # chances to be saved once, twice and three times
_MILD, _STRONG = (60, 96), (40, 60)  # qualities, below the second of each
_STRONG_SHARE, _WEBP_SHARE = 0.07, 0.12
_ENLARGE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)


def jitter(crop: Crop, rng: np.random.Generator) -> Crop:
    """The crop with a small random rotation, zoom and shift of the aligned square.

    Done inside the one similarity warp, so that the pixels are resampled once, not twice.

    Parameters
    ----------
    crop : Crop
    rng : np.random.Generator

    Returns
    -------
    Crop
        Turned by up to 8°, zoomed by 0.92 to 1.12, shifted by up to 3 % of the square.
    """
    angle = np.deg2rad(rng.uniform(-8, 8))
    zoom = rng.uniform(0.92, 1.12)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([0.5, 0.5]) + rng.uniform(-0.03, 0.03, 2) - turn @ np.array([0.5, 0.5])
    matrix = np.hstack([turn @ crop.matrix[:, :2], (turn @ crop.matrix[:, 2] + shift)[:, None]])
    return Crop(native=crop.native, context=crop.context, matrix=matrix)


def mirror(pixels: U8, rng: np.random.Generator) -> U8:
    """Exchange left and right in half of the draws.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    rng : np.random.Generator

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    return np.ascontiguousarray(pixels[:, ::-1]) if rng.random() < 0.5 else pixels


def degrade(pixels: U8, rng: np.random.Generator) -> U8:
    """With some probability each: a change of sharpness or noise, of tone, of saturation, compressions.

    The compressions are one to three mild ones rather than one that is strong: pictures are saved again and again on
    their way, and a strong one hides the traces that are to be learned.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    rng : np.random.Generator

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    x = pixels.astype(np.float32)
    if rng.random() < 0.6:
        x = _textured(x, rng)
    if rng.random() < 0.5:
        gain = rng.uniform(0.85, 1.15) * rng.normal(1, 0.03, 3)
        x = x * gain.astype(np.float32) + np.float32(rng.uniform(-12, 12))
    if rng.random() < 0.15:
        grey = x.mean(axis=2, keepdims=True)
        x = grey + (x - grey) * np.float32(rng.uniform(0, 1.4))
    degraded = to_bytes(x)
    return _shared(degraded, rng) if rng.random() < 0.5 else degraded


def _shared(pixels: U8, rng: np.random.Generator) -> U8:
    """Saved again one to three times, mildly most times, as by those who pass a picture on."""
    for _ in range(rng.choice((1, 2, 3), p=_SAVED)):
        low, high = _STRONG if rng.random() < _STRONG_SHARE else _MILD
        suffix = ".webp" if rng.random() < _WEBP_SHARE else ".jpg"
        pixels = compressed(pixels, quality=int(rng.integers(low, high)), suffix=suffix)
    return pixels


def resampled(pixels: U8, rng: np.random.Generator) -> tuple[U8, NDArray[np.float64]]:
    """The whole picture at another size, in half of the draws turned and shifted as well.

    The traces of earlier files on their 8 px grid go with it.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    rng : np.random.Generator

    Returns
    -------
    pixels : uint8 array, shape (h, w, 3), RGB
    matrix : float64 array, shape (2, 3)
        The affine map of coordinates (x, y), px.
    """
    height, width = pixels.shape[:2]
    zoom = float(np.exp(rng.uniform(*np.log(_ZOOM))))
    size = (max(round(width * zoom), 1), max(round(height * zoom), 1))
    scale = np.array([size[0] / width, size[1] / height])
    flag = _MOVE[rng.integers(len(_MOVE))]
    if rng.random() < 0.5:
        flag = cv2.INTER_AREA if zoom < 1 and rng.random() < 0.5 else flag
        matrix = np.hstack([np.diag(scale), (scale[:, None] - 1) / 2])
        return np.asarray(cv2.resize(pixels, size, interpolation=flag), dtype=np.uint8), matrix
    angle = np.deg2rad(rng.normal(0, 1.5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale[:, None]
    middle = np.array([width - 1, height - 1]) / 2
    matrix = np.hstack([turn, (scale * middle + rng.uniform(-1, 1, 2) - turn @ middle)[:, None]])
    turned = cv2.warpAffine(pixels, matrix, size, flags=flag, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, dtype=np.uint8), matrix


def _textured(x: F32, rng: np.random.Generator) -> F32:
    draw = rng.random()
    if draw < 0.35:
        return down_up(x, share=float(rng.uniform(0.4, 1)), rng=rng)
    if draw < 0.60:
        return blurred(x, float(rng.uniform(0.3, 1.5)))
    if draw < 0.80:
        return sharpened(x, amount=float(rng.uniform(0.2, 1.5)), sigma=float(rng.uniform(0.6, 1.5)))
    return noisy(x, sigma=float(rng.uniform(0.5, 6)), rng=rng)


def compressed(pixels: U8, *, quality: int, suffix: str = ".jpg") -> U8:
    """Through a lossy file.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    quality : int
        1 to 100.
    suffix : {'.jpg', '.webp'}

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    flag = cv2.IMWRITE_WEBP_QUALITY if suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    code = cv2.imencode(suffix, pixels[..., ::-1], [flag, quality])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def down_up(x: F32, *, share: float, rng: np.random.Generator) -> F32:
    """Reduced by area and enlarged again by a drawn interpolation.

    Parameters
    ----------
    x : float32 array, shape (H, W, 3)
    share : float
        Of the sides that is left in between.
    rng : np.random.Generator

    Returns
    -------
    float32 array, shape (H, W, 3)
    """
    height, width = x.shape[:2]
    small = (max(int(width * share), 1), max(int(height * share), 1))
    reduced = cv2.resize(x, small, interpolation=cv2.INTER_AREA)
    flag = _ENLARGE[rng.integers(len(_ENLARGE))]
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=flag), dtype=np.float32)


def blurred(x: F32, sigma: float) -> F32:
    """Gaussian blur.

    Parameters
    ----------
    x : float32 array, shape (H, W) or (H, W, 3)
    sigma : float
        px; at least 0.1 is taken.

    Returns
    -------
    float32 array of the same shape
    """
    return np.asarray(cv2.GaussianBlur(x, (0, 0), max(sigma, 0.1)), dtype=np.float32)


def sharpened(x: F32, *, amount: float, sigma: float) -> F32:
    """Unsharp masking: x + amount * (x - blurred(x, sigma)).

    Parameters
    ----------
    x : float32 array, shape (H, W, 3)
    amount : float
    sigma : float
        Of the blur, px.

    Returns
    -------
    float32 array, shape (H, W, 3)
    """
    return x + (x - blurred(x, sigma)) * np.float32(amount)


def noisy(x: F32, *, sigma: float, rng: np.random.Generator) -> F32:
    """With Gaussian noise, grey or coloured, of a grain of one or two px.

    Parameters
    ----------
    x : float32 array, shape (H, W, 3)
    sigma : float
        Grey levels.
    rng : np.random.Generator

    Returns
    -------
    float32 array, shape (H, W, 3)
    """
    height, width = x.shape[:2]
    grain, channels = int(rng.integers(1, 3)), int(rng.choice([1, 3]))
    noise = rng.standard_normal((-(-height // grain), -(-width // grain), channels), dtype=np.float32)
    fine = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return np.asarray(x + fine * np.float32(sigma), dtype=np.float32)


def to_bytes(x: F32) -> U8:
    """Round and clip.

    Parameters
    ----------
    x : float32 array, grey levels

    Returns
    -------
    uint8 array of the same shape
    """
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
