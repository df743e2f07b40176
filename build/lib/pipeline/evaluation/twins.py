"""Columns that say the same thing: clusters of correlated ones, which share one figure of importance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

ALIKE = 0.9  # |rank correlation| that any two columns of a cluster have at least
MAX_ROWS = 2000  # that correlations are worked out on


def clusters(features: pd.DataFrame, *, alike: float = ALIKE) -> list[list[str]]:
    """Cluster columns by how alike they order the rows.

    Parameters
    ----------
    features : DataFrame, shape (n, d)
        A missing number counts as the middle one. Of many rows, `MAX_ROWS` evenly spaced ones.
    alike : float
        |Spearman's correlation| of any two columns of a cluster at least (complete linkage).

    Returns
    -------
    list of lists of str
        Every column once, in the order of the columns. A column that is the same in every row stands alone.
    """
    columns = list(features.columns)
    step = max(-(-len(features) // MAX_ROWS), 1)
    if len(features) < 3 or len(columns) < 2:
        return [[column] for column in columns]
    distance = 1 - np.abs(_rank_correlation(features.iloc[::step]))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.clip(distance, 0, 1), checks=False), method="complete")
    found: dict[int, list[str]] = {}
    for column, cluster in zip(columns, fcluster(tree, 1 - alike, criterion="distance"), strict=True):
        found.setdefault(int(cluster), []).append(column)
    return list(found.values())


def _rank_correlation(features: pd.DataFrame) -> NDArray[np.float64]:
    ranks = features.rank().to_numpy(np.float64)
    known = np.isfinite(ranks)
    middle = np.where(known, ranks, 0).sum(0) / np.maximum(known.sum(0), 1)
    centred = np.where(known, ranks - middle, 0.0)
    size = np.sqrt(np.square(centred).sum(0))
    unit = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    return np.asarray(unit.T @ unit, dtype=np.float64)
