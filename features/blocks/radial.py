"""Radial power spectrum."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from features.moments import F32, F64, absent
from features.power_spectrum import N_RINGS, RINGS_PER_CYCLE, Spectrum
from features.registry import block
from features.signals import Signals

_BIN = re.compile(r"radial\.bin_\d+")
N_BINS = N_RINGS - 1  # the last ring holds nothing but the very corner
_CENTRES = (np.arange(N_BINS) + 0.5) / RINGS_PER_CYCLE
_LOG_CENTRES = np.log(_CENTRES)
_FITS = {"low": (0.025, 0.15), "high": (0.15, 0.5), "all": (0.025, 0.5)}
_BASE = (0.025, 0.25)  # of the line that excess is measured from
_MIN_BINS = 4  # a line is fitted to
_EXCESS = {"upper": (0.25, 0.375), "top": (0.375, 0.5), "corner": (0.5, 0.71)}
COLUMNS = (
    *(f"bin_{i:02d}" for i in range(N_BINS)),
    *(f"slope_{name}" for name in _FITS),
    "roughness",
    *(f"excess_{name}" for name in _EXCESS),
)


def bin_columns(columns: Sequence[str]) -> list[str]:
    """Pick the bins of the radial spectrum among columns, from low to high frequency.

    Parameters
    ----------
    columns : sequence of str
        `block.column`, those of a block in the block's order.

    Returns
    -------
    list of str
        Empty without the radial block.
    """
    return [column for column in columns if _BIN.fullmatch(column)]


def frequency(column: str) -> float | None:
    """Middle of the frequencies that a column is computed from, cycles/px; None for a fit over many.

    Parameters
    ----------
    column : str
        One of `COLUMNS`.

    Returns
    -------
    float or None
    """
    kind, _, which = column.partition("_")
    if kind == "bin":
        return float(_CENTRES[int(which)])
    return sum(_EXCESS[which]) / 2 if kind == "excess" else None


def profile(spectrum: Spectrum) -> F64:
    """Mean log power of each ring minus that of the whole plane.

    Parameters
    ----------
    spectrum : Spectrum
        Of the luma.

    Returns
    -------
    float64 array, shape (N_BINS,)
        Natural log; NaN where a ring is empty.
    """
    sums, counts = spectrum.sums.sum(1), spectrum.counts.sum(1)
    with np.errstate(invalid="ignore"):
        mean = sums / counts
    return np.asarray(mean[:N_BINS] - sums.sum() / counts.sum())


def _inside(*ranges: tuple[float, float]) -> F64:
    """1 where a bin's centre lies in a range, else 0; (ranges, N_BINS)."""
    return np.array([(low <= _CENTRES) & (high > _CENTRES) for low, high in ranges], dtype=np.float64)


_IN_FITS, _IN_EXCESS = _inside(*_FITS.values(), _BASE), _inside(*_EXCESS.values())


def _means(values: F64, inside: F64) -> F64:
    """Mean of the finite values in each range, NaN where there are none."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(inside @ np.where(finite, values, 0.0) / (inside @ finite))


def _lines(values: F64) -> tuple[F64, F64]:
    """Least-squares slope and intercept of `values` over log frequency in each range of _IN_FITS."""
    weights = _IN_FITS * np.isfinite(values)
    few = weights.sum(axis=1) < _MIN_BINS
    mean_x, mean_y = _means(_LOG_CENTRES, weights), _means(values, weights)
    from_mean = np.where(weights > 0, _LOG_CENTRES - mean_x[:, None], 0.0)
    with np.errstate(invalid="ignore"):
        slope = from_mean @ np.where(np.isfinite(values), values, 0.0) / (from_mean @ _LOG_CENTRES)
    slope[few] = np.nan
    return slope, mean_y - slope * mean_x


@block(name="radial", columns=COLUMNS, source="Durall et al. 2019, arXiv:1911.00686")
def radial(signals: Signals) -> F32:
    """Azimuthally averaged log power spectrum, its slope and what exceeds it at high frequency.

    bin_i = mean of log P(f) over i/64 <= |f| < (i+1)/64 cycles/px, minus the mean over all f: no
    unit, independent of the size. slope = d log P / d log |f| by least squares (0 for white noise,
    -2 for 1/f amplitude); roughness = rms distance from the line; excess = mean distance above the
    line of 0.025-0.25 cycles/px.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        Natural log of power; NaN for a face below 16 px, and where a ring is empty.

    References
    ----------
    Durall et al. 2019, arXiv:1911.00686.
    """
    if signals.spectrum is None:
        return absent(len(COLUMNS))
    values = profile(signals.spectrum)
    slopes, intercepts = _lines(values)
    whole, base = values - (slopes[-2:, None] * _LOG_CENTRES + intercepts[-2:, None])
    roughness = np.sqrt(_means(np.square(whole), _IN_FITS[-2:-1]))
    excess = _means(base, _IN_EXCESS)
    return np.concatenate([values, slopes[:-1], roughness, excess]).astype(np.float32)
