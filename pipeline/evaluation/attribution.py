"""What a stacker uses: the gain of its trees by expert, and SHAP values of columns and of sets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.stacker.expert import Expert

Floats = NDArray[np.float64]


def gain_by_expert(experts: Sequence[Expert], columns: Sequence[str]) -> pd.DataFrame:
    """Share of each column in the loss that the trees of each expert removed.

    Experts are kept apart: most of them tell pseudo-fakes, and a mean over all boosters would be theirs.

    Parameters
    ----------
    experts : sequence of Expert
        Trained on some of the columns.
    columns : sequence of str
        Names of the columns.

    Returns
    -------
    DataFrame
        Index `columns`, a column for each expert by its kind; each sums to 1 unless no tree has a split. 0 for what the
        trees do not see.

    Raises
    ------
    ValueError
        A booster has a column that is none of them.
    """
    shares = pd.DataFrame(
        0.0, index=pd.Index(columns, name="feature"), columns=[expert.kind for expert in experts]
    )
    for expert in experts:
        for number, booster in enumerate(expert.boosters):
            names = booster.feature_name()
            if unknown := sorted(set(names) - set(columns)):
                raise ValueError(
                    f"booster {number} of the expert for {expert.kind} has the feature {unknown[0]}, which the stacker lacks; "
                    "the bundle is damaged: train again"
                )
            gain = np.asarray(booster.feature_importance(importance_type="gain"), dtype=np.float64)
            share = gain / max(gain.sum(), np.finfo(float).tiny) / len(expert.boosters)
            shares.loc[names, expert.kind] += share
    return shares


def mean_abs_shap(contributions: Floats, columns: Sequence[str]) -> pd.Series:
    """Mean |SHAP| of each column.

    Parameters
    ----------
    contributions : float64 array, shape (n, len(columns) + 1), log-odds before calibration
        As `Stacker.contributions` gives them; the last column is the base value.
    columns : sequence of str
        Names of the columns.

    Returns
    -------
    Series
        Index `columns`; NaN throughout when n = 0.

    References
    ----------
    S. M. Lundberg et al., "Consistent individualized feature attribution for tree ensembles", 2018,
    arXiv:1802.03888.
    """
    alone = {column: [column] for column in columns}
    return joint_abs_shap(contributions, columns, alone).rename_axis("feature")


def joint_abs_shap(
    contributions: Floats, columns: Sequence[str], sets: Mapping[str, Sequence[str]]
) -> pd.Series:
    """Mean |sum of the SHAP values of a set's columns|: what the set moves as a whole.

    Smaller than the sum of its columns where these pull against each other.

    Parameters
    ----------
    contributions : float64 array, shape (n, len(columns) + 1), log-odds before calibration
        As in `mean_abs_shap`.
    columns : sequence of str
        Names of the columns.
    sets : mapping of str to sequence of str
        Columns of each set: a block, a cluster, a band.

    Returns
    -------
    Series
        Index: names of the sets; NaN throughout when n = 0.
    """
    if not len(contributions):
        return pd.Series(np.nan, index=list(sets), name="shap", dtype=np.float64)
    position = {column: number for number, column in enumerate(columns)}
    joint = {
        name: np.abs(contributions[:, [position[c] for c in members]].sum(1)).mean()
        for name, members in sets.items()
    }
    return pd.Series(joint, index=list(sets), name="shap", dtype=np.float64)
