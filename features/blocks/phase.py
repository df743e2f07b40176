"""Phase coupling and the map of local sharpness."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from features.moments import F32, F64, MIN_VARIANCE, absent, log_level, shapes
from features.registry import block
from features.residuals import SAMPLE, row_stride
from features.signals import Signals

_SEGMENT = 64  # px
_MAX_SEGMENTS = 512
_FREQUENCIES = {"low": range(2, 6), "mid": range(6, 11), "high": range(11, 16)}  # cycles a segment
_F = np.arange(2, 16)  # all of them
_MAPS = ("fine", "fine_middle", "middle_coarse", "chroma_fine")
_SUMMARY = ("std", "range", "asymmetry", "centre", "below")
_LANDMARKS = ("eyes_cheeks", "mouth_cheeks", "nose_cheeks", "eyes_differ")
GRID = 4
COLUMNS = (
    *(f"bicoherence_{axis}_{name}" for axis in "xy" for name in _FREQUENCIES),
    *(f"gradient_{what}_{axis}" for what in ("shape", "kurtosis") for axis in "xy"),
    *(f"map_{name}_{what}" for name in _MAPS for what in _SUMMARY),
    *(f"landmark_{name}_{band}" for name in _LANDMARKS for band in ("fine", "middle")),
)


@block(
    name="phase",
    columns=COLUMNS,
    source="Farid 1999, MIT AI Memo 1657; Matern et al. 2019, doi:10.1109/WACVW.2019.00020",
)
def phase(signals: Signals) -> F32:
    """Bicoherence of lines, gradient tails, and how sharpness is spread over the face.

    bicoherence = |sum X(f) X(f) X*(2f)| / sqrt(sum |X(f) X(f)|^2 sum |X(2f)|^2) over windowed
    segments of 64 px, mean over f: quadratic phase coupling. gradient: (E|g|)^2 / E g^2 and log
    kurtosis. map: log mean magnitude of bands and of their ratios in 4×4 cells; std, range, mean
    |left - right|, centre against rim, below against above. landmark: log ratio of band magnitudes
    in windows at the landmarks, eyes_differ = |left - right|; synthesis fails first at eyes and mouth.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face below 16 px, bicoherence below 64 px, landmark without landmarks.

    References
    ----------
    Farid 1999, MIT AI Memo 1657; Matern et al. 2019, doi:10.1109/WACVW.2019.00020.
    """
    if not signals.large_enough:
        return absent(len(COLUMNS))
    luma = signals.luma
    step = row_stride(luma.size, SAMPLE)
    rows, below = luma[:-1:step], luma[1::step]
    gradients = (rows[:, 1:] - rows[:, :-1]).reshape(1, -1), (below - rows).reshape(1, -1)
    tails = np.array([shapes(g)[1:] for g in gradients])[:, :, 0].T
    return np.concatenate(
        [
            bicoherence(luma),
            bicoherence(_f32(cv2.transpose(luma))),
            tails.ravel(),
            _maps(signals),
            _landmark_ratios(signals),
        ]
    ).astype(np.float32)


def bicoherence(luma: F32) -> F64:
    """Mean bicoherence of (f, f) along the rows, for three ranges of f.

    Parameters
    ----------
    luma : float32 array, shape (H, W)
        Grey levels.

    Returns
    -------
    float64 array, shape (3,)
        In [0, 1], for f in 2-5, 6-10 and 11-15 cycles per 64 px; NaN below 64 px of width.

    References
    ----------
    Farid 1999, MIT AI Memo 1657.
    """
    per_row = luma.shape[1] // _SEGMENT
    if per_row == 0:
        return np.full(len(_FREQUENCIES), np.nan)
    rows = luma[:: max(luma.shape[0] * per_row // _MAX_SEGMENTS, 1)]
    lines = rows[:, : per_row * _SEGMENT].reshape(-1, _SEGMENT)
    real, imaginary = (_fourier_matrix() @ lines.T).reshape(2, 2, len(_F), -1)
    square_real, square_imaginary = real[0] ** 2 - imaginary[0] ** 2, 2 * real[0] * imaginary[0]  # X(f)^2
    coupled = np.hypot(
        np.vecdot(square_real, real[1]) + np.vecdot(square_imaginary, imaginary[1]),
        np.vecdot(square_imaginary, real[1]) - np.vecdot(square_real, imaginary[1]),
    )
    norm = np.sqrt(
        (np.vecdot(square_real, square_real) + np.vecdot(square_imaginary, square_imaginary))
        * (np.vecdot(real[1], real[1]) + np.vecdot(imaginary[1], imaginary[1]))
    )
    coherence = []
    for frequencies in _FREQUENCIES.values():
        chosen = slice(frequencies.start - _F[0], frequencies.stop - _F[0])
        enough = norm[chosen] > MIN_VARIANCE
        ratios = coupled[chosen][enough] / norm[chosen][enough]
        coherence.append(float(ratios.mean()) if enough.any() else np.nan)
    return np.array(coherence)


@lru_cache(maxsize=1)
def _fourier_matrix() -> F32:
    """X(f) and X(2f) of a segment about its mean under a Hann window, f in _F: (2 parts × 2 × len(_F), _SEGMENT)."""
    frequencies = np.concatenate([_F, 2 * _F])
    angle = 2 * np.pi / _SEGMENT * frequencies[:, None] * np.arange(_SEGMENT)
    rows = np.concatenate([np.cos(angle), -np.sin(angle)]) * np.hanning(_SEGMENT)
    return _f32(rows - rows.mean(axis=1, keepdims=True))


def _cells(band: F32) -> F64:
    """Mean magnitude in each of the GRID × GRID cells, by channel; (C, GRID, GRID)."""
    height, width = (side // GRID for side in band.shape[:2])
    sizes = np.abs(band[: height * GRID]).reshape(GRID, height, -1)
    columns = sizes.mean(axis=1).reshape(GRID, -1, band.shape[2])[:, : width * GRID]
    cells = columns.reshape(GRID, GRID, width, -1).mean(axis=2)
    return np.asarray(cells.transpose(2, 0, 1), dtype=np.float64)


def _maps(signals: Signals) -> F64:
    """Summaries of the maps of _MAPS."""
    fine, middle, coarse = (_cells(band) for band in signals.bands)
    levels = log_level([fine[0], middle[0], coarse[0], fine[1] + fine[2]])
    return _summaries(np.stack([levels[0], levels[0] - levels[1], levels[1] - levels[2], levels[3]])).ravel()


def _summaries(maps: F64) -> F64:
    """The numbers of _SUMMARY of maps (n, GRID, GRID); (n, 5)."""
    both = (1, 2)
    centre = maps[:, 1:3, 1:3].mean(axis=both)
    rim = (maps.sum(axis=both) - 4 * centre) / 12
    values = (
        maps.std(axis=both),
        np.ptp(maps, axis=both),
        np.abs(maps - maps[:, :, ::-1]).mean(axis=both),
        centre - rim,
        maps[:, 2:].mean(axis=both) - maps[:, :2].mean(axis=both),
    )
    return np.stack(values, axis=1)


def _landmark_ratios(signals: Signals) -> F64:
    """Log ratios of band magnitudes at eyes, mouth, nose to the cheeks; NaN without landmarks."""
    points = signals.landmarks
    if points is None:
        return np.full(2 * len(_LANDMARKS), np.nan)
    left, right, nose, mouth_left, mouth_right = points
    half = 0.22 * float(np.hypot(*((left + right) / 2 - (mouth_left + mouth_right) / 2)))
    cheeks = (0.35 * left + 0.65 * mouth_left, 0.35 * right + 0.65 * mouth_right)
    windows = (left, right, nose, mouth_left, mouth_right, *cheeks)
    means = np.array(
        [[_window_mean(band[..., 0], p, half) for p in windows] for band in signals.context_bands[:2]]
    )
    pairs = means[:, :2], means[:, 3:5], means[:, 5:]
    eye, mouth, cheek, nose_level = log_level([*(pair.mean(axis=1) for pair in pairs), means[:, 2]])
    left_eye, right_eye = log_level(means[:, :2]).T
    return np.concatenate([eye - cheek, mouth - cheek, nose_level - cheek, np.abs(left_eye - right_eye)])


def _window_mean(band: F32, point: F32, half: float) -> float:
    """Mean magnitude in a square window about a point; NaN below 16 px or outside the picture."""
    height, width = band.shape
    x, y = float(point[0]), float(point[1])
    x0, x1 = (int(min(max(x + reach, 0), width)) for reach in (-half, half))
    y0, y1 = (int(min(max(y + reach, 0), height)) for reach in (-half, half))
    if (x1 - x0) * (y1 - y0) < 16:
        return float("nan")
    return float(np.abs(band[y0:y1, x0:x1]).mean())


def _f32(values: NDArray[np.generic]) -> F32:
    return np.asarray(values, dtype=np.float32)
