"""Many comparisons at once: p values that allow for how many there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pipeline.evaluation.ranking import Floats


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p values: below 0.05, a difference is one of a family with a chance of 5 % of any false one.

    Parameters
    ----------
    p_values : array, shape (n,)
        Of the family; NaN where nothing was tested, which does not count.

    Returns
    -------
    float64 array, shape (n,)
        In the same order, NaN where p is.

    References
    ----------
    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    raised = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return adjusted
