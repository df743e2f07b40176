"""Contrast between a face, its border and its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.moments import F32, F64, LOG_FLOOR, absent
from features.registry import block
from features.residuals import BAND_SAMPLE, planes, row_stride, square_residual
from features.signals import Signals

_ENERGY = ("residual", "fine", "middle", "coarse", "chroma_fine", "chroma_middle")
_MEASURES = (*_ENERGY, "fine_middle", "middle_coarse", "noise", "luma", "cr", "cb")
_PAIRS = {
    "inner_ring": (0, 2),
    "inner_around": (0, 3),
    "border_inner": (1, 0),
}
MIN_PIXELS = 400  # a region with fewer is not measured
COLUMNS = tuple(f"{pair}_{measure}" for pair in _PAIRS for measure in _MEASURES)


@block(
    name="contrast",
    columns=COLUMNS,
    source="Li et al. 2020, arXiv:1912.13458; Immerkaer 1996, doi:10.1006/cviu.1996.0060",
)
def contrast(signals: Signals) -> F32:
    """Noise, sharpness, spectrum and colour of the inner face against its border and surroundings.

    Regions: inner (an ellipse through brows and chin, by the landmarks, or centred without them,
    shrunk to 85 %), border (the ellipse's rim, 85-115 %), ring (the rest of the face's cut), around
    (the picture outside that cut). Energies = log ratio of mean magnitudes: square residual, three
    bands of luma, two of chroma; fine_middle and middle_coarse = difference of their log ratios;
    noise = log ratio of the median |residual|, a robust form of Immerkaer's estimate; luma, cr, cb =
    difference of means. A swapped face brings along the noise and the edge of the picture that it
    comes from.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        Log ratios, and grey levels for luma, cr and cb; NaN where a region has fewer than 400 px.

    References
    ----------
    Li et al. 2020, arXiv:1912.13458; Immerkaer 1996, doi:10.1006/cviu.1996.0060.
    """
    height, width = signals.context_ycc.shape[:2]
    if min(height, width) < 8:
        return absent(len(COLUMNS))
    table = _measures(signals)
    rows = [_compare(table[a], table[b]) for a, b in _PAIRS.values()]
    return np.concatenate(rows).astype(np.float32)


def regions(signals: Signals) -> NDArray[np.uint8]:
    """Region of each pixel of the face with its surroundings.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    uint8 array, shape (H, W)
        0 inner, 1 border, 2 ring, 3 around.
    """
    x0, y0, x1, y1 = signals.face_rectangle
    labels = np.full(signals.context_ycc.shape[:2], 3, dtype=np.uint8)
    labels[y0:y1, x0:x1] = 2
    centre, axes, angle = _ellipse(signals)
    for scale, label in ((1.15, 1), (0.85, 0)):
        box = (centre, (axes[0] * scale, axes[1] * scale), angle)
        cv2.ellipse(labels, box, label, -1)
    return labels


def _ellipse(signals: Signals) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Centre, full axes (across, along) in px and angle in degrees of the face's ellipse.

    Along: from 0.6 of the distance eyes-mouth above the eyes to 0.75 of it below the mouth.
    """
    x0, y0, x1, y1 = signals.face_rectangle
    points = signals.landmarks
    if points is not None:
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        down = mouth - eyes
        length = float(np.hypot(*down))
        if 2.0 < length < 2 * max(x1 - x0, y1 - y0):
            centre = eyes + 0.575 * down
            eye_distance = float(np.hypot(*(points[1] - points[0])))
            across = min(max(2.1 * eye_distance, 1.6 * length), 2.6 * length)
            angle = float(np.degrees(np.arctan2(down[1], down[0]))) - 90.0
            return (float(centre[0]), float(centre[1])), (across, 2.35 * length), angle
    return ((x0 + x1) / 2, (y0 + y1) / 2), (0.7 * (x1 - x0), 0.85 * (y1 - y0)), 0.0


def _measures(signals: Signals) -> F64:
    """Six mean magnitudes, median |residual| and three mean colours by region; (4, 10), or NaN.

    Read on every k-th row of a large picture.
    """
    step = row_stride(signals.context_ycc.shape[0] * signals.context_ycc.shape[1], BAND_SAMPLE)
    masks = regions(signals)[::step].ravel() == np.arange(4, dtype=np.uint8)[:, None]
    counts = np.count_nonzero(masks, axis=1)
    colour = planes(signals.context_ycc[::step])
    fine, middle, coarse = (np.abs(planes(band[::step])) for band in signals.context_bands)
    luma = np.asarray(cv2.extractChannel(signals.context_ycc, 0), dtype=np.float32)
    residual = np.abs(square_residual(luma)[::step].ravel())
    weights = masks.astype(np.float32)[:, None]
    (energy,), fine, middle, coarse, colour = (  # measures × regions
        np.vecdot(rows, weights).T.astype(np.float64) / np.maximum(counts, 1)
        for rows in (residual[None], fine, middle, coarse, colour)
    )
    table = np.array(
        [energy, fine[0], middle[0], coarse[0], fine[1] + fine[2], middle[1] + middle[2], energy, *colour]
    ).T
    noise = 6
    for k in range(4):
        if counts[k] and counts[k] * step >= MIN_PIXELS:
            table[k, noise] = _median(residual[masks[k]])
        else:
            table[k] = np.nan
    return table


def _median(values: F32) -> float:
    """Median: `np.median` without its checks, which take most of its time."""
    half = len(values) // 2
    values = np.partition(values, half)
    lower = values[half] if len(values) % 2 else values[:half].max()
    return float((lower + values[half]) / 2)


def _compare(region: F64, reference: F64) -> F64:
    """The measures of _MEASURES of one region against another."""
    ratio = np.log(region[:7] + LOG_FLOOR) - np.log(reference[:7] + LOG_FLOOR)
    between_bands = [ratio[1] - ratio[2], ratio[2] - ratio[3]]
    return np.concatenate([ratio[:6], between_bands, ratio[6:7], region[7:] - reference[7:]])
