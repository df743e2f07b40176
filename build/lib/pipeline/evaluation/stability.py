"""Whether importance is a finding or an accident: how far it agrees between folds, and between seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from models.bundle_info import BlockInfo
from models.stacker.stacker import Stacker
from pipeline.evaluation.attribution import joint_abs_shap
from pipeline.evaluation.refits import Rows, cannot_fit, fit

TOP = {"features": 20, "blocks": 3}  # how many of the first are compared
SEEDS = 3
MAX_ROWS = 1000  # that SHAP values are worked out on
COLUMNS = (
    "between",
    "level",
    "runs",
    "rank_correlation",
    "lowest_correlation",
    "top",
    "top_shared",
    "lowest_shared",
)


def by_fold(stacker: Stacker) -> list[Stacker]:
    """The stacker with the boosters of one fold alone, for each fold that every expert has."""
    folds = min(len(expert.boosters) for expert in stacker.experts)
    return [
        replace(
            stacker, experts=[replace(expert, boosters=[expert.boosters[fold]]) for expert in stacker.experts]
        )
        for fold in range(folds)
    ]


def stability(
    stacker: Stacker, train: Rows, test: Rows, blocks: Mapping[str, BlockInfo], *, options: Any
) -> pd.DataFrame:
    """Agreement of mean |SHAP| between the folds of a model, and between quick refits with other seeds.

    Parameters
    ----------
    stacker : Stacker
        The model.
    train, test : Rows
        What refits are fitted to, and what SHAP values are worked out on, `MAX_ROWS` about at most.
    blocks : mapping of str to BlockInfo
        Blocks of the features.
    options : Train
        As `refits.quick` makes them; the seeds are its own and those that follow it.

    Returns
    -------
    DataFrame
        As `agreement` has it, with `between` (folds or seeds) and `level` (features or blocks). Empty without rows.
    """
    some = test.sample(MAX_ROWS, seed=options.seed)
    if not len(some.target):
        return pd.DataFrame(columns=COLUMNS)
    runs = {"folds": by_fold(stacker)}
    if cannot_fit(train) is None:
        columns = [column for block in blocks.values() for column in block.columns]
        seeds = [options.model_copy(update={"seed": options.seed + k}) for k in range(SEEDS)]
        runs["seeds"] = [fit(train, columns, seeded) for seeded in seeds]
    rows = []
    for between, stackers in runs.items():
        shap = [one.contributions(some.features[one.columns]) for one in stackers]
        for level, top in TOP.items():
            tables = [
                _importance(values, one, blocks, level) for values, one in zip(shap, stackers, strict=True)
            ]
            rows.append({"between": between, "level": level} | agreement(tables, top=top))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _importance(values: Any, stacker: Stacker, blocks: Mapping[str, BlockInfo], level: str) -> pd.Series:
    sets = {name: block.columns for name, block in blocks.items()}
    if level == "features":
        sets = {column: [column] for column in stacker.columns}
    return joint_abs_shap(values, stacker.columns, sets)


def agreement(runs: Sequence[pd.Series], *, top: int) -> dict[str, float | int]:
    """How far runs order the same names alike.

    Parameters
    ----------
    runs : sequence of Series
        Importance by name, of one index.
    top : int
        How many of the first are compared; fewer where there are fewer names.

    Returns
    -------
    dict
        runs; rank_correlation, lowest_correlation : Spearman's of two runs, mean and lowest over the pairs, ties sharing a
        rank; top; top_shared, lowest_shared : share of the first `top` of one run that are among those of the other. NaN
        with fewer than two runs.
    """
    top = min(top, len(runs[0])) if runs else 0
    pairs = list(combinations(runs, 2))
    correlations = [_spearman(a.to_numpy(), b.loc[a.index].to_numpy()) for a, b in pairs]
    shared = [len(_first(a, top) & _first(b, top)) / max(top, 1) for a, b in pairs]
    result: dict[str, float | int] = {"runs": len(runs), "top": top}
    for (mean, lowest), values in (
        (("rank_correlation", "lowest_correlation"), correlations),
        (("top_shared", "lowest_shared"), shared),
    ):
        result[mean] = float(np.mean(values)) if values else float("nan")
        result[lowest] = min(values, default=float("nan"))
    return result


def _spearman(a: Any, b: Any) -> float:
    x, y = (rankdata(values) - (len(values) + 1) / 2 for values in (a, b))
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else float("nan")


def _first(run: pd.Series, top: int) -> set[str]:
    return set(run.sort_values(ascending=False, kind="stable").index[:top])
