"""What each block contributes: refits of the stacker without it, and with it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle_info import OVERALL, BlockInfo
from pipeline.evaluation.auc_interval import auc_difference
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.multiple_comparisons import holm
from pipeline.evaluation.refits import Rows, cannot_fit, refit

MAX_TRAIN_IMAGES = 4000  # train images, about; with a thousand columns a refit on all of 11,400 takes minutes
COLUMNS = (
    "block",
    "columns",
    "source",
    "n",
    "auc_full",
    "auc_drop",
    "drop_effect",
    "drop_low",
    "drop_high",
    "drop_p",
    "drop_p_holm",
    "auc_only",
    "only_effect",
)


def ablate(
    train: Rows,
    test: Rows,
    blocks: Mapping[str, BlockInfo],
    *,
    options: Any,
) -> pd.DataFrame:
    """Compare refits without each block and with each block alone with the same refit of all blocks.

    Parameters
    ----------
    train, test : Rows
        What is fitted and what is scored.
    blocks : mapping of str to BlockInfo
        Blocks of the features.
    options : Train
        As `refits.quick` makes them.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per block and source (and `OVERALL`). drop_effect is auc_drop - auc_full, with its
        paired 95 % interval drop_low, drop_high and the p value of no effect; drop_p_holm allows for the number of blocks
        that are compared on the same rows. only_effect is auc_only - auc_full. No row when a fit is impossible; NaN where a
        source has one class, and in interval and p where its groups are too few.
    """
    if cannot_fit(train) or not len(test.target):
        return pd.DataFrame(columns=COLUMNS)
    everything = [column for block in blocks.values() for column in block.columns]
    full = refit(train, test, everything, options)
    table = []
    for name, block in blocks.items():
        rest = [column for column in everything if column not in set(block.columns)]
        drop = refit(train, test, rest, options) if rest else np.full(len(full), np.nan)
        only = refit(train, test, block.columns, options)
        for source, mask in _scopes(test):
            scores = {"full": full[mask], "drop": drop[mask], "only": only[mask]}
            row = {"block": name, "columns": len(block.columns), "source": source, "n": int(mask.sum())}
            table.append(row | _effects(test.take(mask), scores))
    effects = pd.DataFrame(table, columns=COLUMNS)
    p_values = effects["drop_p"].astype(np.float64)
    effects["drop_p_holm"] = p_values.groupby(effects["source"]).transform(lambda family: holm(family))
    return effects


def _scopes(test: Rows) -> list[tuple[str, NDArray[np.bool_]]]:
    sources = np.unique(test.sources)
    everything = (OVERALL, np.ones(len(test.target), dtype=bool))
    return [everything, *((str(s), test.sources == s) for s in sources if len(sources) > 1)]


def _effects(test: Rows, scores: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    area = {
        name: auc(test.target, score) if np.isfinite(score).all() else float("nan")
        for name, score in scores.items()
    }
    gap: dict[str, float | None] = {"low": None, "high": None, "p": None}
    if np.isfinite(area["drop"]):
        gap = auc_difference(test.target, scores["drop"], scores["full"], test.groups)
    return {
        "auc_full": area["full"],
        "auc_drop": area["drop"],
        "drop_effect": area["drop"] - area["full"],
        "drop_low": gap["low"],
        "drop_high": gap["high"],
        "drop_p": gap["p"],
        "auc_only": area["only"],
        "only_effect": area["only"] - area["full"],
    }
