"""What the model looks at: by feature, by cluster of twins, by block, by band of frequency and on the DCT grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.bands import EDGES, band
from features.blocks.blockdct import cells
from models.stacker.stacker import Stacker
from pipeline.evaluation.attribution import gain_by_expert, joint_abs_shap, mean_abs_shap
from pipeline.evaluation.permutation import permutation_drop
from pipeline.evaluation.refits import Rows
from pipeline.evaluation.twins import clusters

GAIN = "gain_"  # and the kind of fake: the column of an expert


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
    rows : Rows
        n labelled images, with the columns of the stacker.
    contributions : float64 array, shape (n, d + 1), log-odds before calibration
        SHAP values of the rows; the last column is the base value.
    gain : DataFrame
        Index the columns: `gain`, the share of each in what the trees of all experts removed of their loss, each expert
        weighed by the share of its kind in the fusion; and `gain_<kind>` for each expert.
    """

    stacker: Stacker
    rows: Rows
    contributions: NDArray[np.float64]
    gain: pd.DataFrame

    @classmethod
    def of(cls, stacker: Stacker, rows: Rows) -> Explained:
        """Work contributions and gain out, once.

        Parameters
        ----------
        stacker : Stacker
        rows : Rows
            n may be 0.

        Returns
        -------
        Explained
        """
        empty = np.zeros((0, len(stacker.columns) + 1))
        values = stacker.contributions(rows.features) if len(rows.features) else empty
        by_kind = gain_by_expert(stacker.experts, stacker.columns)
        whole = by_kind.to_numpy() @ stacker.fusion.shares
        gain = by_kind.add_prefix(GAIN)
        gain.insert(0, "gain", whole)
        return cls(stacker, rows, np.asarray(values, dtype=np.float64), gain)

    def joint(self, sets: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Gain and |SHAP| of sets of columns.

        Parameters
        ----------
        sets : mapping of str to sequence of str
            Columns by name of the set.

        Returns
        -------
        DataFrame
            Index the names, columns columns (how many), those of `gain` (sums), shap (of their sum); by falling |SHAP|, then
            gain.
        """
        table = pd.DataFrame({"columns": {name: len(members) for name, members in sets.items()}})
        sums = {name: self.gain.loc[list(members)].sum() for name, members in sets.items()}
        table = table.join(pd.DataFrame(sums).T.reindex(columns=self.gain.columns))
        table["shap"] = joint_abs_shap(self.contributions, self.stacker.columns, sets)
        return table.sort_values(["shap", "gain"], ascending=False, kind="stable")

    def drops(
        self, shuffled_together: Mapping[str, Sequence[str]], *, repeats: int, seed: int
    ) -> pd.DataFrame:
        """Fall of the AUC on these rows when columns are shuffled, see `permutation_drop`.

        Parameters
        ----------
        shuffled_together : mapping of str to sequence of str
            Columns that are shuffled with one and the same permutation, by name of the result's row.
        repeats, seed : int
            Of the permutations.

        Returns
        -------
        DataFrame
        """
        return permutation_drop(
            self.stacker.predict,
            self.rows.features,
            self.rows.target,
            self.rows.groups,
            shuffled_together=shuffled_together,
            repeats=repeats,
            seed=seed,
        )


def by_feature(explained: Explained) -> pd.DataFrame:
    """Importance of every feature, alone.

    Parameters
    ----------
    explained : Explained
        A stacker and rows.

    Returns
    -------
    DataFrame
        Columns feature, block, gain, gain_<kind> of each expert, shap; by falling |SHAP|, then gain.
    """
    columns = explained.stacker.columns
    table = explained.gain.copy()
    table["shap"] = mean_abs_shap(explained.contributions, columns)
    table.insert(0, "block", [column.split(".", 1)[0] for column in columns])
    table = table.sort_values(["shap", "gain"], ascending=False, kind="stable")
    return table.rename_axis("feature").reset_index()


def by_cluster(explained: Explained, *, top: int, repeats: int, seed: int) -> pd.DataFrame:
    """Importance of clusters of features that say the same thing, each as a whole.

    Parameters
    ----------
    explained : Explained
        A stacker and rows.
    top : int
        Clusters that are shuffled, the first in order; the others have NaN in auc_drop.
    repeats, seed : int
        Of the permutations.

    Returns
    -------
    DataFrame
        Columns cluster (its feature of the largest |SHAP|), members (their names), columns (how many), gain and gain_<kind>
        (sums of theirs), shap (of their sum), auc_drop with its interval (shuffled together); by falling |SHAP|, then gain.
    """
    alone = by_feature(explained)["feature"]
    place = {feature: number for number, feature in enumerate(alone)}
    found = [sorted(members, key=place.__getitem__) for members in clusters(explained.rows.features)]
    sets = {members[0]: members for members in found}
    table = explained.joint(sets)
    table.insert(0, "members", [" ".join(sets[name]) for name in table.index])
    drops = explained.drops({name: sets[name] for name in table.index[:top]}, repeats=repeats, seed=seed)
    return table.join(drops).rename_axis("cluster").reset_index()


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
        Columns block, columns (how many), gain and gain_<kind> (sums of theirs), shap (of their sum), auc_drop with its
        interval (shuffled together); by falling |SHAP|, then gain.
    """
    blocks = columns_by_block(explained.stacker.columns)
    drops = explained.drops(blocks, repeats=repeats, seed=seed)
    return explained.joint(blocks).join(drops).rename_axis("block").reset_index()


def by_band(explained: Explained) -> pd.DataFrame:
    """Importance of bands of frequency, over all blocks whose numbers speak of one.

    Parameters
    ----------
    explained : Explained
        A stacker and rows.

    Returns
    -------
    DataFrame
        A band a row, from low to high: low, high (cycles per pixel), columns (how many), shap (of their sum). Empty where no
        column speaks of a band.
    """
    sets: dict[str, list[str]] = {str(place): [] for place in range(len(EDGES) - 1)}
    for column in explained.stacker.columns:
        if (place := band(column)) is not None:
            sets[str(place)].append(column)
    if not any(sets.values()):
        return pd.DataFrame(columns=["low", "high", "columns", "shap"])
    shap = joint_abs_shap(explained.contributions, explained.stacker.columns, sets)
    counts = [len(members) for members in sets.values()]
    return pd.DataFrame({"low": EDGES[:-1], "high": EDGES[1:], "columns": counts, "shap": shap.to_numpy()})


def on_dct_grid(features: pd.DataFrame) -> NDArray[np.float64] | None:
    """Importance of the 8×8 DCT's coefficients.

    Parameters
    ----------
    features : DataFrame
        As `by_feature` gives it.

    Returns
    -------
    float64 array, shape (8, 8), or None
        By vertical and horizontal frequency: mean |SHAP| of the columns of block `blockdct` that read a coefficient, a
        column's shared alike by all that it reads. None without the block or without rows.
    """
    own = features[(features["block"] == "blockdct") & features["shap"].notna()]
    if own.empty:
        return None
    grid = np.zeros((8, 8))
    for column, shap in zip(own["feature"], own["shap"], strict=True):
        read = cells(column.split(".", 1)[1])
        for place in read:
            grid[place] += shap / len(read)
    return grid


def columns_by_block(columns: Sequence[str]) -> dict[str, list[str]]:
    """Group columns `block.column` by block, in order."""
    blocks: dict[str, list[str]] = {}
    for column in columns:
        blocks.setdefault(column.split(".", 1)[0], []).append(column)
    return blocks
