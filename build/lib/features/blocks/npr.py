"""Neighbouring-pixel relations."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.moments import F32, F64, absent, correlations, log_level, shapes
from features.registry import block
from features.residuals import SAMPLE, row_stride
from features.signals import Signals

_CHANNELS = ("r", "g", "b")
_PHASES = ("right", "below", "diagonal")
_PAIRS = ("right_below", "right_diagonal", "below_diagonal")
_CROSS = ("r_g", "r_b", "g_b")
_BINS = ("0", "1", "2", "3_4", "5_8", "9_16")
_BIN_EDGES = np.array([0, 1, 2, 3, 5, 9, 17])
COLUMNS = (
    *(f"level_{c}_{p}" for c in _CHANNELS for p in _PHASES),
    *(f"shape_{c}_{p}" for c in _CHANNELS for p in _PHASES),
    *(f"kurtosis_{p}" for p in _PHASES),
    *(f"corr_{c}_{pair}" for c in _CHANNELS for pair in _PAIRS),
    *(f"corr_{p}_{pair}" for p in _PHASES for pair in _CROSS),
    *(f"share_{b}" for b in _BINS),
    *(f"parity_{axis}_{c}" for axis in "xy" for c in _CHANNELS),
)


@block(name="npr", columns=COLUMNS, source="Tan et al. 2024, arXiv:2312.10461")
def npr(signals: Signals) -> F32:
    """Moments, correlations and parity of differences inside 2×2 cells.

    d = x - upsample_nearest(downsample(x, 2), 2), by phase of the cell and by channel. level =
    log mean |d| (below green's: relative to green, right), shape = (E|d|)^2 / E d^2, kurtosis =
    log(E d^4 / (E d^2)^2) of green; correlations between phases and between channels; share =
    share of green's differences to the right that have that size in grey levels. parity =
    log(mean |x(2k+1) - x(2k)| / mean |x(2k+2) - x(2k+1)|), pairs across the 8 px grid left out:
    up-sampling by 2 makes the two kinds of neighbours differ, a photograph does not.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face below 4 px, and for shapes and correlations of flat differences.

    References
    ----------
    Tan et al. 2024, arXiv:2312.10461.
    """
    if signals.npr is None:
        return absent(len(COLUMNS))
    level, shape, kurtosis = shapes(signals.npr)
    level = level - level[1, 0] * (np.arange(9).reshape(3, 3) != 3)
    matrix = correlations(signals.npr.reshape(9, -1))
    within = [matrix[3 * c + i, 3 * c + j] for c in range(3) for i, j in ((0, 1), (0, 2), (1, 2))]
    across = [matrix[3 * i + p, 3 * j + p] for p in range(3) for i, j in ((0, 1), (0, 2), (1, 2))]
    step = row_stride(signals.luma.size, SAMPLE)
    rows, columns = signals.pixels[::step], signals.pixels[:, ::step].transpose(1, 0, 2)
    parity = [parities(rows), parities(columns)]
    return np.concatenate(
        [
            level.ravel(),
            shape.ravel(),
            kurtosis[1],
            within,
            across,
            _shares(signals.npr[1, 0]),
            *parity,
        ]
    ).astype(np.float32)


def _shares(differences: F32) -> F64:
    """Share of the differences whose size falls in each of _BINS grey levels."""
    sizes = np.minimum(np.abs(differences), 255).astype(np.uint8)
    counts = np.bincount(sizes, minlength=256)
    cumulative = np.r_[0, np.cumsum(counts)]
    return np.asarray(np.diff(cumulative[_BIN_EDGES]) / len(sizes))


def parities(pixels: NDArray[np.uint8]) -> F64:
    """Log ratio of differences inside pairs (2k, 2k+1) to those between pairs, by channel.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, C)
        Differences run along W; those across multiples of 8 px are left out.

    Returns
    -------
    float64 array, shape (C,)
        NaN below 8 px of width.
    """
    if pixels.shape[1] < 8:
        return np.full(pixels.shape[2], np.nan)
    left, right = np.ascontiguousarray(pixels[:, :-1]), np.ascontiguousarray(pixels[:, 1:])
    sizes = cv2.absdiff(left, right).reshape(len(pixels), -1)
    mean = cv2.reduce(sizes, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    profile = mean.reshape(-1, pixels.shape[2])
    phase = np.arange(len(profile)) % 8
    inside, between = profile[phase % 2 == 0], profile[(phase % 2 == 1) & (phase != 7)]
    return log_level(inside.mean(0)) - log_level(between.mean(0))
