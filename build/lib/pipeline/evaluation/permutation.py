"""What scores lose when columns are dealt to the wrong images."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluation.auc_interval import auc_difference

Predict = Callable[[pd.DataFrame], NDArray[np.float64]]
DROP = ("auc_drop", "auc_drop_low", "auc_drop_high")


def permutation_drop(
    predict: Predict,
    features: pd.DataFrame,
    target: NDArray[Any],
    groups: NDArray[Any],
    *,
    shuffled_together: Mapping[str, Sequence[str]],
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """Fall of the AUC when columns are shuffled among the rows, with its paired 95 % interval by group.

    Parameters
    ----------
    predict : callable
        Scores of rows: DataFrame of n rows to float64 array, shape (n,).
    features : DataFrame, n rows
        What `predict` takes.
    target : int array, shape (n,)
        0 real, 1 fake.
    groups : array, shape (n,)
        Label of what is drawn together.
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
        Index the names, columns `DROP`: the mean over the permutations and its interval, which holds what comes of the
        draw of the groups and of the permutations alike (`auc_difference`, whose coverage is simulated; the standard error is
        that which a bootstrap of the groups has in the limit). NaN without both classes, the interval also where the groups
        are too few.

    References
    ----------
    L. Breiman, "Random forests", Machine Learning 45, 2001, doi:10.1023/A:1010933404324.
    """
    names = list(shuffled_together)
    table = pd.DataFrame(np.nan, index=pd.Index(names, name="feature"), columns=list(DROP))
    if len(np.unique(target)) < 2:
        return table
    whole = predict(features)
    for name in names:
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        shuffled = _shuffled(features, list(shuffled_together[name]), repeats=repeats, generator=generator)
        scores = predict(shuffled).reshape(repeats, len(features))
        gap = auc_difference(target, scores, whole, groups)
        falls = [gap["value"], gap["high"], gap["low"]]  # a fall is the difference with its sign turned
        table.loc[name] = [np.nan if fall is None else 0.0 - fall for fall in falls]
    return table


def _shuffled(
    features: pd.DataFrame, columns: list[str], *, repeats: int, generator: np.random.Generator
) -> pd.DataFrame:
    """Stack `repeats` copies of the rows, `columns` permuted within each copy."""
    stacked = pd.concat([features] * repeats, ignore_index=True)
    order = np.concatenate([generator.permutation(len(features)) for _ in range(repeats)])
    stacked[columns] = features[columns].to_numpy()[order]
    return stacked
