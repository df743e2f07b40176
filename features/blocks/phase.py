"""Phase coupling and the map of local sharpness."""

from __future__ import annotations

import numpy as np
import scipy.fft

from features.moments import F32, F64, MIN_VARIANCE, absent, log_level, shapes
from features.registry import block
from features.signals import SAMPLE, Signals, stride

_SEGMENT = 64  # px
_MAX_SEGMENTS = 512
_PAIRS = {"low": range(2, 6), "mid": range(6, 11), "high": range(11, 16)}  # cycles a segment
_MAPS = ("fine", "fine_middle", "middle_coarse", "chroma_fine")
_SUMMARY = ("std", "range", "asymmetry", "centre", "below")
_PARTS = ("eyes_cheeks", "mouth_cheeks", "nose_cheeks", "eyes_differ")
GRID = 4
COLUMNS = (
    *(f"bicoherence_{axis}_{name}" for axis in "xy" for name in _PAIRS),
    *(f"gradient_{what}_{axis}" for what in ("shape", "kurtosis") for axis in "xy"),
    *(f"map_{name}_{what}" for name in _MAPS for what in _SUMMARY),
    *(f"part_{name}_{band}" for name in _PARTS for band in ("fine", "middle")),
)


@block(
    name="phase",
    columns=COLUMNS,
    version=1,
    source="Farid 1999, MIT AI Memo 1657; Matern et al. 2019, doi:10.1109/WACVW.2019.00020",
)
def phase(signals: Signals) -> F32:
    """Bicoherence of lines, gradient tails, and how sharpness is spread over the face.

    bicoherence = |sum X(f) X(f) X*(2f)| / sqrt(sum |X(f) X(f)|^2 sum |X(2f)|^2) over windowed
    segments of 64 px, mean over f: quadratic phase coupling (Farid 1999, AI Memo 1657). gradient:
    (E|g|)^2 / E g^2 and log kurtosis. map: log mean magnitude of bands and of their ratios in 4×4
    cells; std, range, mean |left - right|, centre against rim, below against above. part: log ratio
    of band magnitudes in windows at the landmarks, eyes_differ = |left - right| (eyes and mouth are
    where synthesis fails first: Matern et al. 2019, doi:10.1109/WACVW.2019.00020).
    """
    if not signals.large_enough:
        return absent(len(COLUMNS))
    luma = signals.luma
    step = stride(luma.size, SAMPLE)
    rows, below = luma[:-1:step], luma[1::step]
    gradients = (np.diff(rows, axis=1).reshape(1, -1), (below - rows).reshape(1, -1))
    tails = np.array([shapes(g)[1:] for g in gradients])[:, :, 0].T
    return np.concatenate(
        [bicoherence(luma), bicoherence(luma.T), tails.ravel(), _maps(signals), _parts(signals)]
    ).astype(np.float32)


def bicoherence(luma: F32) -> F64:
    """Mean bicoherence (f, f) in each of _PAIRS along the rows, in [0, 1]; NaN for narrow pictures.

    luma : float32 (H, W).
    """
    per_row = luma.shape[1] // _SEGMENT
    if per_row == 0:
        return np.full(len(_PAIRS), np.nan)
    rows = luma[:: max(luma.shape[0] * per_row // _MAX_SEGMENTS, 1)]
    lines = np.ascontiguousarray(rows[:, : per_row * _SEGMENT]).reshape(-1, _SEGMENT)
    lines = (lines - lines.mean(axis=1, keepdims=True)) * np.hanning(_SEGMENT).astype(np.float32)
    spectrum = scipy.fft.rfft(lines, axis=1)
    result = []
    for frequencies in _PAIRS.values():
        one = spectrum[:, frequencies.start : frequencies.stop] ** 2
        double = spectrum[:, 2 * frequencies.start : 2 * frequencies.stop : 2]
        top = np.abs((one * double.conj()).sum(axis=0))
        norm = np.sqrt((np.abs(one) ** 2).sum(axis=0) * (np.abs(double) ** 2).sum(axis=0))
        enough = norm > MIN_VARIANCE
        result.append(float((top[enough] / norm[enough]).mean()) if enough.any() else np.nan)
    return np.array(result)


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


def _parts(signals: Signals) -> F64:
    """Log ratios of band magnitudes at eyes, mouth, nose to the cheeks; NaN without landmarks."""
    points = signals.landmarks
    if points is None:
        return np.full(2 * len(_PARTS), np.nan)
    left, right, nose, mouth_left, mouth_right = points
    half = 0.22 * float(np.hypot(*((left + right) / 2 - (mouth_left + mouth_right) / 2)))
    cheeks = (0.35 * left + 0.65 * mouth_left, 0.35 * right + 0.65 * mouth_right)
    rows = []
    for band in signals.context_bands[:2]:
        at = [_window_mean(band[..., 0], p, half) for p in (left, right, nose, *cheeks)]
        mouth = sum(_window_mean(band[..., 0], p, half) for p in (mouth_left, mouth_right)) / 2
        eye, cheek = log_level((at[0] + at[1]) / 2), log_level((at[3] + at[4]) / 2)
        differ = np.abs(log_level(at[0]) - log_level(at[1]))
        rows.append([eye - cheek, log_level(mouth) - cheek, log_level(at[2]) - cheek, differ])
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
