"""Group-aware folds: images of one group never stand on both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from models.errors import UserError


def assign(
    target: NDArray[np.integer], groups: NDArray[np.str_], sources: NDArray[np.str_], *, folds: int, seed: int
) -> NDArray[np.int64]:
    """Fold of each row, int64 (n,), balanced by class and source, whole groups together.

    Raises UserError when there are fewer groups of a class than folds.
    """
    _, strata = np.unique([f"{t}|{s}" for t, s in zip(target, sources, strict=True)], return_inverse=True)
    for label in np.unique(target):
        count = len(np.unique(groups[target == label]))
        if count < folds:
            raise UserError(
                f"class {label} has {count} groups in train, fewer than {folds} folds; "
                "give more images or lower the folds in params.yaml"
            )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    fold = np.full(len(target), -1, dtype=np.int64)
    for index, (_, held) in enumerate(splitter.split(np.zeros(len(target)), strata, groups)):
        fold[held] = index
    return fold
