"""What the model looks at, by feature and by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.reporting.importance_measures import (
    gain_and_split,
    joint_abs_shap,
    mean_abs_shap,
    permutation_drop,
)


def sample_rows(count: int, *, limit: int, seed: int) -> NDArray[np.int64]:
    """Draw row numbers where there are many.

    Parameters
    ----------
    count : int
        Rows that there are.
    limit : int
        Rows to draw at most.
    seed : int
        Of the draw.

    Returns
    -------
    int64 array, shape (min(count, limit),)
        Ascending, without repetition.
    """
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=limit, replace=False))


@dataclass(frozen=True)
class Explained:
    """A stacker and rows that it did not learn from.

    Attributes
    ----------
    stacker : Stacker
        With `boosters`, `columns` and `predict`.
    features : DataFrame, shape (n, d), float32
        Its columns.
    target : int array, shape (n,)
        0 real, 1 fake.
    contributions : float64 array, shape (n, d + 1), log-odds before calibration
        SHAP values of the rows; the last column is the base value.
    """

    stacker: Any
    features: pd.DataFrame
    target: NDArray[Any]
    contributions: NDArray[np.float64]

    @classmethod
    def of(cls, stacker: Any, features: pd.DataFrame, target: NDArray[Any]) -> Explained:
        """Work the contributions out, once.

        Parameters
        ----------
        stacker : Stacker
            With `columns` and `contributions`.
        features : DataFrame, shape (n, d), float32
            n may be 0.
        target : int array, shape (n,)
            0 real, 1 fake.

        Returns
        -------
        Explained
        """
        empty = np.zeros((0, len(stacker.columns) + 1))
        values = stacker.contributions(features) if len(features) else empty
        return cls(stacker, features, target, np.asarray(values, dtype=np.float64))

    def drops(
        self, shuffled_together: Mapping[str, Sequence[str]], *, repeats: int, seed: int
    ) -> pd.DataFrame:
        """Fall of the AUC on these rows when columns are shuffled, see `permutation_drop`.

        Parameters
        ----------
        shuffled_together : mapping of str to sequence of str
            Columns that are shuffled with one and the same permutation, by name of the result's row.
        repeats : int
            Permutations of each.
        seed : int
            Of the permutations.

        Returns
        -------
        DataFrame
            Index the names, columns auc_drop and auc_drop_sd.
        """
        return permutation_drop(
            self.stacker.predict,
            self.features,
            self.target,
            shuffled_together=shuffled_together,
            repeats=repeats,
            seed=seed,
        )


def by_feature(explained: Explained, *, top: int, repeats: int, seed: int) -> pd.DataFrame:
    """Importance of every feature.

    Parameters
    ----------
    explained : Explained
        A stacker and rows.
    top : int
        Features that are shuffled, the first in order; the others have NaN in auc_drop.
    repeats, seed : int
        Of the permutations.

    Returns
    -------
    DataFrame
        Columns feature, block, gain, split, shap, auc_drop, auc_drop_sd; by falling |SHAP|, then gain.
    """
    columns = list(explained.stacker.columns)
    table = gain_and_split(explained.stacker.boosters, columns)
    table["shap"] = mean_abs_shap(explained.contributions, columns)
    table.insert(0, "block", [column.split(".", 1)[0] for column in columns])
    table = table.sort_values(["shap", "gain"], ascending=False, kind="stable")
    alone = {column: [column] for column in table.index[:top]}
    return table.join(explained.drops(alone, repeats=repeats, seed=seed)).reset_index()


def by_block(explained: Explained, *, repeats: int, seed: int) -> pd.DataFrame:
    """Importance of every block.

    Parameters
    ----------
    explained : Explained
        A stacker and rows.
    repeats, seed : int
        Of the permutations.

    Returns
    -------
    DataFrame
        Columns block, columns (how many), gain and split (sums of theirs), shap (of their sum), auc_drop and
        auc_drop_sd (shuffled together); by falling |SHAP|, then gain.
    """
    columns = list(explained.stacker.columns)
    blocks = columns_by_block(columns)
    shares = gain_and_split(explained.stacker.boosters, columns)
    table = pd.DataFrame({"columns": {block: len(named) for block, named in blocks.items()}})
    for kind in ("gain", "split"):
        table[kind] = [float(shares.loc[named, kind].sum()) for named in blocks.values()]
    table["shap"] = joint_abs_shap(explained.contributions, columns, blocks)
    table = table.join(explained.drops(blocks, repeats=repeats, seed=seed))
    table = table.sort_values(["shap", "gain"], ascending=False, kind="stable")
    return table.rename_axis("block").reset_index()


def columns_by_block(columns: Sequence[str]) -> dict[str, list[str]]:
    """Group columns `block.column` by block, in order."""
    blocks: dict[str, list[str]] = {}
    for column in columns:
        blocks.setdefault(column.split(".", 1)[0], []).append(column)
    return blocks
