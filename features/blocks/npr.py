"""Neighbouring-pixel relations."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.moments import F32, F64, absent, log_level, shapes, standardised
from features.registry import block
from features.residuals import SAMPLE, row_stride
from features.signals import Signals

_CHANNELS = ("r", "g", "b")
_PHASES = ("right", "below", "diagonal")
_PAIRS = ("right_below", "right_diagonal", "below_diagonal")
_CROSS = ("r_g", "r_b", "g_b")
_COUPLES = ((0, 1), (0, 2), (1, 2))  # of phases, and of channels
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
    unit = standardised(signals.npr)
    within = np.stack([np.vecdot(unit[:, i], unit[:, j]) for i, j in _COUPLES], axis=1)
    across = np.stack([np.vecdot(unit[i], unit[j]) for i, j in _COUPLES], axis=1)
    return np.concatenate(
        [
            level.ravel(),
            shape.ravel(),
            kurtosis[1],
            within.ravel(),
            across.ravel(),
            _shares(signals.npr[1, 0]),
            *parities(signals.pixels),
        ]
    ).astype(np.float32)


def _shares(differences: F32) -> F64:
    """Share of the differences whose size falls in each of _BINS grey levels."""
    sizes = np.abs(differences)
    smaller = np.array([np.count_nonzero(sizes < edge) for edge in _BIN_EDGES])
    return np.asarray(np.diff(smaller) / len(sizes))


def parities(pixels: NDArray[np.uint8]) -> tuple[F64, F64]:
    """Log ratio of differences inside pairs (2k, 2k+1) to those between pairs, by channel.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3)
        Of a large picture every k-th line is read.

    Returns
    -------
    along_x, along_y : float64 array, shape (3,)
        Of differences along x and along y, those across multiples of 8 px left out; NaN below 8 px.
    """
    step = row_stride(pixels.shape[0] * pixels.shape[1], SAMPLE)
    rows, columns = pixels[::step], np.ascontiguousarray(pixels[:, ::step])
    by_column = cv2.reduce(cv2.absdiff(rows[:, :-1], rows[:, 1:]), 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    by_row = cv2.reduce(cv2.absdiff(columns[:-1], columns[1:]), 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    return _parity(by_column.reshape(-1, 3)), _parity(by_row.reshape(-1, 3))


def _parity(sizes: F32) -> F64:
    """The ratio from mean sizes of differences from pixel k to k + 1, (n, 3)."""
    if len(sizes) < 7:
        return np.full(sizes.shape[1], np.nan)
    inside, between = sizes[::2], np.concatenate([sizes[1::8], sizes[3::8], sizes[5::8]])
    return log_level(inside.mean(0)) - log_level(between.mean(0))
