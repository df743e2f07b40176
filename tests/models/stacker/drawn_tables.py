"""Small tables whose columns are known to tell one kind of fake each."""

import numpy as np
import pandas as pd

from pipeline.runtime.params import Train

OPTIONS = Train(folds=3, num_boost_round=60, early_stopping=10, learning_rate=0.1, num_leaves=7)
LOGITS = ("net_n.labelled", "net_n.blend")


def table(n=600, seed=0):
    """Features of which `net_n.labelled` tells the target, target, groups of two."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, n)
    features = pd.DataFrame(
        rng.normal(size=(n, 4)).astype(np.float32), columns=["a.x", "a.y", "net_n.labelled", "b.z"]
    )
    features["net_n.labelled"] += 1.5 * target.astype(np.float32)
    features.loc[::7, "a.y"] = np.nan
    groups = (np.arange(n) // 2).astype(str)
    return features, target, groups


def kinds_table(n=900, seed=3):
    """Two kinds of fake, each seen by one column alone."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["real", "labelled", "blend"])[rng.integers(0, 3, n)]
    features = pd.DataFrame(
        rng.normal(size=(n, 3)).astype(np.float32), columns=["a.x", "net_n.labelled", "net_n.blend"]
    )
    features["net_n.labelled"] += (2.5 * (kinds == "labelled")).astype(np.float32)
    features["net_n.blend"] += (2.5 * (kinds == "blend")).astype(np.float32)
    return features, (kinds != "real").astype(int), np.arange(n).astype(str), kinds
