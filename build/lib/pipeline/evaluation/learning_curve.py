"""What more images would bring: refits of the stacker on a part of the groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle_info import BlockInfo
from pipeline.evaluation.auc_interval import auc_interval
from pipeline.evaluation.refits import Rows, cannot_fit, refit

SHARES = (0.25, 0.5, 1.0)  # of the groups
DRAWS = 3  # of each share below 1
COLUMNS = ("share", "draw", "images", "groups", "auc", "low", "high")


def learning_curve(
    train: Rows, test: Rows, blocks: Mapping[str, BlockInfo], *, options: Any, seed: int
) -> pd.DataFrame:
    """Fit the stacker to a quarter, a half and all of the groups, and score the same images.

    The nets stay as they are: they have learnt from all of train. So it is the stacker's curve, and a net's would be steeper.

    Parameters
    ----------
    train, test : Rows
        What is fitted and what is scored.
    blocks : mapping of str to BlockInfo
        Blocks of the features.
    options : Train
        As `refits.quick` makes them.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row a refit; low and high are the 95 % interval of the AUC, by the test images' groups. A share that is
        too small for the folds has no row; none has one where the test images are of one class.
    """
    columns = [column for block in blocks.values() for column in block.columns]
    table = []
    both = 0 < int(test.target.sum()) < len(test.target)
    for share in SHARES if both else ():
        for draw in range(DRAWS if share < 1 else 1):
            part = train.take(part_of_groups(train, share, seed=seed + draw))
            if cannot_fit(part) is None:
                area = auc_interval(test.target, refit(part, test, columns, options), test.groups)
                sizes = {"images": len(part.target), "groups": len(np.unique(part.groups))}
                row = {"share": share, "draw": draw, **sizes, "auc": area["value"]}
                table.append(row | {"low": area["low"], "high": area["high"]})
    return pd.DataFrame(table, columns=COLUMNS)


def part_of_groups(rows: Rows, share: float, *, seed: int) -> NDArray[np.bool_]:
    """Draw whole groups, the same share of each source and of the groups with a fake and without.

    Parameters
    ----------
    rows : Rows
    share : float
        Of the groups, 0 to 1.
    seed : int
        Of the draw: with the same one a smaller share is a part of a larger.

    Returns
    -------
    bool array, shape (n,)
        Which rows are drawn.
    """
    generator = np.random.default_rng(seed)
    forged = set(rows.groups[rows.target == 1])
    kept: list[str] = []
    for source in np.unique(rows.sources):
        groups = generator.permutation(np.unique(rows.groups[rows.sources == source]))
        has_fake = np.array([group in forged for group in groups], dtype=bool)
        for of_kind in (groups[has_fake], groups[~has_fake]):
            kept += of_kind[: int(np.ceil(share * len(of_kind)))].tolist()
    return np.isin(rows.groups, kept)
