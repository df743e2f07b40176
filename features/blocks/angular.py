"""Angular power spectrum."""

from __future__ import annotations

import numpy as np

from features.moments import F32, absent
from features.power_spectrum import N_SECTORS, RINGS_PER_CYCLE
from features.registry import block
from features.signals import Signals

_EDGES = (3 / 64, 1 / 8, 1 / 4, 3 / 8, 1 / 2)  # cycles/px
_CUTS = tuple(round(edge * RINGS_PER_CYCLE) for edge in _EDGES)
_BANDS = ("low", "mid", "upper", "top")
_DEGREES = tuple(15 * i for i in range(N_SECTORS))
_SUMMARY = ("spread", "axes_vs_diagonal", "horizontal_vs_vertical")
COLUMNS = (
    *(f"{band}_{degree:02d}" for band in _BANDS for degree in _DEGREES),
    *(f"{band}_{name}" for band in _BANDS for name in _SUMMARY),
)


def frequency(column: str) -> float:
    """Middle of the ring that a column is computed from, cycles/px.

    Parameters
    ----------
    column : str
        One of `COLUMNS`.

    Returns
    -------
    float
    """
    ring = _BANDS.index(column.partition("_")[0])
    return (_EDGES[ring] + _EDGES[ring + 1]) / 2


@block(name="angular", columns=COLUMNS, source="Wang et al. 2020, arXiv:1912.11035")
def angular(signals: Signals) -> F32:
    """Log power by direction in rings of frequency, its spread, and axes against diagonals.

    band_d = mean log P over the ring's sector within 7.5 degrees of d (0 = horizontal frequencies,
    mirrored about both axes) minus the ring's mean; spread = standard deviation over sectors;
    axes_vs_diagonal = (band_00 + band_90) / 2 - band_45; horizontal_vs_vertical = band_00 -
    band_90. Up-sampling leaves artefacts in some directions.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        Natural log of power; NaN for a face below 16 px, and where a sector is empty.

    References
    ----------
    Wang et al. 2020, arXiv:1912.11035.
    """
    spectrum = signals.spectrum
    if spectrum is None:
        return absent(len(COLUMNS))
    sums, counts = (
        np.add.reduceat(table, _CUTS[:-1], axis=0)
        for table in (spectrum.sums[: _CUTS[-1]], spectrum.counts[: _CUTS[-1]])
    )
    with np.errstate(invalid="ignore"):
        rings = sums / counts - (sums.sum(1) / counts.sum(1))[:, None]
    horizontal, diagonal, vertical = rings[:, 0], rings[:, N_SECTORS // 2], rings[:, -1]
    summary = (rings.std(1), (horizontal + vertical) / 2 - diagonal, horizontal - vertical)
    return np.concatenate([rings.ravel(), np.stack(summary, axis=1).ravel()]).astype(np.float32)
