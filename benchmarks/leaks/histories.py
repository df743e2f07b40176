"""File histories of two classes, alike but for a value that some of the fakes alone have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.dataset.file_facts import COLUMNS
from pipeline.dataset.purity import DISCRETE

IMAGES = 3  # of a group
# How many values a fact has among honest files: cameras, apps and sites leave a few, sizes and headers many.
VALUES = {
    "width": 40,
    "height": 40,
    "header_bytes": 60,
    "table_hash": 20,
    "tables": 20,
    "quality": 12,
    "kind": 3,
}
FEW = 2  # values of every other fact
_FALL = 1.2  # frequency of the k-th value: k to the power of minus this


@dataclass(frozen=True)
class Design:
    """How histories are drawn.

    Attributes
    ----------
    groups : int
        Of each class.
    leak : float
        Share of the groups of fakes that have the value.
    noise : float
        Share of the groups of reals that have it too.
    """

    groups: int
    leak: float
    noise: float


def draw(design: Design, generator: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw images of both classes.

    Parameters
    ----------
    design : Design
    generator : numpy Generator

    Returns
    -------
    DataFrame
        Columns target and group.
    DataFrame
        File facts, same index: both classes have theirs from one distribution, alike within a group; then the JPEG
        quality of the groups with the leak is one that no other file has.
    """
    target = np.repeat([0, 1], design.groups)
    facts = pd.DataFrame(0.0, index=range(len(target)), columns=COLUMNS)
    for fact in DISCRETE:
        facts[fact] = _zipf(VALUES.get(fact, FEW), len(target), generator)
    share = np.where(target == 1, design.leak, design.noise)
    facts.loc[generator.random(len(target)) < share, "quality"] = -1.0
    rows = pd.DataFrame({"target": target, "group": [f"g{number}" for number in range(len(target))]})
    image = np.repeat(np.arange(len(target)), IMAGES)
    return rows.loc[image].reset_index(drop=True), facts.loc[image].reset_index(drop=True)


def _zipf(values: int, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    weight = np.arange(1, values + 1) ** -_FALL
    return generator.choice(values, size=count, p=weight / weight.sum()).astype(np.float64)
