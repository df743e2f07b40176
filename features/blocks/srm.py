"""Rich-model residuals."""

from __future__ import annotations

from itertools import chain, product

import cv2
import numpy as np
from numpy.typing import NDArray

from features.moments import F32, F64, MIN_VARIANCE, absent, shapes
from features.registry import block
from features.residuals import SAMPLE, row_stride
from features.signals import Signals

_KV: F32 = np.array(
    [
        [-1, 2, -2, 2, -1],
        [2, -6, 8, -6, 2],
        [-2, 8, -12, 8, -2],
        [2, -6, 8, -6, 2],
        [-1, 2, -2, 2, -1],
    ],
    dtype=np.float32,
) / np.float32(12)
_KERNELS: dict[str, NDArray[np.float32]] = {
    "first_x": np.array([[0, -1, 1]], dtype=np.float32),
    "first_y": np.array([[0, -1, 1]], dtype=np.float32).T,
    "second_x": np.array([[0.5, -1, 0.5]], dtype=np.float32),
    "second_y": np.array([[0.5, -1, 0.5]], dtype=np.float32).T,
    "kv": _KV,
}
_RESIDUALS = (*_KERNELS, "square")
TRUNCATION = 2  # residuals are quantised to -TRUNCATION..TRUNCATION
_LEVELS = 2 * TRUNCATION + 1


def _classes() -> tuple[list[str], NDArray[np.intp]]:
    """Names of the classes of triples under sign and direction, and the class of each triple."""
    names: dict[tuple[int, int, int], int] = {}
    members = []
    for a, b, c in product(range(-TRUNCATION, TRUNCATION + 1), repeat=3):
        key = max((a, b, c), (c, b, a), (-a, -b, -c), (-c, -b, -a))
        members.append(names.setdefault(key, len(names)))
    labels = ["".join("mnzpq"[v + TRUNCATION] for v in key) for key in names]
    return labels, np.array(members)


_LABELS, _MEMBERS = _classes()
COLUMNS = (
    *(f"level_{name}" for name in _RESIDUALS),
    *(f"shape_{name}" for name in _RESIDUALS),
    *(f"kurtosis_{name}" for name in _RESIDUALS),
    *(f"triple_{label}" for label in _LABELS),
)


@block(
    name="srm",
    columns=COLUMNS,
    source="Fridrich & Kodovsky 2012, doi:10.1109/TIFS.2012.2190402",
)
def srm(signals: Signals) -> F32:
    """Moments of six high-pass residuals and co-occurrences of the square one.

    Residuals of the luma: first and second differences, the 3×3 square and 5×5 KV kernels, each
    over its central weight. level = log mean |r|, less the square's (for the square itself: not);
    shape = (E|r|)^2 / E r^2; kurtosis = log(E r^4 / (E r^2)^2). triple_abc = log share of three
    neighbours in a row or column with values abc of clip(round(r / mean |r|), -2, 2), written
    m n z p q for -2..2, pooled over sign and direction, minus the log share of independent ones.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face of fewer than 100 px, and for shapes and triples of flat residuals.

    References
    ----------
    Fridrich and Kodovsky 2012, doi:10.1109/TIFS.2012.2190402.
    """
    square = signals.high_pass
    if square is None or square.size < 100:
        return absent(len(COLUMNS))
    step = row_stride(square.size, SAMPLE)
    # One after the other: three are larger than the cache.
    others = (cv2.filter2D(signals.luma, cv2.CV_32F, k)[2:-2:step, 2:-2] for k in _KERNELS.values())
    rows = (np.asarray(residual, dtype=np.float32).ravel() for residual in chain(others, [square[::step]]))
    moments = np.array([shapes(row) for row in rows]).T  # level, shape, kurtosis × residual
    moments[0, :-1] -= moments[0, -1]
    return np.concatenate([moments.ravel(), triples(square)]).astype(np.float32)


def triples(residual: F32) -> F64:
    """Log shares of the classes of quantised triples over those of independent values.

    Parameters
    ----------
    residual : float32 array, shape (H, W)
        Grey levels.

    Returns
    -------
    float64 array, shape (39,)
        One number a class, sign and direction pooled; NaN where the residual is flat.

    References
    ----------
    Fridrich and Kodovsky 2012, doi:10.1109/TIFS.2012.2190402.
    """
    step = float(np.abs(residual).mean())
    if step**2 < MIN_VARIANCE:
        return np.full(len(_LABELS), np.nan)
    values = (
        np.clip(np.rint(residual * np.float32(1 / step)), -TRUNCATION, TRUNCATION).astype(np.int8)
        + TRUNCATION
    )
    levels = np.ascontiguousarray(values, dtype=np.uint8)
    first, second = levels * _LEVELS**2, levels * _LEVELS
    across = first[:, :-2] + second[:, 1:-1] + levels[:, 2:]
    down = first[:-2] + second[1:-1] + levels[2:]
    counts = _histogram(across) + _histogram(down)
    single = _histogram(levels)[:_LEVELS] + 0.5
    single = (single + single[::-1]) / (2 * single.sum())
    expected = np.multiply.outer(np.multiply.outer(single, single), single).ravel()
    pooled = np.bincount(_MEMBERS, counts[: _LEVELS**3], len(_LABELS))
    chance = np.bincount(_MEMBERS, expected, len(_LABELS))
    return np.asarray(np.log((pooled / counts.sum() + 1e-6) / (chance + 1e-6)))


def _histogram(values: NDArray[np.uint8]) -> F64:
    histogram = cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256])
    return np.asarray(histogram, dtype=np.float64).ravel()
