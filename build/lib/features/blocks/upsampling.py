"""Traces of up-sampling by 2, 4 and 8."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import scipy.fft

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
_LAG_PEAKS = (2, 4, 8)
MIN_TRACE = 32  # px
COLUMNS = (
    *(f"{trace}_{period}" for trace in _TRACES for period in _PERIODS),
    *(f"{trace}_p2_over_p8" for trace in _TRACES),
    *(f"peak_{name}" for name in _POINTS),
    *(f"auto_{axis}_{lag}" for axis in "xy" for lag in _LAGS[:4]),
    *(f"auto_peak_{axis}_{lag}" for axis in "xy" for lag in _LAG_PEAKS),
)
_SECOND = np.array([[1, -2, 1]], dtype=np.float32)
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
    peaks = np.array([trace_peaks(trace) for trace in _traces(signals)])
    p2_over_p8 = peaks[:, 0] - (peaks[:, 2] + peaks[:, 3]) / 2
    points = [grid_peak(spectrum.power, fy=fy, fx=fx) for fy, fx in _POINTS.values()]
    lags = autocorrelation(spectrum)
    rises = [[row[k] - (row[k - 1] + row[k + 1]) / 2 for k in _LAG_PEAKS] for row in lags]
    return np.concatenate([peaks.ravel(), p2_over_p8, points, lags[:, 1:5].ravel(), np.ravel(rises)]).astype(
        np.float32
    )


def _traces(signals: Signals) -> list[F64]:
    """Mean size of differences by column and by row, in the order of _TRACES, of whole 8 px."""
    along_x = np.abs(cv2.filter2D(signals.luma, cv2.CV_32F, _SECOND))
    along_y = np.abs(cv2.filter2D(signals.luma, cv2.CV_32F, _SECOND.T))
    traces = [along_x.mean(0)[1:-1], along_y.mean(1)[1:-1]]
    for plane in (signals.luma, signals.rgb[..., 0] - signals.rgb[..., 2]):
        cross = np.abs(cv2.filter2D(plane, cv2.CV_32F, _CROSS))
        traces += [cross.mean(0)[:-1], cross.mean(1)[:-1]]
    return [trace[: len(trace) // 8 * 8].astype(np.float64) for trace in traces]


def trace_peaks(trace: F64) -> F64:
    """Log power of a trace at periods 2, 4, 8 and 8/3 over the mean beside it.

    Parameters
    ----------
    trace : float64 array, shape (n,)
        Mean size of differences, grey levels; n a multiple of 8.

    Returns
    -------
    float64 array, shape (4,)
        NaN below MIN_TRACE px, or where the trace is flat.

    References
    ----------
    Gallagher 2005, doi:10.1109/CRV.2005.33.
    """
    n = len(trace)
    if n < MIN_TRACE or trace.var() < MIN_VARIANCE**2:
        return np.full(len(_PERIODS), np.nan)
    power = np.abs(scipy.fft.rfft((trace - trace.mean()) * _hann(n))) ** 2
    reach = max(n // 20, 4)  # stays clear of the neighbouring multiples of 1/8
    ratios = []
    for frequency in _PERIODS.values():
        k = round(n * frequency)
        beside = np.concatenate([power[max(k - reach, 1) : k - 1], power[k + 2 : k + reach + 1]])
        ratios.append((power[k] + 1e-9) / (beside.mean() + 1e-9))
    return np.log(ratios)


@lru_cache(maxsize=16)
def _hann(n: int) -> F64:
    return np.hanning(n)


def grid_peak(power: F32, *, fy: float, fx: float) -> float:
    """Log of the mean power in the 3×3 bins around (fy, fx) over the mean in the 9×9 about them.

    Parameters
    ----------
    power : float32 array, shape (H, W // 2 + 1)
        Power spectrum of a real picture, grey levels squared; H and W multiples of 8.
    fy, fx : float
        Vertical and horizontal frequency, cycles/px.

    Returns
    -------
    float
        Finite.
    """
    height, width = power.shape[0], (power.shape[1] - 1) * 2
    rows = np.arange(-4, 5)[:, None] + round(fy * height)
    columns = np.arange(-4, 5)[None, :] + round(fx * width)
    # The half not stored is the point mirror image of the stored one.
    mirrored = (columns < 0) | (columns > width // 2)
    rows = np.where(mirrored, -rows, rows) % height
    columns = np.where(mirrored, -columns, columns) % width
    patch = power[rows, columns].astype(np.float64)
    inner = patch[3:6, 3:6].sum()
    outer = patch.sum() - inner
    return float(np.log((inner / 9 + POWER_FLOOR) / (outer / 72 + POWER_FLOOR)))


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
    gain_y = (2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(height))).astype(np.float32)
    gain_x = (2 - 2 * np.cos(2 * np.pi * np.fft.rfftfreq(width))).astype(np.float32)
    over_x = (gain_y @ spectrum.power) * gain_x
    over_y = (spectrum.power @ (gain_x * spectrum.weight)) * gain_y
    along_x = scipy.fft.irfft(over_x.astype(np.float64), width)[: len(_LAGS) + 1]
    along_y = scipy.fft.ifft(over_y.astype(np.float64)).real[: len(_LAGS) + 1]
    rows = np.stack([along_x / height, along_y / width])
    if rows[:, 0].min() < MIN_VARIANCE:
        return np.full_like(rows, np.nan)
    return np.asarray(rows / rows[:, :1])
