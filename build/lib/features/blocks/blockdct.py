"""Statistics of 8×8 block DCT coefficients."""

from __future__ import annotations

import numpy as np

from features.moments import F32, F64, absent, shapes
from features.registry import block
from features.signals import Signals

_ZIGZAG = sorted(
    ((u, v) for u in range(8) for v in range(8)),
    key=lambda p: (p[0] + p[1], p[0] if (p[0] + p[1]) % 2 else p[1]),
)
_ROWS = np.array([8 * u + v for u, v in _ZIGZAG])
_DIAGONAL = np.array([u + v for u, v in _ZIGZAG])
N_SINGLE = 20  # AC coefficients reported one by one; the others by anti-diagonal
_POOLED = {"d6": (6, 6), "d7": (7, 7), "d8": (8, 8), "d9": (9, 9), "d10": (10, 11), "d12": (12, 14)}
_BENFORD = {"first": (1, 6), "second": (6, 15), "third": (15, 28)}  # zig-zag positions
_DIGITS = np.log10(1 + 1 / np.arange(1, 10))
_TAILS = (1, 2, 4, 6, 9, 12)  # anti-diagonals whose kurtosis is reported
COLUMNS = (
    *(f"scale_{i:02d}" for i in range(1, N_SINGLE + 1)),
    *(f"scale_{name}" for name in _POOLED),
    *(f"shape_{d:02d}" for d in range(1, 15)),
    *(f"kurtosis_{d:02d}" for d in _TAILS),
    *(f"digits_{name}" for name in _BENFORD),
)


def cells(column: str) -> list[tuple[int, int]]:
    """Coefficients that a column is computed from.

    Parameters
    ----------
    column : str
        One of `COLUMNS`.

    Returns
    -------
    list of (int, int)
        Vertical and horizontal frequency, 0 to 7, in half cycles per block.
    """
    what, _, which = column.partition("_")
    if what == "digits":
        return _ZIGZAG[slice(*_BENFORD[which])]
    if what == "scale" and which not in _POOLED:
        return [_ZIGZAG[int(which)]]
    first, last = _POOLED[which] if what == "scale" else (int(which), int(which))
    return [cell for cell in _ZIGZAG if first <= sum(cell) <= last]


def frequency(column: str) -> float:
    """Mean frequency of the coefficients that a column is computed from, cycles/px.

    Parameters
    ----------
    column : str
        One of `COLUMNS`.

    Returns
    -------
    float
    """
    return float(np.hypot(*np.array(cells(column), dtype=np.float64).T).mean() / 16)


@block(
    name="blockdct",
    columns=COLUMNS,
    source="Lam & Goodman 2000, doi:10.1109/83.869177; Fu et al. 2007, doi:10.1117/12.704723",
)
def blockdct(signals: Signals) -> F32:
    """Scale, shape and first digits of 8×8 DCT coefficients, by zig-zag position.

    scale = log mean |c| (the Laplacian's maximum-likelihood scale) minus its mean over all AC
    coefficients; shape = (E|c|)^2 / E c^2 and kurtosis = log(E c^4 / (E c^2)^2), means over an
    anti-diagonal; digits = Kullback-Leibler divergence of the first digits of |c| >= 1 from
    Benford's log10(1 + 1/d). JPEG rounds coefficients of blocks on its grid; the blocks read here
    lie (4, 4) px off that grid and scales are ratios between frequencies, so these numbers speak of
    the picture's spectrum, not of quantisation tables, whose comb is never looked for.

    Parameters
    ----------
    signals : Signals
        Of one face.

    Returns
    -------
    float32 array, shape (len(COLUMNS),)
        No unit; NaN for a face below 16 px; digits also NaN below 100 coefficients of at least 1 grey level.

    References
    ----------
    Lam and Goodman 2000, doi:10.1109/83.869177; Fu, Shi and Su 2007, doi:10.1117/12.704723.
    """
    if signals.block_dct is None:
        return absent(len(COLUMNS))
    coefficients = signals.block_dct[_ROWS]
    level, shape, kurtosis = shapes(coefficients)
    level = level - level[1:].mean()
    pooled = [level[(a <= _DIAGONAL) & (b >= _DIAGONAL)].mean() for a, b in _POOLED.values()]
    digits = [benford(coefficients[a:b]) for a, b in _BENFORD.values()]
    tails = _by_diagonal(kurtosis)[np.array(_TAILS) - 1]
    values = [level[1 : N_SINGLE + 1], pooled, _by_diagonal(shape), tails, digits]
    return np.concatenate(values).astype(np.float32)


def _by_diagonal(values: F64) -> F64:
    """Mean of 64 zig-zag values on each of the anti-diagonals 1-14."""
    sums = np.bincount(_DIAGONAL, values, 15)
    return np.asarray((sums / np.bincount(_DIAGONAL, minlength=15))[1:])


def benford(values: F32) -> float:
    """Kullback-Leibler divergence of first digits from Benford's law.

    Parameters
    ----------
    values : float32 array, any shape
        Coefficients, grey levels; those with a magnitude below 1 are left out.

    Returns
    -------
    float
        Nats; NaN below 100 values.

    References
    ----------
    Fu, Shi and Su 2007, doi:10.1117/12.704723.
    """
    magnitudes = np.abs(values).ravel()
    magnitudes = magnitudes[magnitudes >= 1]
    if magnitudes.size < 100:
        return np.nan
    decades = np.where(magnitudes >= 100, np.where(magnitudes >= 1000, 1e-3, 1e-2), 0.1)
    digits = (magnitudes * np.where(magnitudes >= 10, decades, 1.0)).astype(np.intp)
    counts = np.bincount(np.clip(digits, 1, 9), minlength=10)[1:].astype(np.float64)
    share = (counts + 0.5) / (counts.sum() + 4.5)
    return float((share * np.log(share / _DIGITS)).sum())
