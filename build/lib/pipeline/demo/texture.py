"""Random fields of the demo pictures: noise with a natural spectrum, and backdrops."""

from __future__ import annotations

import cv2
import numpy as np


def pink_noise(rng: np.random.Generator, shape: tuple[int, int], *, slope: float = 1.0) -> np.ndarray:
    """Gaussian noise whose amplitude spectrum falls as 1 / frequency ** slope.

    Natural images have a slope near 1 [1]_.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
        Height and width, px.
    slope : float

    Returns
    -------
    float32 array, shape ``shape``, mean 0, standard deviation 1

    References
    ----------
    .. [1] Field 1987, "Relations between the statistics of natural images and the response properties
       of cortical cells", doi:10.1364/JOSAA.4.002379
    """
    height, width = (cv2.getOptimalDFTSize(side + side % 2) for side in shape)
    white = rng.standard_normal((height, width), dtype=np.float32)
    fy = np.fft.fftfreq(height).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(width).astype(np.float32)[None, :]
    squared = fy**2 + fx**2
    squared[0, 0] = 1.0
    gain = squared ** np.float32(-slope / 2)
    gain[0, 0] = 0.0
    field = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(height, width))
    field = field[: shape[0], : shape[1]].astype(np.float32)
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def strands(rng: np.random.Generator, shape: tuple[int, int], *, length: int = 14) -> np.ndarray:
    """Noise drawn out vertically, as hair is.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
        Height and width, px.
    length : int
        Rows of px to one row of random numbers.

    Returns
    -------
    float32 array, shape ``shape``, standard deviation 1
    """
    rows = max(2, shape[0] // length)
    coarse = rng.standard_normal((rows, shape[1]), dtype=np.float32)
    field = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    # A strand about 2 px wide: narrower ones turn to coloured moire in a Bayer mosaic.
    field = cv2.GaussianBlur(field, (0, 0), sigmaX=0.8, sigmaY=0.3)
    return field / max(float(field.std()), 1e-6)


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """Cubic ramp from 0 at ``low`` to 1 at ``high``.

    Parameters
    ----------
    low, high : float
        Ends of the ramp; ``low`` > ``high`` ramps down.
    values : float array of any shape

    Returns
    -------
    float array, shape of ``values``, in 0 … 1
    """
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _blobs(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Out-of-focus lights: filled discs of uneven size, blended over ``canvas`` in place."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(3, 10))):
        layer = canvas.copy()
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        radius = int(rng.uniform(0.03, 0.14) * height)
        colour = rng.uniform(0.1, 0.8, 3).tolist()
        cv2.circle(layer, centre, radius, colour, -1, cv2.LINE_AA)
        weight = float(rng.uniform(0.2, 0.6))
        cv2.addWeighted(layer, weight, canvas, 1 - weight, 0, dst=canvas)


def _bars(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Soft stripes at a random angle and period. Returns float32 in -1 … 1."""
    height, width = shape
    angle = rng.uniform(0, np.pi)
    period = rng.uniform(0.06, 0.4) * height
    y, x = np.mgrid[:height, :width].astype(np.float32)
    phase = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) / np.float32(period)
    return np.tanh(3 * np.sin(2 * np.float32(np.pi) * phase + np.float32(rng.uniform(0, 6))))


def backdrop(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A background in linear light: gradient, grain and, by chance, stripes or lights.

    Returns float32, shape (H, W, 3), RGB, within 0.01 … 1.
    """
    height, width = shape
    corners = rng.uniform(0.04, 0.6) * rng.uniform(0.55, 1.2, (2, 2, 3)).astype(np.float32)
    canvas = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas = np.ascontiguousarray(canvas, dtype=np.float32)
    kind = rng.choice(("plain", "bars", "lights"))
    if kind == "bars":
        canvas = canvas * (1 + np.float32(rng.uniform(0.05, 0.3)) * _bars(rng, shape)[..., None])
    elif kind == "lights":
        _blobs(rng, canvas)
    grain = pink_noise(rng, shape, slope=float(rng.uniform(0.9, 1.4)))
    canvas = canvas * (1 + np.float32(rng.uniform(0.08, 0.25)) * grain[..., None])
    return np.clip(canvas, 0.01, 1)
