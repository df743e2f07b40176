"""Neighbouring-pixel relations."""

from __future__ import annotations

from collections.abc import Sequence

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
_BIN_EDGES = (0.0, 1.0, 2.0, 3.0, 5.0, 9.0, 17.0)
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
            *parities(signals.channels),
        ]
    ).astype(np.float32)


def _shares(differences: F32) -> F64:
    """Share of the differences whose size falls in each of _BINS grey levels."""
    sizes = np.abs(differences)
    smaller = np.array([np.count_nonzero(sizes < edge) for edge in _BIN_EDGES])
    return np.asarray(np.diff(smaller) / len(sizes))


def parities(channels: Sequence[NDArray[np.uint8]]) -> tuple[F64, F64]:
    """Log ratio of differences inside pairs (2k, 2k+1) to those between pairs, by channel.

    Parameters
    ----------
    channels : sequence of uint8 arrays, shape (H, W)
        Of a large picture every k-th line is read.

    Returns
    -------
    along_x, along_y : float64 array, shape (len(channels),)
        Of differences along x and along y, those across multiples of 8 px left out; NaN below 8 px.
    """
    step = row_stride(channels[0].size, SAMPLE)
    by_column, by_row = [], []
    for channel in channels:
        rows, columns = channel[::step], np.ascontiguousarray(channel[:, ::step])
        by_column.append(_mean_size(rows[:, :-1], rows[:, 1:], axis=0))
        by_row.append(_mean_size(columns[:-1], columns[1:], axis=1))
    return _parity(np.array(by_column)), _parity(np.array(by_row))


def _mean_size(first: NDArray[np.uint8], second: NDArray[np.uint8], *, axis: int) -> F32:
    """Mean magnitude of the differences of two pictures down the columns (axis 0) or along the rows (1)."""
    sizes = cv2.absdiff(first, second)
    return np.asarray(cv2.reduce(sizes, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel(), dtype=np.float32)


def _parity(sizes: F32) -> F64:
    """The ratio by channel, from mean sizes of differences from pixel k to k + 1, (channels, n)."""
    if sizes.shape[1] < 7:
        return np.full(len(sizes), np.nan)
    inside = sizes[:, ::2]
    between = np.concatenate([sizes[:, phase::8] for phase in (1, 3, 5)], axis=1)
    return log_level(inside.mean(axis=1)) - log_level(between.mean(axis=1))
