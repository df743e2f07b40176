"""Cheap refits of the stacker: labelled rows as arrays, and scores of one set of rows by trees fitted to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.stacker import training
from models.stacker.stacker import Stacker

FOLDS = 3
LEARNING_RATE = 0.1  # few trees need a longer step than the model's many
MAX_BIN = 31
EARLY_STOPPING_ROUNDS = 20


@dataclass(frozen=True)
class Rows:
    """Labelled images as arrays of one length n.

    Attributes
    ----------
    features : DataFrame of float32, shape (n, d)
        Columns of all blocks.
    target : int64 array, shape (n,)
        1 = fake, 0 = real.
    groups, sources : str arrays, shape (n,)
        What is drawn together, and where it comes from.
    """

    features: pd.DataFrame
    target: NDArray[np.int64]
    groups: NDArray[Any]
    sources: NDArray[Any]

    @classmethod
    def of(cls, rows: pd.DataFrame, features: pd.DataFrame) -> Rows:
        """Take the labelled rows of a table.

        Parameters
        ----------
        rows : DataFrame, length n
            Columns target, group, source.
        features : DataFrame, shape (n, d)
            In the same order.
        """
        known = rows["target"].notna().to_numpy()
        return cls(
            features=features[known],
            target=rows.loc[known, "target"].to_numpy(dtype=np.int64),
            groups=rows.loc[known, "group"].to_numpy(dtype=str),
            sources=rows.loc[known, "source"].to_numpy(dtype=str),
        )

    def take(self, mask: NDArray[np.bool_]) -> Rows:
        """The rows where `mask`, shape (n,), holds."""
        return Rows(
            features=self.features[mask],
            target=self.target[mask],
            groups=self.groups[mask],
            sources=self.sources[mask],
        )

    def sample(self, limit: int, *, seed: int) -> Rows:
        """Draw whole groups, the same share of each source.

        Parameters
        ----------
        limit : int
            Rows to draw, about.
        seed : int
            Of the draw.
        """
        if len(self.target) <= limit:
            return self
        generator = np.random.default_rng(seed)
        kept: list[str] = []
        for source in np.unique(self.sources):
            groups = np.unique(self.groups[self.sources == source])
            count = int(np.ceil(len(groups) * limit / len(self.target)))
            kept += generator.permutation(groups)[:count].tolist()
        return self.take(np.isin(self.groups, kept))


@dataclass(frozen=True)
class Bootstrap:
    """Number of resamples and seed of the intervals."""

    resamples: int
    seed: int


def quick(options: Any, *, num_boost_round: int) -> Any:
    """Make the stacker's options cheap: few trees, few folds, coarse bins.

    Parameters
    ----------
    options : Train
        Section `train` of the settings.
    num_boost_round : int
        Trees of each booster.

    Returns
    -------
    Train
        Options of a refit.
    """
    return options.model_copy(
        update={
            "num_boost_round": num_boost_round,
            "folds": FOLDS,
            "learning_rate": max(options.learning_rate, LEARNING_RATE),
            "max_bin": min(options.max_bin, MAX_BIN),
            "early_stopping": min(options.early_stopping, EARLY_STOPPING_ROUNDS),
        }
    )


def cannot_fit(train: Rows) -> str | None:
    """Why no stacker can be fitted to these rows, or None."""
    for label, name in ((0, "real face"), (1, "deepfake")):
        count = len(np.unique(train.groups[train.target == label]))
        if count < FOLDS:
            return f"{count} groups with a {name} to train on, {FOLDS} folds need {FOLDS}"
    return None


def fit(train: Rows, columns: Sequence[str], options: Any) -> Stacker:
    """Fit a stacker to rows.

    Parameters
    ----------
    train : Rows
        What it is fitted to.
    columns : sequence of str
        The only features that it reads.
    options : Train
        As `quick` makes them.

    Returns
    -------
    Stacker
    """
    features = train.features[list(columns)]
    return training.fit(features, train.target, train.groups, sources=train.sources, options=options)


def refit(train: Rows, test: Rows, columns: Sequence[str], options: Any) -> NDArray[np.float64]:
    """Score rows by a stacker fitted to others.

    Parameters
    ----------
    train, test : Rows
        What it is fitted to and what it scores.
    columns, options
        As in `fit`.

    Returns
    -------
    float64 array, shape (rows of test,)
        Probabilities of fake.
    """
    return fit(train, columns, options).predict(test.features[list(columns)])
