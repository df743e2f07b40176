"""Group-aware folds: images of one group never stand on both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from models.errors import UserError


def assign(
    target: NDArray[np.integer], groups: NDArray[np.str_], sources: NDArray[np.str_], *, folds: int, seed: int
) -> NDArray[np.int64]:
    """Assign rows to folds that are alike in class and source and keep groups whole.

    Parameters
    ----------
    target : int array, shape (n,)
        0 or 1.
    groups, sources : str array, shape (n,)
    folds : int
        How many.
    seed : int

    Returns
    -------
    int64 array, shape (n,)
        The fold of each row, from 0 on.

    Raises
    ------
    UserError
        Where a class has fewer groups than there are folds.
    """
    _, strata = np.unique([f"{t}|{s}" for t, s in zip(target, sources, strict=True)], return_inverse=True)
    for label in np.unique(target):
        count = len(np.unique(groups[target == label]))
        if count < folds:
            raise UserError(
                f"class {label} ({'fake' if label else 'real'}) has {count} groups among the training images, fewer than "
                f"the {folds} folds; give more images or lower `folds` in the parameters"
            )
    if (
        np.bincount(strata) < folds
    ).all():  # too few of each class and source to be shared out: by class alone
        strata = np.asarray(target)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    fold = np.full(len(target), -1, dtype=np.int64)
    for index, (_, valid) in enumerate(splitter.split(np.zeros(len(target)), strata, groups)):
        fold[valid] = index
    return fold
