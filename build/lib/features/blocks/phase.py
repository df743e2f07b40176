"""Phase coupling and the map of local sharpness."""

from __future__ import annotations

import numpy as np
import scipy.fft

from features.moments import F32, F64, MIN_VARIANCE, absent, log_level, shapes
from features.registry import block
from features.residuals import SAMPLE, row_stride
from features.signals import Signals

_SEGMENT = 64  # px
_MAX_SEGMENTS = 512
_FREQUENCIES = {"low": range(2, 6), "mid": range(6, 11), "high": range(11, 16)}  # cycles a segment
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
    gradients = (np.diff(rows, axis=1).reshape(1, -1), (below - rows).reshape(1, -1))
    tails = np.array([shapes(g)[1:] for g in gradients])[:, :, 0].T
    return np.concatenate(
        [bicoherence(luma), bicoherence(luma.T), tails.ravel(), _maps(signals), _landmark_ratios(signals)]
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
    lines = np.ascontiguousarray(rows[:, : per_row * _SEGMENT]).reshape(-1, _SEGMENT)
    lines = (lines - lines.mean(axis=1, keepdims=True)) * np.hanning(_SEGMENT).astype(np.float32)
    spectrum = scipy.fft.rfft(lines, axis=1)
    coherence = []
    for frequencies in _FREQUENCIES.values():
        squared = spectrum[:, frequencies.start : frequencies.stop] ** 2
        double = spectrum[:, 2 * frequencies.start : 2 * frequencies.stop : 2]
        coupled = np.abs((squared * double.conj()).sum(axis=0))
        norm = np.sqrt((np.abs(squared) ** 2).sum(axis=0) * (np.abs(double) ** 2).sum(axis=0))
        enough = norm > MIN_VARIANCE
        coherence.append(float((coupled[enough] / norm[enough]).mean()) if enough.any() else np.nan)
    return np.array(coherence)


def _cells(values: F32) -> F64:
    """Mean of each of the GRID × GRID cells of a picture."""
    height, width = (side // GRID for side in values.shape)
    cut = values[: height * GRID, : width * GRID].reshape(GRID, height, GRID, width)
    return np.asarray(cut.mean(axis=(1, 3)), dtype=np.float64)


def _maps(signals: Signals) -> F64:
    """Summaries of the maps of _MAPS."""
    fine, middle, coarse = (log_level(_cells(np.abs(band[..., 0]))) for band in signals.bands)
    red, blue = (_cells(np.abs(signals.bands[0][..., i])) for i in (1, 2))
    maps = (fine, fine - middle, middle - coarse, log_level(red + blue))
    return np.concatenate([_summary(values) for values in maps])


def _summary(values: F64) -> F64:
    """The numbers of _SUMMARY of a map (GRID, GRID)."""
    centre = values[1:3, 1:3].mean()
    rim = (values.sum() - 4 * centre) / 12
    return np.array(
        [
            values.std(),
            np.ptp(values),
            np.abs(values - values[:, ::-1]).mean(),
            centre - rim,
            values[2:].mean() - values[:2].mean(),
        ]
    )


def _landmark_ratios(signals: Signals) -> F64:
    """Log ratios of band magnitudes at eyes, mouth, nose to the cheeks; NaN without landmarks."""
    points = signals.landmarks
    if points is None:
        return np.full(2 * len(_LANDMARKS), np.nan)
    left, right, nose, mouth_left, mouth_right = points
    half = 0.22 * float(np.hypot(*((left + right) / 2 - (mouth_left + mouth_right) / 2)))
    cheeks = (0.35 * left + 0.65 * mouth_left, 0.35 * right + 0.65 * mouth_right)
    rows = []
    for band in signals.context_bands[:2]:
        means = [_window_mean(band[..., 0], p, half) for p in (left, right, nose, *cheeks)]
        mouth = sum(_window_mean(band[..., 0], p, half) for p in (mouth_left, mouth_right)) / 2
        eye, cheek = log_level((means[0] + means[1]) / 2), log_level((means[3] + means[4]) / 2)
        eyes_differ = np.abs(log_level(means[0]) - log_level(means[1]))
        rows.append([eye - cheek, log_level(mouth) - cheek, log_level(means[2]) - cheek, eyes_differ])
    return np.array(rows, dtype=np.float64).T.ravel()


def _window_mean(band: F32, point: F32, half: float) -> float:
    """Mean magnitude in a square window about a point; NaN below 16 px or outside the picture."""
    height, width = band.shape
    x, y = float(point[0]), float(point[1])
    x0, x1 = (int(min(max(x + reach, 0), width)) for reach in (-half, half))
    y0, y1 = (int(min(max(y + reach, 0), height)) for reach in (-half, half))
    if (x1 - x0) * (y1 - y0) < 16:
        return float("nan")
    return float(np.abs(band[y0:y1, x0:x1]).mean())
