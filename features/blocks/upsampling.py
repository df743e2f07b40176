"""Traces of up-sampling by 2, 4 and 8."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from features.moments import F32, F64, MIN_VARIANCE, absent
from features.power_spectrum import POWER_FLOOR, Spectrum
from features.registry import block
from features.signals import Signals

_PERIODS = {"p2": 1 / 2, "p4": 1 / 4, "p8": 1 / 8, "p8x3": 3 / 8}
_TRACES = ("second_x", "second_y", "cross_x", "cross_y", "chroma_x", "chroma_y")
_POINTS = {
    "half_half": (1 / 2, 1 / 2),
    "half_zero": (1 / 2, 0.0),
    "zero_half": (0.0, 1 / 2),
    "quarter_quarter": (1 / 4, 1 / 4),
    "quarter_zero": (1 / 4, 0.0),
    "zero_quarter": (0.0, 1 / 4),
    "quarter_half": (1 / 4, 1 / 2),
    "half_quarter": (1 / 2, 1 / 4),
}
_LAGS = tuple(range(1, 10))
_LAG_PEAKS = np.array([2, 4, 8])
MIN_TRACE = 32  # px
COLUMNS = (
    *(f"{trace}_{period}" for trace in _TRACES for period in _PERIODS),
    *(f"{trace}_p2_over_p8" for trace in _TRACES),
    *(f"peak_{name}" for name in _POINTS),
    *(f"auto_{axis}_{lag}" for axis in "xy" for lag in _LAGS[:4]),
    *(f"auto_peak_{axis}_{lag}" for axis in "xy" for lag in _LAG_PEAKS),
)
_SECOND = np.array([[1, -2, 1]], dtype=np.float32)
_FY, _FX = np.array(list(_POINTS.values())).T
_CROSS = np.array([[0, 0, 0], [0, 1, -1], [0, -1, 1]], dtype=np.float32)


@block(
    name="upsampling",
    columns=COLUMNS,
    source="Gallagher 2005, doi:10.1109/CRV.2005.33; Popescu & Farid 2005, doi:10.1109/TSP.2004.839932",
)
def upsampling(signals: Signals) -> F32:
    """Periods 2, 4 and 8 in the size of differences, spectral grid peaks, and autocorrelation.

    second: v(x) = mean over y of |second difference of the luma along x|, and the same down the
    columns; cross, chroma: of |I(x,y) - I(x+1,y) - I(x,y+1) + I(x+1,y+1)| of the luma and of R - B.
    Enlarging by 2 on pixel centres shows in second differences only, on pixel edges in cross
    differences only. Each number is log(|V(f)|^2 / mean of |V|^2 beside f), V the windowed spectrum
    of v, f = 1/period (p8x3 = 3/8).
    A JPEG grid raises p8 and p8x3 at least as much as p2; p2_over_p8 = p2 - (p8 + p8x3) / 2 is
    what it cannot explain. peak: log power of the luma's spectrum around (fy, fx) over its
    surroundings, which shows checkerboards. auto: autocorrelation of the cross difference at lags
    in px, by Wiener-Khinchin; auto_peak: its rise over the two lags beside.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face below 16 px; traces also NaN below 32 px, or where flat.

    References
    ----------
    Gallagher 2005, doi:10.1109/CRV.2005.33; Popescu and Farid 2005, doi:10.1109/TSP.2004.839932.
    """
    spectrum = signals.spectrum
    if spectrum is None:
        return absent(len(COLUMNS))
    second_x, second_y, cross_x, cross_y = (trace_peaks(traces) for traces in _traces(signals))
    cross = np.stack([cross_x, cross_y], axis=1)  # luma, chroma × x, y × periods
    peaks = np.concatenate([second_x, second_y, *cross])
    p2_over_p8 = peaks[:, 0] - (peaks[:, 2] + peaks[:, 3]) / 2
    points = grid_peak(spectrum.power, fy=_FY, fx=_FX)
    lags = autocorrelation(spectrum)
    rises = lags[:, _LAG_PEAKS] - (lags[:, _LAG_PEAKS - 1] + lags[:, _LAG_PEAKS + 1]) / 2
    return np.concatenate([peaks.ravel(), p2_over_p8, points, lags[:, 1:5].ravel(), rises.ravel()]).astype(
        np.float32
    )


def _traces(signals: Signals) -> list[F64]:
    """Mean size of differences by column and by row, whole 8 px of them.

    Second differences of the luma along x (1, n) and y (1, n), cross differences of luma and R - B by column (2, n)
    and by row (2, n).
    """
    red, _, blue = signals.channels
    chroma = np.asarray(cv2.subtract(red, blue, dtype=cv2.CV_32F), dtype=np.float32)
    second = [_sizes(signals.luma, kernel) for kernel in (_SECOND, _SECOND.T)]
    cross = [_sizes(plane, _CROSS) for plane in (signals.luma, chroma)]
    traces = [_profile(second[axis], axis)[None, 1:-1] for axis in (0, 1)]
    traces += [np.stack([_profile(sizes, axis)[:-1] for sizes in cross]) for axis in (0, 1)]
    return [trace[:, : trace.shape[1] // 8 * 8] for trace in traces]


def _sizes(plane: F32, kernel: F32) -> F32:
    """Magnitudes of a difference."""
    differences = np.asarray(cv2.filter2D(plane, cv2.CV_32F, kernel), dtype=np.float32)
    return np.abs(differences, out=differences)


def _profile(sizes: F32, axis: int) -> F64:
    """Mean down the columns (axis 0) or along the rows (axis 1)."""
    return np.asarray(cv2.reduce(sizes, axis, cv2.REDUCE_AVG, dtype=cv2.CV_64F), dtype=np.float64).ravel()


def trace_peaks(traces: F64) -> F64:
    """Log power of traces at periods 2, 4, 8 and 8/3 over the mean beside it.

    Parameters
    ----------
    traces : float64 array, shape (..., n)
        Mean size of differences, grey levels; n a multiple of 8.

    Returns
    -------
    float64 array, shape (..., 4)
        NaN below MIN_TRACE px, or where the trace is flat.

    References
    ----------
    Gallagher 2005, doi:10.1109/CRV.2005.33.
    """
    n = traces.shape[-1]
    if n < MIN_TRACE:
        return np.full((*traces.shape[:-1], len(_PERIODS)), np.nan)
    window, bins, beside = _trace_grid(n)
    centred = traces - traces.mean(axis=-1, keepdims=True)
    power = np.abs(scipy.fft.rfft(centred * window)) ** 2
    peaks = np.log((power[..., bins] + 1e-9) / (power @ beside + 1e-9))
    peaks[np.square(centred).mean(axis=-1) < MIN_VARIANCE**2] = np.nan
    return np.asarray(peaks)


@lru_cache(maxsize=16)
def _trace_grid(n: int) -> tuple[F64, NDArray[np.intp], F64]:
    """Hann window, bin of each period (4,), and weights that average the bins beside it (n / 2 + 1, 4)."""
    reach = max(n // 20, 4)  # stays clear of the neighbouring multiples of 1/8
    bins = np.array([round(n * frequency) for frequency in _PERIODS.values()])
    distances = np.abs(np.arange(n // 2 + 1)[:, None] - bins)
    beside = ((distances > 1) & (distances <= reach)).astype(np.float64)
    beside[0] = 0.0  # the mean was taken out
    return np.hanning(n), bins, beside / beside.sum(axis=0)


def grid_peak(power: F32, *, fy: ArrayLike, fx: ArrayLike) -> F64:
    """Log of the mean power in the 3×3 bins around (fy, fx) over the mean in the 9×9 about them.

    Parameters
    ----------
    power : float32 array, shape (H, W // 2 + 1)
        Power spectrum of a real picture, grey levels squared; H and W multiples of 8.
    fy, fx : float or array_like of float, shape (k,)
        Vertical and horizontal frequency, cycles/px.

    Returns
    -------
    float64 array, shape () or (k,)
        Finite.
    """
    height, width = power.shape[0], (power.shape[1] - 1) * 2
    around = np.arange(-4, 5)
    rows = around[:, None] + np.rint(np.multiply(fy, height)).astype(np.intp)[..., None, None]
    columns = around + np.rint(np.multiply(fx, width)).astype(np.intp)[..., None, None]
    # The half not stored is the point mirror image of the stored one.
    mirrored = (columns < 0) | (columns > width // 2)
    rows = np.where(mirrored, -rows, rows) % height
    columns = np.where(mirrored, -columns, columns) % width
    patch = power[rows, columns].astype(np.float64)
    inner = patch[..., 3:6, 3:6].sum(axis=(-2, -1))
    outer = patch.sum(axis=(-2, -1)) - inner
    return np.asarray(np.log((inner / 9 + POWER_FLOOR) / (outer / 72 + POWER_FLOOR)))


def autocorrelation(spectrum: Spectrum) -> F64:
    """Autocorrelation of the cross difference at lags 0-9 px.

    Parameters
    ----------
    spectrum : Spectrum
        Of the luma.

    Returns
    -------
    float64 array, shape (2, 10)
        Along x and along y, 1 at lag 0; NaN where the difference is flat.

    References
    ----------
    Popescu and Farid 2005, doi:10.1109/TSP.2004.839932.
    """
    height, width = spectrum.power.shape[0], (spectrum.power.shape[1] - 1) * 2
    gain_y, gain_x, waves_y, waves_x = _lag_waves(height, width)
    along_x = waves_x @ (gain_y @ spectrum.power)
    along_y = waves_y @ (spectrum.power @ gain_x)
    rows = np.stack([along_x, along_y])
    if rows[:, 0].min() < MIN_VARIANCE:
        return np.full_like(rows, np.nan)
    return np.asarray(rows / rows[:, :1])


@lru_cache(maxsize=16)
def _lag_waves(height: int, width: int) -> tuple[F32, F32, F64, F64]:
    """How `autocorrelation` sums `Spectrum.power` over one direction and transforms what is left at its lags.

    Gains of the cross difference by vertical (H,) and horizontal frequency (W // 2 + 1,), the latter counted as often as
    a column stands in the full plane, and the same gains times the cosines of each lag, over the pixels: (10, H) and
    (10, W // 2 + 1).
    """
    lags = np.arange(len(_LAGS) + 1)[:, None]
    fy, fx = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    gain_y, gain_x = (2 - 2 * np.cos(2 * np.pi * f) for f in (fy, fx))
    gain_x[1:-1] *= 2
    waves = (
        gain * np.cos(2 * np.pi * lags * f) / (height * width) for gain, f in ((gain_y, fy), (gain_x, fx))
    )
    return gain_y.astype(np.float32), gain_x.astype(np.float32), *waves
