"""The named blocks of one face: which there are, and their values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import features.blocks  # noqa: F401  (registers every block)
from features.registry import BLOCKS, Block
from features.signals import Signals
from features.views import FaceViews


def blocks() -> dict[str, Block]:
    """All registered blocks.

    Returns
    -------
    dict
        Name -> block, by name.
    """
    return dict(sorted(BLOCKS.items()))


def get(name: str) -> Block:
    """One block.

    Parameters
    ----------
    name : str
        Name of a registered block.

    Returns
    -------
    Block
        The block of that name.

    Raises
    ------
    ValueError
        No block of that name is registered; the message lists those that are.
    """
    if name not in BLOCKS:
        raise ValueError(
            f"spectral block '{name}' is unknown; known blocks are {', '.join(blocks())}; "
            f"correct the name, or write features/blocks/{name}.py"
        )
    return BLOCKS[name]


def compute(views: FaceViews, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Values of some blocks on one face; what they share is computed once.

    Parameters
    ----------
    views : FaceViews
        The face.
    names : sequence of str
        Names of registered blocks.

    Returns
    -------
    dict
        Name -> float32 array, shape (columns of the block,), in the order of `names`: finite, or NaN where
        nothing can be measured.

    Raises
    ------
    ValueError
        A name is not that of a registered block.
    """
    chosen = [get(name) for name in names]
    signals = Signals(views)
    return {block.name: block.compute(signals) for block in chosen}
