"""Measures of importance: gain and split, SHAP, permutation."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluation import metrics

Predict = Callable[[pd.DataFrame], NDArray[np.float64]]


def gain_and_split(boosters: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """Share of the loss reduction and of the splits of each column, mean over the boosters.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        Trained on some of the columns.
    columns : sequence of str
        Names of the columns.

    Returns
    -------
    DataFrame
        Index `columns`, columns gain and split; each sums to 1 unless no tree has a split. 0 for what trees do not see.

    Raises
    ------
    ValueError
        A booster has a column that is none of them.
    """
    shares = pd.DataFrame(0.0, index=pd.Index(columns, name="feature"), columns=["gain", "split"])
    for number, booster in enumerate(boosters):
        names = booster.feature_name()
        unknown = sorted(set(names) - set(columns))
        if unknown:
            raise ValueError(
                f"booster {number} has the feature {unknown[0]}, which the stacker lacks; the bundle is damaged: train again"
            )
        for kind in shares.columns:
            values = np.asarray(booster.feature_importance(importance_type=kind), dtype=np.float64)
            shares.loc[names, kind] += values / max(values.sum(), np.finfo(float).tiny) / len(boosters)
    return shares


def mean_abs_shap(contributions: NDArray[np.float64], columns: Sequence[str]) -> pd.Series:
    """Mean |SHAP| of each column.

    Parameters
    ----------
    contributions : float64 array, shape (n, len(columns) + 1), log-odds before calibration
        LightGBM's pred_contrib; the last column is the base value.
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
    values = np.abs(contributions[:, :-1])
    mean = values.mean(0) if len(values) else np.full(len(columns), np.nan)
    return pd.Series(mean, index=pd.Index(columns, name="feature"), name="shap")


def joint_abs_shap(
    contributions: NDArray[np.float64], columns: Sequence[str], blocks: Mapping[str, Sequence[str]]
) -> pd.Series:
    """Mean |sum of the SHAP values of a block's columns|: what the block moves as a whole.

    Smaller than the sum of its columns where these pull against each other.

    Parameters
    ----------
    contributions : float64 array, shape (n, len(columns) + 1), log-odds before calibration
        As in `mean_abs_shap`.
    columns : sequence of str
        Names of the columns.
    blocks : mapping of str to sequence of str
        Columns of each block.

    Returns
    -------
    Series
        Index: names of the blocks; NaN throughout when n = 0.
    """
    if not len(contributions):
        return pd.Series(np.nan, index=list(blocks), name="shap", dtype=np.float64)
    position = {column: number for number, column in enumerate(columns)}
    joint = {
        block: np.abs(contributions[:, [position[c] for c in block_columns]].sum(1)).mean()
        for block, block_columns in blocks.items()
    }
    return pd.Series(joint, name="shap", dtype=np.float64)


def permutation_drop(
    predict: Predict,
    features: pd.DataFrame,
    target: NDArray[Any],
    *,
    shuffled_together: Mapping[str, Sequence[str]],
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """Fall of the AUC when columns are shuffled among the rows.

    Parameters
    ----------
    predict : callable
        Scores of rows: DataFrame of n rows to float64 array, shape (n,).
    features : DataFrame, n rows
        What `predict` takes.
    target : int array, shape (n,)
        0 real, 1 fake.
    shuffled_together : mapping of str to sequence of str
        Columns that are shuffled with one and the same permutation, by name of the result's row. Each name has its
        own random stream: its figure does not depend on the others.
    repeats : int
        Permutations of each.
    seed : int
        Of the permutations.

    Returns
    -------
    DataFrame
        Index the names, columns `auc_drop` (mean over the repeats) and `auc_drop_sd` (NaN of one repeat); NaN
        throughout without both classes.

    References
    ----------
    L. Breiman, "Random forests", Machine Learning 45, 2001, doi:10.1023/A:1010933404324.
    """
    names = list(shuffled_together)
    drops = np.full((len(names), repeats), np.nan)
    base = metrics.auc(target, predict(features)) if len(features) else np.nan
    if np.isfinite(base):
        for row, name in enumerate(names):
            generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
            shuffled = _shuffled(
                features, list(shuffled_together[name]), repeats=repeats, generator=generator
            )
            scores = predict(shuffled).reshape(repeats, len(features))
            drops[row] = [base - metrics.auc(target, score) for score in scores]
    index = pd.Index(names, name="feature")
    spread = drops.std(1, ddof=1) if repeats > 1 else np.full(len(names), np.nan)
    return pd.DataFrame({"auc_drop": drops.mean(1), "auc_drop_sd": spread}, index=index)


def _shuffled(
    features: pd.DataFrame, columns: list[str], *, repeats: int, generator: np.random.Generator
) -> pd.DataFrame:
    """Stack `repeats` copies of the rows, `columns` permuted within each copy."""
    stacked = pd.concat([features] * repeats, ignore_index=True)
    order = np.concatenate([generator.permutation(len(features)) for _ in range(repeats)])
    stacked[columns] = features[columns].to_numpy()[order]
    return stacked
