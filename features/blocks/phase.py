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
_RANGE_STARTS = [frequencies.start - _F[0] for frequencies in _FREQUENCIES.values()]
_MAPS = ("fine", "fine_middle", "middle_coarse", "chroma_fine")
_SUMMARY = ("std", "range", "asymmetry", "centre", "below")
_LANDMARKS = ("eyes_cheeks", "mouth_cheeks", "nose_cheeks", "eyes_differ")
GRID = 4
_CENTRE_WEIGHTS = (
    np.pad(np.full((2, 2), 1 / 4 + 1 / 12), 1) - 1 / 12
)  # mean of the centre less that of the rim
_BELOW_WEIGHTS = np.repeat([-1 / 8, 1 / 8], 8).reshape(
    GRID, GRID
)  # mean of the lower half less that of the upper
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
    enough = norm > MIN_VARIANCE
    sums = np.add.reduceat(np.where(enough, coupled / np.maximum(norm, MIN_VARIANCE), 0.0), _RANGE_STARTS)
    counts = np.add.reduceat(enough, _RANGE_STARTS, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return sums / counts


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
    rows = np.add.reduce(np.abs(band[: height * GRID]).reshape(GRID, height, -1), axis=1)
    cells = (
        rows.reshape(GRID, -1, band.shape[2])[:, : width * GRID].reshape(GRID, GRID, width, -1).sum(axis=2)
    )
    return np.asarray(cells.transpose(2, 0, 1) / (height * width), dtype=np.float64)


def _maps(signals: Signals) -> F64:
    """Summaries of the maps of _MAPS."""
    fine, middle, coarse = signals.bands
    luma, *chroma = _cells(fine)
    levels = log_level([luma, *_cells(middle[..., :1]), *_cells(coarse[..., :1]), sum(chroma)])
    return _summaries(np.stack([levels[0], levels[0] - levels[1], levels[1] - levels[2], levels[3]])).ravel()


def _summaries(maps: F64) -> F64:
    """The numbers of _SUMMARY of maps (n, GRID, GRID); (n, 5)."""
    asymmetry = np.abs(maps - maps[:, :, ::-1]).reshape(len(maps), -1)
    cells = maps.reshape(len(maps), -1)
    centre_and_below = cells @ np.stack([_CENTRE_WEIGHTS, _BELOW_WEIGHTS], axis=-1).reshape(-1, 2)
    spread = cells.std(axis=1), np.ptp(cells, axis=1), asymmetry.mean(axis=1)
    return np.concatenate([np.stack(spread, axis=1), centre_and_below], axis=1)


def _landmark_ratios(signals: Signals) -> F64:
    """Log ratios of band magnitudes at eyes, mouth, nose to the cheeks; NaN without landmarks."""
    points = signals.landmarks
    if points is None:
        return np.full(2 * len(_LANDMARKS), np.nan)
    left, right, nose, mouth_left, mouth_right = points
    half = 0.22 * float(np.hypot(*((left + right) / 2 - (mouth_left + mouth_right) / 2)))
    cheeks = (0.35 * left + 0.65 * mouth_left, 0.35 * right + 0.65 * mouth_right)
    height, width = signals.context_bands[0].shape[:2]
    windows = [
        _window(point, half=half, height=height, width=width)
        for point in (left, right, nose, mouth_left, mouth_right, *cheeks)
    ]
    bands = signals.context_bands[:2]
    means = np.array([[_mean_size(band[window]) for window in windows] for band in bands])
    eye, mouth, cheek = (log_level(means[:, i : i + 2].mean(axis=1)) for i in (0, 3, 5))
    left_eye, right_eye, nose_tip = log_level(means[:, :3]).T
    return np.concatenate([eye - cheek, mouth - cheek, nose_tip - cheek, np.abs(left_eye - right_eye)])


def _window(point: F32, *, half: float, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a square about a point, as far as it lies in the picture."""
    x, y = point.tolist()
    columns, rows = (
        slice(*(int(min(max(at + reach, 0), side)) for reach in (-half, half)))
        for at, side in ((x, width), (y, height))
    )
    return rows, columns


def _mean_size(window: F32) -> float:
    """Mean magnitude of the first channel; NaN below 16 px."""
    if window.shape[0] * window.shape[1] < 16:
        return float("nan")
    return float(cv2.mean(np.abs(window))[0])


def _f32(values: NDArray[np.generic]) -> F32:
    return np.asarray(values, dtype=np.float32)
