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
    """All registered blocks, by name, in the order of registration."""
    return dict(BLOCKS)


def get(name: str) -> Block:
    """The block of that name; ValueError lists the valid ones."""
    if name not in BLOCKS:
        raise ValueError(f"spectral block '{name}' is unknown; known blocks are {', '.join(sorted(BLOCKS))}")
    return BLOCKS[name]


def compute(views: FaceViews, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Values of the blocks `names`, float32 (n columns of the block,), in the order of `names`.

    Values are finite or NaN. Work that blocks share is done once. ValueError for an unknown name.
    """
    chosen = [get(name) for name in names]
    signals = Signals(views)
    return {block.name: block.compute(signals) for block in chosen}
