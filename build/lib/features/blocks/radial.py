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
_FITS = {"low": (0.025, 0.15), "high": (0.15, 0.5), "all": (0.025, 0.5)}
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
    sums = np.where(spectrum.counts > 0, spectrum.polar, 0.0) * spectrum.counts
    rings = spectrum.counts.sum(1)
    with np.errstate(invalid="ignore"):
        mean = sums.sum(1) / rings
    return np.asarray(mean[:N_BINS] - sums.sum() / rings.sum())


def _line(values: F64, low: float, high: float) -> tuple[float, float]:
    """Least-squares slope and intercept of `values` over log frequency between two frequencies."""
    inside = (low <= _CENTRES) & (high > _CENTRES) & np.isfinite(values)
    if inside.sum() < 4:
        return np.nan, np.nan
    x, y = np.log(_CENTRES[inside]), values[inside]
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / np.square(x - x.mean()).sum())
    return slope, float(y.mean() - slope * x.mean())


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
    slopes = [_line(values, *limits) for limits in _FITS.values()]
    slope, intercept = slopes[-1]
    distances = values - (slope * np.log(_CENTRES) + intercept)
    fitted = distances[(_CENTRES >= 0.025) & (_CENTRES < 0.5) & np.isfinite(distances)]
    roughness = np.sqrt(np.square(fitted).mean()) if fitted.size else np.nan
    slope, intercept = _line(values, 0.025, 0.25)
    above = values - (slope * np.log(_CENTRES) + intercept)
    excess = [_mean(above[(low <= _CENTRES) & (high > _CENTRES)]) for low, high in _EXCESS.values()]
    return np.array([*values, *(s for s, _ in slopes), roughness, *excess], dtype=np.float32)


def _mean(values: F64) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else np.nan
