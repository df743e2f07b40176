"""Figures of slices of the scored images, and the images themselves, as tables for data browsers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.auc_interval import auc_interval
from pipeline.evaluation.metrics import losses

SIZES = (0, 128, 256, 512, 1024, np.inf)  # px of the shorter side
SIZE_NAMES = ("below 128", "128-255", "256-511", "512-1023", "from 1024")
NOVELTY = (0.0, 0.5, 0.9, 0.99, 0.999, np.inf)
NOVELTY_NAMES = ("below 0.5", "0.5-0.9", "0.9-0.99", "0.99-0.999", "from 0.999")
KEPT = ("img_name", "path", "split", "source", "group", "target", "score", "novelty")
FACE = {
    "found": "face_found",
    "n_faces": "n_faces",
    "prob": "face_prob",
    "width": "width",
    "height": "height",
}


def scored_images(scores: pd.DataFrame) -> pd.DataFrame:
    """A row an image, with what a data browser can sort and filter by.

    Parameters
    ----------
    scores : DataFrame
        cache/scores.parquet.

    Returns
    -------
    DataFrame
        `KEPT`, log-likelihood ratios, face and size, out_of_fold, log_loss and the slices that the image is in.
    """
    ratios = [column for column in scores.columns if column.startswith("llr_")]
    table = scores[[*KEPT, *ratios, *FACE]].rename(columns=FACE)
    known = scores["target"].notna() & scores["score"].notna()
    loss = np.full(len(scores), np.nan)
    loss[known] = losses(scores.loc[known, "target"].to_numpy(np.int64), scores.loc[known, "score"])
    return table.assign(out_of_fold=scores["fold_out"], log_loss=loss, **slices_of(scores))


def slices_of(scores: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """The slice of each image by each quality that may make it harder.

    Parameters
    ----------
    scores : DataFrame
        Rows of cache/scores.parquet.

    Returns
    -------
    dict of str to Series
        Names of slices, one an image.
    """
    side = scores[["width", "height"]].min(axis=1)
    ratios = scores[[column for column in scores.columns if column.startswith("llr_")]]
    kind = ratios.fillna(-np.inf).idxmax(axis=1).str.removeprefix("llr_") if ratios.shape[1] else ""
    kind = pd.Series(kind, index=scores.index).where(ratios.gt(0).any(axis=1), "none")
    endings = [os.path.splitext(name)[1].lower() or "none" for name in scores["img_name"]]
    faces = np.select([scores["found"] < 0.5, scores["n_faces"] > 1], ["none", "several"], "one")
    return {
        "by_source": scores["source"].astype(str),
        "by_face": pd.Series(faces, index=scores.index),
        "by_size": pd.cut(side, SIZES, right=False, labels=SIZE_NAMES).astype(str),
        "by_ending": pd.Series(endings, index=scores.index),
        "by_novelty": pd.cut(scores["novelty"], NOVELTY, right=False, labels=NOVELTY_NAMES).astype(str),
        "by_likest_kind": kind,
    }


def slice_figures(scores: pd.DataFrame) -> pd.DataFrame:
    """Figures of every slice of labelled, scored images.

    Parameters
    ----------
    scores : DataFrame
        Rows of cache/scores.parquet, of val.

    Returns
    -------
    DataFrame
        Columns slice, value, images, groups, real, fake, auc with low and high (absent with one class, or too few groups),
        mean_score, log_loss, real_flagged and fake_missed (shares at a threshold of 0.5).
    """
    rows = scores[scores["target"].notna() & scores["score"].notna()]
    table = [_figures("overall", "all", rows)]
    for name, values in slices_of(rows).items():
        table += [_figures(name, str(value), part) for value, part in rows.groupby(values)]
    return pd.DataFrame(table)


def _figures(name: str, value: str, rows: pd.DataFrame) -> dict[str, Any]:
    target, score = rows["target"].to_numpy(np.int64), rows["score"].to_numpy(np.float64)
    fakes = int(target.sum())
    row: dict[str, Any] = {"slice": name, "value": value, "images": len(rows)}
    row |= {"groups": rows["group"].nunique(), "real": len(rows) - fakes, "fake": fakes}
    area = auc_interval(target, score, rows["group"]) if 0 < fakes < len(rows) else {}
    row |= {"auc": area.get("value"), "auc_low": area.get("low"), "auc_high": area.get("high")}
    row |= {"mean_score": score.mean() if len(score) else None}
    row |= {"log_loss": losses(target, score).mean() if len(score) else None}
    row["real_flagged"] = float((score[target == 0] >= 0.5).mean()) if fakes < len(rows) else None
    row["fake_missed"] = float((score[target == 1] < 0.5).mean()) if fakes else None
    return row
