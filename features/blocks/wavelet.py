"""Wavelet sub-bands."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pywt

from features.moments import F32, F64, absent, correlations, shapes, standardised, upper
from features.registry import block
from features.signals import Signals

N_LEVELS = 4
_FILTERS = tuple(
    np.array(taps[::-1], dtype=np.float32)[:, None]
    for taps in (pywt.Wavelet("db4").dec_lo, pywt.Wavelet("db4").dec_hi)
)
MIN_BAND = 8  # px a side: smaller sub-bands have too few coefficients
_BANDS = ("h", "v", "d")
_LEVELS = tuple(range(1, N_LEVELS + 1))
COLUMNS = (
    *(f"{what}_{n}{b}" for n in _LEVELS for what in ("level", "shape", "kurtosis") for b in _BANDS),
    *(f"{pair}_{n}" for n in _LEVELS for pair in ("h_v", "h_d", "v_d")),
    *(f"scale_{n}_{n + 1}_{b}" for n in _LEVELS[:-1] for b in _BANDS),
)


def frequency(column: str) -> float | None:
    """Middle of the octave that a column is computed from, cycles/px; None where it compares two.

    Parameters
    ----------
    column : str
        One of `COLUMNS`.

    Returns
    -------
    float or None
    """
    found = re.fullmatch(r"(?:level|shape|kurtosis)_(\d)([hvd])|(?:h_v|h_d|v_d)_(\d)", column)
    if found is None:
        return None
    octave = 0.75 * 0.5 ** int(found[1] or found[3])  # level n holds 2^-(n+1) to 2^-n
    return float(octave * (2**0.5 if found[2] == "d" else 1))


@block(
    name="wavelet",
    columns=COLUMNS,
    source="Mallat 1989, doi:10.1109/34.192463; Farid & Lyu 2003, doi:10.1109/CVPRW.2003.10093",
)
def wavelet(signals: Signals) -> F32:
    """Energy, shape and kurtosis of wavelet sub-bands, and their dependence across them.

    Daubechies-4, four levels, bands h (horizontal edges), v, d. level = log mean |w|, less the mean
    of the three bands of level 2 (level 1 where there is no level 2); shape = (E|w|)^2 / E w^2
    (1/2 Laplace, 2/pi Gauss); kurtosis = log(E w^4 / (E w^2)^2); h_v, h_d, v_d = correlation of |w|
    between bands; scale = correlation of |w| with |w| of the next coarser level at the same place.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face below 16 px, and on levels whose bands are below 8 px.

    References
    ----------
    Mallat 1989, doi:10.1109/34.192463; Farid and Lyu 2003, doi:10.1109/CVPRW.2003.10093.
    """
    if not signals.large_enough:
        return absent(len(COLUMNS))
    magnitudes = [np.abs(bands) for bands in _details(signals.centred)]
    moments = np.full((N_LEVELS, 3, 3), np.nan)
    between = np.full((N_LEVELS, 3), np.nan)
    scales = np.full((N_LEVELS - 1, 3), np.nan)
    for n, bands in enumerate(magnitudes):
        rows = bands.reshape(3, -1)
        moments[n] = shapes(rows)  # the same of |w| as of w
        between[n] = upper(correlations(rows))
        if n:
            scales[n - 1] = _across(magnitudes[n - 1], bands)
    moments[:, 0] -= moments[min(1, len(magnitudes) - 1), 0].mean() if magnitudes else np.nan
    return np.concatenate([moments.ravel(), between.ravel(), scales.ravel()]).astype(np.float32)


def _details(approximation: F32) -> list[F32]:
    """Detail bands of each level, finest first, float32 (3, H, W), as many as fit."""
    details: list[F32] = []
    while len(details) < N_LEVELS and min(approximation.shape) >= 2 * MIN_BAND:
        approximation, bands = transform(approximation)
        details.append(bands)
    return details


def transform(picture: F32) -> tuple[F32, F32]:
    """One level of the periodised Daubechies-4 transform.

    Parameters
    ----------
    picture : float32 array, shape (H, W)
        Grey levels; H and W at least 4.

    Returns
    -------
    approximation : float32 array, shape (ceil(H / 2), ceil(W / 2))
        Low-pass in both directions.
    details : float32 array, shape (3, ceil(H / 2), ceil(W / 2))
        Bands h, v, d.

    Notes
    -----
    Equal to `pywt.dwt2`. OpenCV filters every row and half of them are dropped, which takes half the time all the same.
    """
    # Low-pass above high-pass, turned, so that the rows are filtered like the columns and both at once.
    across = cv2.transpose(np.concatenate(_halves(picture)))
    low, high = (
        np.asarray(cv2.transpose(half), dtype=np.float32)
        for half in _halves(np.asarray(across, dtype=np.float32))
    )
    height = len(low) // 2
    return low[:height], np.stack([low[height:], high[:height], high[height:]])


def _halves(picture: F32) -> tuple[F32, F32]:
    """Low-pass and high-pass down the columns, every second row of it."""
    if len(picture) % 2:
        picture = np.concatenate([picture, picture[-1:]])
    reach = len(_FILTERS[0]) // 2
    periodised = cv2.copyMakeBorder(picture, reach, reach, 0, 0, cv2.BORDER_WRAP)
    low, high = (cv2.filter2D(periodised, cv2.CV_32F, taps)[reach + 1 : -reach + 1 : 2] for taps in _FILTERS)
    return np.asarray(low, dtype=np.float32), np.asarray(high, dtype=np.float32)


def _across(fine: F32, coarse: F32) -> F64:
    """Correlation of magnitudes, fine ones pooled 2×2, with the coarser level, by band; (3,)."""
    height, width = fine.shape[1] // 2, fine.shape[2] // 2
    rows = np.empty((2, 3, height, width), dtype=np.float32)
    for pooled, band in zip(rows[0], fine, strict=True):
        cv2.resize(band[: 2 * height, : 2 * width], (width, height), dst=pooled, interpolation=cv2.INTER_AREA)
    rows[0] *= 4  # sums of 2×2, not means
    rows[1] = coarse[:, :height, :width]
    children, parents = standardised(rows.reshape(2, 3, -1))
    return np.vecdot(children, parents).astype(np.float64)
