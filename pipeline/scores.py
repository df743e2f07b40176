"""Scored images: val by the model, train out of fold, and their figures by source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline import metrics


def summaries(rows: pd.DataFrame, *, resamples: int, seed: int) -> dict[str, Any]:
    """Figures of scored rows (target, source, group, score): `overall` and `by_source`."""
    known = rows[rows["target"].notna() & rows["score"].notna()]

    def figures(part: pd.DataFrame) -> dict[str, Any]:
        target = part["target"].to_numpy(dtype=np.int64)
        return metrics.summary(target, part["score"], part["group"], resamples=resamples, seed=seed)

    sources = sorted(known["source"].unique())
    return {
        "overall": figures(known),
        "by_source": {s: figures(known[known["source"] == s]) for s in sources},
    }


def join(
    val: pd.DataFrame, score: NDArray[np.float64], train: pd.DataFrame, oof: pd.DataFrame
) -> pd.DataFrame:
    """Val rows with the model's score and train rows with their out-of-fold score (`fold_out`)."""
    keys = ["img_name", "sha256"]
    known = oof.drop_duplicates(keys).set_index(keys)["score"]
    out = known.reindex(pd.MultiIndex.from_frame(train[keys])).to_numpy()
    parts = [val.assign(score=score, fold_out=False), train.assign(score=out, fold_out=True)]
    return pd.concat(parts, ignore_index=True)
