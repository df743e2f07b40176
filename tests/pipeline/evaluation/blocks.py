"""Three blocks, and rows in which the first tells the classes and the net does a little."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.bundle_info import BlockInfo
from pipeline.evaluation.refits import Bootstrap, Rows, quick
from pipeline.runtime import params

BLOCKS = {
    "good": BlockInfo(sort="spectral", columns=["good.x"]),
    "noise": BlockInfo(sort="spectral", columns=["noise.x", "noise.y"]),
    "rgb": BlockInfo(sort="net", columns=["rgb.labelled"]),
}
QUICK = quick(params.Train(feature_fraction=1.0, min_data_in_leaf=5), num_boost_round=20)
BOOTSTRAP = Bootstrap(resamples=20, seed=0)


def rows_of(n, *, sources=("a", "b"), seed=0):
    generator = np.random.default_rng(seed)
    target = np.arange(n) // 2 % 2
    values = generator.normal(size=(n, 4))
    values[:, 0] += 2 * target
    values[:, 3] += target
    return Rows(
        features=pd.DataFrame(
            values.astype(np.float32), columns=[c for block in BLOCKS.values() for c in block.columns]
        ),
        target=target,
        groups=np.array([f"g{i // 2}" for i in range(n)]),
        sources=np.array([sources[i // 4 % len(sources)] for i in range(n)]),
    )
