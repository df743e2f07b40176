"""Which band of frequencies a number speaks of, where it speaks of one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features.blocks import angular, blockdct, logdct, radial, wavelet

EDGES = (0.0, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 0.75)  # cycles per pixel; above 1/2 only diagonals
_FREQUENCY: dict[str, Callable[[str], float | None]] = {
    "angular": angular.frequency,
    "blockdct": blockdct.frequency,
    "logdct": logdct.frequency,
    "radial": radial.frequency,
    "wavelet": wavelet.frequency,
}


def frequency(column: str) -> float | None:
    """Middle of the frequencies that a column is computed from.

    Parameters
    ----------
    column : str
        `block.column`.

    Returns
    -------
    float or None
        Cycles per pixel, 0 to 0.75; None for a column that belongs to no band or to several, and for blocks whose numbers are
        not of frequencies.
    """
    name, _, rest = column.partition(".")
    return _FREQUENCY[name](rest) if name in _FREQUENCY else None


def band(column: str) -> int | None:
    """The band that a column speaks of.

    Parameters
    ----------
    column : str
        `block.column`.

    Returns
    -------
    int or None
        Place of its lower edge among `EDGES`, from 0; None as in `frequency`.
    """
    middle = frequency(column)
    return None if middle is None else int(np.searchsorted(EDGES, middle, side="right")) - 1
