"""What the model looks at: gain and split, permutation, SHAP; by feature and by block."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluation import metrics

Predict = Callable[[pd.DataFrame], NDArray[np.float64]]


def sample_rows(count: int, *, limit: int, seed: int) -> NDArray[np.int64]:
    """At most `limit` of `count` row numbers, ascending, drawn with the seed."""
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=limit, replace=False))


def gain_and_split(boosters: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """Share of the loss reduction and of the splits of each column, mean over the boosters.

    boosters : lightgbm.Booster, trained on `columns` in that order. Index: columns; each share sums
    to 1 unless no tree has a split. ValueError when a booster has other columns.
    """
    shares = {"gain": np.zeros(len(columns)), "split": np.zeros(len(columns))}
    for number, booster in enumerate(boosters):
        if booster.num_feature() != len(columns):
            raise ValueError(
                f"booster {number} has {booster.num_feature()} features, the stacker {len(columns)}; "
                "the bundle is damaged: train again"
            )
        for kind, total in shares.items():
            found = np.asarray(booster.feature_importance(importance_type=kind), dtype=np.float64)
            total += found / max(found.sum(), np.finfo(float).tiny) / len(boosters)
    return pd.DataFrame(shares, index=pd.Index(columns, name="feature"))


def mean_abs_shap(contributions: NDArray[np.float64], columns: Sequence[str]) -> pd.Series:
    """Mean |SHAP| of each column in log-odds before calibration.

    contributions : float64 (n, len(columns) + 1), LightGBM's pred_contrib (Lundberg et al. 2018,
    arXiv:1802.03888), last column the base value. NaN for every column when n = 0.
    """
    values = np.abs(contributions[:, :-1])
    mean = values.mean(0) if len(values) else np.full(len(columns), np.nan)
    return pd.Series(mean, index=pd.Index(columns, name="feature"), name="shap")


def joint_abs_shap(
    contributions: NDArray[np.float64], columns: Sequence[str], blocks: Mapping[str, Sequence[str]]
) -> pd.Series:
    """Mean |sum of the SHAP values of a block's columns|: what the block moves as a whole.

    Smaller than the sum of its columns where these pull against each other.
    """
    at = {column: number for number, column in enumerate(columns)}
    joint = {
        block: np.abs(contributions[:, [at[c] for c in members]].sum(1)).mean()
        if len(contributions)
        else np.nan
        for block, members in blocks.items()
    }
    return pd.Series(joint, name="shap", dtype=np.float64)


def permutation_drop(
    predict: Predict,
    features: pd.DataFrame,
    target: NDArray[Any],
    *,
    members: Mapping[str, Sequence[str]],
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """Fall of the AUC when columns are shuffled among the rows, together (Breiman 2001).

    members : name -> columns shuffled with one and the same permutation.
    Returns index name, columns `auc_drop` (mean over the repeats) and `auc_drop_sd`; NaN without
    both classes. Each name has its own random stream: its figure does not depend on the others.
    """
    names = list(members)
    drops = np.full((len(names), repeats), np.nan)
    base = metrics.auc(target, predict(features)) if len(features) else np.nan
    if np.isfinite(base):
        for row, name in enumerate(names):
            generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
            shuffled = _shuffled(features, list(members[name]), repeats=repeats, generator=generator)
            scores = predict(shuffled).reshape(repeats, len(features))
            drops[row] = [base - metrics.auc(target, score) for score in scores]
    index = pd.Index(names, name="feature")
    spread = drops.std(1, ddof=1) if repeats > 1 else np.full(len(names), np.nan)
    return pd.DataFrame({"auc_drop": drops.mean(1), "auc_drop_sd": spread}, index=index)


def _shuffled(
    features: pd.DataFrame, columns: list[str], *, repeats: int, generator: np.random.Generator
) -> pd.DataFrame:
    """`repeats` copies of the rows under each other, `columns` permuted within each copy."""
    many = pd.concat([features] * repeats, ignore_index=True)
    order = np.concatenate([generator.permutation(len(features)) for _ in range(repeats)])
    many[columns] = features[columns].to_numpy()[order]
    return many


@dataclass(frozen=True)
class Explained:
    """A stacker and rows that it did not learn from.

    features : its columns, (n, d); target : 0/1 (n,); contributions : float64 (n, d + 1).
    """

    stacker: Any
    features: pd.DataFrame
    target: NDArray[Any]
    contributions: NDArray[np.float64]

    @classmethod
    def of(cls, stacker: Any, features: pd.DataFrame, target: NDArray[Any]) -> Explained:
        """Works the contributions out once; no rows are allowed."""
        empty = np.zeros((0, len(stacker.columns) + 1))
        values = stacker.contributions(features) if len(features) else empty
        return cls(stacker, features, target, np.asarray(values, dtype=np.float64))

    def drops(self, members: Mapping[str, Sequence[str]], *, repeats: int, seed: int) -> pd.DataFrame:
        """`permutation_drop` of these rows."""
        return permutation_drop(
            self.stacker.predict,
            self.features,
            self.target,
            members=members,
            repeats=repeats,
            seed=seed,
        )


def by_feature(explained: Explained, *, top: int, repeats: int, seed: int) -> pd.DataFrame:
    """Every feature: feature, block, gain, split, shap, auc_drop, auc_drop_sd; by falling |SHAP|, then gain.

    Only the `top` features of that order are permuted; the others have NaN there.
    """
    columns = list(explained.stacker.columns)
    table = gain_and_split(explained.stacker.boosters, columns)
    table["shap"] = mean_abs_shap(explained.contributions, columns)
    table.insert(0, "block", [column.split(".", 1)[0] for column in columns])
    table = table.sort_values(["shap", "gain"], ascending=False, kind="stable")
    members = {column: [column] for column in table.index[:top]}
    return table.join(explained.drops(members, repeats=repeats, seed=seed)).reset_index()


def by_block(explained: Explained, *, repeats: int, seed: int) -> pd.DataFrame:
    """Every block: block, columns (how many), gain, split, shap (joint), auc_drop, auc_drop_sd (jointly)."""
    columns = list(explained.stacker.columns)
    blocks = members_of(columns)
    shares = gain_and_split(explained.stacker.boosters, columns)
    table = pd.DataFrame({"columns": {block: len(members) for block, members in blocks.items()}})
    for kind in ("gain", "split"):
        table[kind] = [float(shares.loc[members, kind].sum()) for members in blocks.values()]
    table["shap"] = joint_abs_shap(explained.contributions, columns, blocks)
    table = table.join(explained.drops(blocks, repeats=repeats, seed=seed))
    table = table.sort_values(["shap", "gain"], ascending=False, kind="stable")
    return table.rename_axis("block").reset_index()


def members_of(columns: Sequence[str]) -> dict[str, list[str]]:
    """Columns `block.column` by block, in order."""
    blocks: dict[str, list[str]] = {}
    for column in columns:
        blocks.setdefault(column.split(".", 1)[0], []).append(column)
    return blocks
