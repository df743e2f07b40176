"""Single values of file facts that only one class has: a leak in some images, which an AUC over all of them hides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

# That folder imports nothing but models: so there is no circle.
from pipeline.evaluation.clustered import members

# What a file's header says in whole numbers: chance does not give half of a class the same one.
DISCRETE = (
    "kind",
    "tables",
    "table_hash",
    "quality",
    "chroma_quality",
    "subsampling",
    "progressive",
    "exif",
    "profile",
    "orientation",
    "header_bytes",
    "width",
    "height",
)
SIGNIFICANCE = 0.01  # of any finding at all where there is no leak, over all values that are looked at
TIMES = 10.0  # as frequent in one class as in the other, at least
SHARES = {"amber": 0.01, "red": 0.05}  # of the groups of a class that have the value
CLASSES = ("real", "fake")


def pure_values(rows: pd.DataFrame, values: pd.DataFrame) -> list[dict[str, Any]]:
    """Find values of file facts that one class has and the other hardly.

    Groups are counted, not images: a clip has one history.

    Parameters
    ----------
    rows : DataFrame
        Labelled rows, columns target and group.
    values : DataFrame
        Their file facts, same index.

    Returns
    -------
    list of dict
        fact, value, owner (real or fake), share (of the owner's groups), other_share, p (Fisher's exact test [1]_,
        one-sided), level; the largest share first. Of facts that mark the same images one is named.

    References
    ----------
    .. [1] Fisher 1922, "On the Interpretation of χ² from Contingency Tables, and the Calculation of P",
       doi:10.2307/2340521; Bonferroni's correction over the values.
    """
    target, group = rows["target"].to_numpy(np.int64), members(rows["group"].to_numpy(str))
    columns = {fact: values[fact].to_numpy(np.float64) for fact in DISCRETE}
    candidates = [
        (fact, value, column == value)
        for fact, column in columns.items()
        for value in np.unique(column[~np.isnan(column)])
    ]
    totals = np.array([len(np.unique(group[target == label])) for label in (0, 1)])
    if not totals.all():
        return []
    found: dict[bytes, dict[str, Any]] = {}
    for fact, value, has in candidates:
        result = _tested(has, target, group, totals=totals)
        if result and result["p"] < SIGNIFICANCE / (2 * len(candidates)):
            found.setdefault(np.packbits(has).tobytes(), {"fact": fact, "value": float(value), **result})
    return sorted(found.values(), key=lambda result: -result["share"])


def _tested(
    has: NDArray[np.bool_], target: NDArray[np.int64], group: NDArray[np.int64], *, totals: NDArray[np.int64]
) -> dict[str, Any] | None:
    """Who owns a value and how surely, or None where it says too little."""
    counts = np.array([len(np.unique(group[has & (target == label)])) for label in (0, 1)])
    rates = counts / totals
    owner = int(rates[1] > rates[0])
    share, other = float(rates[owner]), float(rates[1 - owner])
    if share < SHARES["amber"] or share < TIMES * other:
        return None
    table = [
        [counts[owner], totals[owner] - counts[owner]],
        [counts[1 - owner], totals[1 - owner] - counts[1 - owner]],
    ]
    p = float(fisher_exact(table, alternative="greater").pvalue)
    level = "red" if share >= SHARES["red"] else "amber"
    return {"owner": CLASSES[owner], "share": share, "other_share": other, "p": p, "level": level}


def describe(result: Mapping[str, Any]) -> dict[str, str]:
    """Put a result of `pure_values` into words: level and text."""
    other = CLASSES[1 - CLASSES.index(result["owner"])]
    text = (
        f"{result['fact']} {result['value']:.10g} is found in {result['share']:.1%} of the groups of {result['owner']} images "
        f"and in {result['other_share']:.1%} of those of {other} ones: it gives them away without a face"
    )
    return {"level": str(result["level"]), "text": text}
