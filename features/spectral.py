"""The named blocks of one face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.registry import get
from features.signals import Signals
from features.views import FaceViews


def compute(views: FaceViews, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Values of the blocks `names`, float32 (n columns of the block,), in the order of `names`.

    Values are finite or NaN. Work that blocks share is done once. ValueError for an unknown name.
    """
    chosen = [get(name) for name in names]
    signals = Signals(views)
    return {block.name: block.compute(signals) for block in chosen}
