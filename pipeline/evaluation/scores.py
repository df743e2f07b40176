"""Scored images: val by the model, train out of fold, and their figures by source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.bundle import Prediction
from pipeline.evaluation import metrics


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


def novelty(val: pd.DataFrame) -> dict[str, Any]:
    """How well novelty tells which labelled val rows are on the wrong side of 0.5: AUC by source, and how many."""
    known = val[val["target"].notna()]
    parts = {"overall": known, **{str(s): part for s, part in known.groupby("source")}}
    found: dict[str, Any] = {}
    for name, part in parts.items():
        wrong = ((part["score"] >= 0.5) != (part["target"] == 1)).to_numpy(np.int64)
        area = metrics.auc(wrong, part["novelty"]) if len(part) else float("nan")
        found[name] = {"wrong": int(wrong.sum()), "n": len(part), "auc": area if np.isfinite(area) else None}
    return found


def join(
    val: pd.DataFrame, predictions: Sequence[Prediction], train: pd.DataFrame, oof: pd.DataFrame
) -> pd.DataFrame:
    """Val rows with what the model says and train rows with their out-of-fold score (`fold_out`).

    Columns beside the rows': score, novelty and llr_<kind> (the last two of val alone).
    """
    keys = ["img_name", "sha256"]
    known = oof.drop_duplicates(keys).set_index(keys)["score"]
    out = known.reindex(pd.MultiIndex.from_frame(train[keys])).to_numpy()
    kinds = list(predictions[0].log_likelihood_ratios) if predictions else []
    said = {
        "score": [v.score for v in predictions],
        "novelty": [v.novelty for v in predictions],
        **{f"llr_{kind}": [v.log_likelihood_ratios[kind] for v in predictions] for kind in kinds},
    }
    parts = [val.assign(**said, fold_out=False), train.assign(score=out, fold_out=True)]
    return pd.concat(parts, ignore_index=True)
