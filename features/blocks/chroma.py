"""Colour in the residuals."""

from __future__ import annotations

import numpy as np

from features.moments import (
    F32,
    F64,
    MIN_VARIANCE,
    absent,
    correlations,
    mean_abs,
    mean_square,
    shapes,
    standardised,
    upper,
)
from features.registry import block
from features.residuals import BAND_SAMPLE, planes, row_stride, square_residual
from features.signals import Signals

_SCALES = ("fine", "middle", "coarse")
_SATURATION = ("mean", "ratio", "kurtosis")
COLUMNS = (
    *(f"corr_{scale}_{pair}" for scale in _SCALES for pair in ("y_cr", "y_cb", "cr_cb")),
    *(f"energy_{scale}_{plane}" for scale in _SCALES for plane in ("cr", "cb")),
    *(f"falloff_{plane}_{i}" for plane in ("y", "cr", "cb") for i in (1, 2)),
    *(f"shape_{scale}_{plane}" for scale in _SCALES for plane in ("y", "cr", "cb")),
    *(f"corr_rgb_{pair}" for pair in ("r_g", "r_b", "g_b")),
    *(f"lag_{plane}_{axis}" for plane in ("cr", "cb") for axis in ("x", "y")),
    *(f"saturation_{name}" for name in _SATURATION),
    "over_exposed",
    "under_exposed",
)


@block(
    name="chroma",
    columns=COLUMNS,
    source="McCloskey & Albright 2018, arXiv:1812.08247; Li et al. 2020, arXiv:1808.07276",
)
def chroma(signals: Signals) -> F32:
    """Correlation of colour planes in three bands, chroma energy against luma, colour of residuals.

    Bands are differences of box blurs of 1-3-7-15 px of Y, Cr, Cb. energy = log(var band(C) /
    var band(Y)); falloff = log variance of a band over the next coarser; shape = (E|b|)^2 / E b^2;
    corr_rgb = correlation of the 3×3 square residual of R, G, B; lag = correlation of fine chroma
    with its neighbour; saturation = max - min of the R, G, B residual over its mean magnitude, its
    moments; exposed = share of the pixels with a channel above 250 or all below 5.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face below 8 px, and for correlations and shapes of flat bands.

    References
    ----------
    McCloskey and Albright 2018, arXiv:1812.08247; Li et al. 2020, arXiv:1808.07276.
    """
    if min(signals.luma.shape) < 8:
        return absent(len(COLUMNS))
    rows = signals.band_rows
    second = mean_square(rows)
    variance = second + MIN_VARIANCE
    energy = np.log(variance[:, 1:] / variance[:, :1])
    falloff = np.log(variance[:-1] / variance[1:]).T
    shape = mean_abs(rows) ** 2 / np.where(second > MIN_VARIANCE, second, np.nan)
    step = row_stride(signals.luma.size, BAND_SAMPLE)
    rgb = planes(square_residual(signals.rgb)[1:-1:step, 1:-1])
    return np.concatenate(
        [
            upper(correlations(rows)).ravel(),
            energy.ravel(),
            falloff.ravel(),
            shape.ravel(),
            upper(correlations(rgb)),
            _lags(signals.bands[0]),
            _saturation(rgb),
            _exposed(signals),
        ]
    ).astype(np.float32)


def _lags(fine: F32) -> F64:
    """Correlation of the fine bands of Cr and Cb with their neighbours right and below; (4,)."""
    step = row_stride(fine.shape[0] * fine.shape[1], BAND_SAMPLE)
    # Planes of Cr and Cb, so that the pixels to the left and to the right are copied row by row.
    here, below = (np.moveaxis(rows, -1, 0)[1:].copy() for rows in (fine[:-1:step], fine[1::step]))
    couples = (here[..., :-1], here[..., 1:]), (here, below)
    unit = ([standardised(rows.reshape(2, -1)) for rows in couple] for couple in couples)
    return np.stack([np.vecdot(near, far) for near, far in unit], axis=1).astype(np.float64).ravel()


def _saturation(rgb: F32) -> F64:
    """Log mean, mean against mean magnitude, and log kurtosis of the residual's saturation."""
    spread = rgb.max(axis=0) - rgb.min(axis=0)
    level, _, kurtosis = shapes(spread[None])
    magnitude = float(np.abs(rgb).mean())
    ratio = float(spread.mean()) / magnitude if magnitude**2 > MIN_VARIANCE else np.nan
    return np.array([level[0], ratio, kurtosis[0]])


def _exposed(signals: Signals) -> list[float]:
    """Shares of the pixels with a channel above 250 and with all channels below 5."""
    red, green, blue = signals.channels
    brightest = np.maximum(np.maximum(red, green), blue)
    return [np.count_nonzero(exposed) / brightest.size for exposed in (brightest > 250, brightest < 5)]
