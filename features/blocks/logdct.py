"""Full-frame log-DCT spectrum."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.moments import F32, absent
from features.registry import block
from features.signals import Signals

N_BINS = 36
_BANDS = ("low", "mid", "high")
_DIRECTIONS = ("horizontal", "diagonal", "vertical")
_CELLS = N_BINS * len(_DIRECTIONS)
COLUMNS = (
    *(f"bin_{i:02d}" for i in range(N_BINS)),
    *(f"{band}_{direction}" for band in _BANDS for direction in _DIRECTIONS),
)


def frequency(column: str) -> float:
    """Mean frequency of the coefficients that a column is computed from, cycles/px.

    Parameters
    ----------
    column : str
        One of `COLUMNS`.

    Returns
    -------
    float
    """
    kind, _, which = column.partition("_")
    place, count = (int(which), N_BINS) if kind == "bin" else (_BANDS.index(kind), len(_BANDS))
    total = 2 * (place + 0.5) / count  # of u/H and v/W, which are half a cycle per pixel at 1
    share = np.linspace(max(total - 1, 0), min(total, 1), 100)
    return float(np.hypot(share, total - share).mean() / 2)


@block(name="logdct", columns=COLUMNS, source="Frank et al. 2020, arXiv:2003.08685")
def logdct(signals: Signals) -> F32:
    """Log-DCT of the whole face pooled along anti-diagonals and by direction.

    bin_i = mean of log C(u, v)^2 over i/18 <= u/H + v/W < (i+1)/18, minus the mean over all (u, v);
    C the orthonormal DCT-II of the luma. band_direction: u/H + v/W in [0, 2/3), [2/3, 4/3) and
    [4/3, 2); direction of (v/W, u/H) within 30 degrees of horizontal, of the diagonal, of vertical;
    less the band's mean.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        Natural log of power; NaN for a face below 16 px, and where a bin is empty.

    References
    ----------
    Frank et al. 2020, arXiv:2003.08685.
    """
    values = signals.log_dct
    if values is None:
        return absent(len(COLUMNS))
    cell, counts = _cells(*values.shape)
    sums = np.bincount(cell, values.ravel(), _CELLS + 1)[:-1].reshape(N_BINS, 3)
    by_band = (len(_BANDS), -1, len(_DIRECTIONS))
    band_sums, band_counts = sums.reshape(by_band).sum(1), counts.reshape(by_band).sum(1)
    with np.errstate(invalid="ignore"):
        bins = sums.sum(1) / counts.sum(1) - sums.sum() / counts.sum()
        directions = band_sums / band_counts
        directions -= (band_sums.sum(1) / band_counts.sum(1))[:, None]
    return np.concatenate([bins, directions.ravel()]).astype(np.float32)


@lru_cache(maxsize=64)
def _cells(height: int, width: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Cell (bin × direction) of each coefficient, flat, and coefficients per cell; DC in none."""
    v = (np.arange(height) / height)[:, None]
    u = (np.arange(width) / width)[None, :]
    bins = np.minimum(((u + v) / 2 * N_BINS).astype(np.intp), N_BINS - 1)
    direction = np.minimum((np.arctan2(v, u) / (np.pi / 6)).astype(np.intp), 2)
    cell = bins * 3 + direction
    cell[0, 0] = _CELLS
    counts = np.bincount(cell.ravel(), minlength=_CELLS + 1)[:-1].astype(np.float64)
    return cell.ravel(), counts.reshape(N_BINS, 3)
