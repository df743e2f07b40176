"""Statistics of 8×8 block DCT coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.moments import F32, F64, absent, shapes
from features.registry import block
from features.signals import Signals

_ZIGZAG = sorted(
    ((u, v) for u in range(8) for v in range(8)),
    key=lambda p: (p[0] + p[1], p[0] if (p[0] + p[1]) % 2 else p[1]),
)
_ROWS = np.array([8 * u + v for u, v in _ZIGZAG])
_DIAGONAL = np.array([u + v for u, v in _ZIGZAG])  # rising: a range of them is a slice
N_SINGLE = 20  # AC coefficients reported one by one; the others by anti-diagonal
_POOLED = {"d6": (6, 6), "d7": (7, 7), "d8": (8, 8), "d9": (9, 9), "d10": (10, 11), "d12": (12, 14)}
_BENFORD = {"first": (1, 6), "second": (6, 15), "third": (15, 28)}  # zig-zag positions
_DIGITS = np.log10(1 + 1 / np.arange(1, 10))
_FIRST_DIGIT = np.array([int(str(i)[0]) for i in range(10_000)])  # of whole numbers
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
    coefficients = signals.block_dct
    level, shape, kurtosis = (values[_ROWS] for values in shapes(coefficients))
    level = level - level[1:].mean()
    pooled = _by_diagonal(level, [first for first, _ in _POOLED.values()])
    digits = [benford(coefficients[_ROWS[a:b]]) for a, b in _BENFORD.values()]
    tails = _by_diagonal(kurtosis, range(1, 15))[np.array(_TAILS) - 1]
    values = [level[1 : N_SINGLE + 1], pooled, _by_diagonal(shape, range(1, 15)), tails, digits]
    return np.concatenate(values).astype(np.float32)


def _by_diagonal(values: F64, firsts: Sequence[int]) -> F64:
    """Mean of 64 zig-zag values over the anti-diagonals from each of `firsts` to the next one."""
    starts = np.searchsorted(_DIAGONAL, firsts)
    return np.add.reduceat(values, starts) / np.diff(starts, append=len(values))


def benford(values: F32) -> float:
    """Kullback-Leibler divergence of first digits from Benford's law.

    Parameters
    ----------
    values : float32 array, any shape
        Coefficients, grey levels, of magnitudes below 10,000; those below 1 are left out.

    Returns
    -------
    float
        Nats; NaN below 100 values.

    References
    ----------
    Fu, Shi and Su 2007, doi:10.1117/12.704723.
    """
    whole = np.abs(values).ravel().astype(np.intp)  # from 1 on it has the first digit of the magnitude
    sizes = np.bincount(whole)
    counts = np.bincount(_FIRST_DIGIT[: len(sizes)], sizes, 10)[1:]
    if counts.sum() < 100:
        return np.nan
    share = (counts + 0.5) / (counts.sum() + 4.5)
    return float((share * np.log(share / _DIGITS)).sum())
