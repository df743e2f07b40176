"""Which images belong together and which are held out: groups, sources, a val part, images to calibrate on."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pandas as pd

from pipeline.dataset.lists import LabelError
from pipeline.dataset.near_duplicates import cluster, join

VAL_SHARE, CALIBRATION_SHARE = 0.15, 0.05
ONE_SOURCE, UNLISTED = "all", "unlisted"


def add_clusters(rows: pd.DataFrame, *, bits: int) -> pd.DataFrame:
    """Column `cluster`: exact and near-duplicates, across splits, named by the smallest hash."""
    hashes = [bytes.fromhex(value) for value in rows["phash"]]
    number = pd.Series(cluster(hashes, rows["sha256"].tolist(), bits=bits), index=rows.index)
    first = rows["sha256"].where(rows["sha256"] != "", rows["split"] + "/" + rows["img_name"])
    return rows.assign(cluster=first.groupby(number).transform("min").str[:16])


def add_groups(rows: pd.DataFrame, listed: dict[str, tuple[str, str]] | None) -> pd.DataFrame:
    """Columns `source` and `group`.

    listed : groups.csv. A train image's group is its listed group joined with the groups of all
    train images in its near-duplicate cluster, so that no fold separates near-duplicates; it takes
    the smallest name. Val and test keep their listed group; without one, it is the cluster.
    """
    if listed is None:
        return rows.assign(source=ONE_SOURCE, group=rows["cluster"])
    entries = [
        listed.get(f"{_folder(path, name)}/{name}") or listed.get(name) or ("", "")
        for path, name in zip(rows["path"], rows["img_name"], strict=True)
    ]
    source = pd.Series([s or UNLISTED for s, _ in entries], index=rows.index)
    group = pd.Series([g for _, g in entries], index=rows.index, dtype=object)
    group = group.where(group != "", rows["cluster"]).astype(str)
    train = rows["split"] == "train"
    joined = pd.Series(
        join(group[train].tolist(), rows.loc[train, "cluster"].tolist()), index=rows.index[train]
    )
    group[train] = group[train].groupby(joined).transform("min")
    return rows.assign(source=source, group=group)


def _folder(path: str, name: str) -> str:
    """Name of the image folder: what stands before the listed name."""
    return os.path.basename(path[: -len(name) - 1])


def carve_val(rows: pd.DataFrame) -> pd.DataFrame:
    """Move whole groups of train to val, about 15 % of each source and class, by group names."""
    return _carve(rows, VAL_SHARE, to="val")


def carve_calibration(rows: pd.DataFrame, *, count: int) -> pd.DataFrame:
    """Move whole groups of train, `count` images in all, to the split `calibration`, as in `carve_val`.

    At most a twentieth of the usable images: what is kept from training costs more than it gives beyond that.
    """
    usable = int(((rows["split"] == "train") & (rows["status"] == "ok")).sum())
    return _carve(rows, min(count / max(usable, 1), CALIBRATION_SHARE), to="calibration")


def _carve(rows: pd.DataFrame, share: float, *, to: str) -> pd.DataFrame:
    usable = rows[(rows["split"] == "train") & (rows["status"] == "ok")]
    groups = usable.groupby("group").agg(
        size=("target", "size"), fakes=("target", "sum"), source=("source", "first")
    )
    groups["stratum"] = groups["source"] + np.where(groups["fakes"] * 2 >= groups["size"], "/1", "/0")
    groups["order"] = [hashlib.sha256(f"{to}/{name}".encode()).hexdigest() for name in groups.index]
    chosen: set[str] = set()
    for _, stratum in groups.sort_values("order").groupby("stratum"):
        room = round(share * int(stratum["size"].sum()))
        for name, size in stratum["size"].items():
            if size <= room:
                chosen.add(str(name))
                room -= int(size)
    moved = (rows["split"] == "train") & rows["group"].isin(chosen)
    return rows.assign(split=rows["split"].mask(moved, to))


def holdout_source(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    """Give the train rows of a source the status held_out; LabelError lists the sources."""
    train = rows["split"] == "train"
    known = sorted(rows.loc[train, "source"].unique())
    if source not in known:
        raise LabelError(
            f"params.yaml: manifest.holdout_source is '{source}', sources of the train list are "
            f"{', '.join(known)}; name one of them or remove the key"
        )
    hit = train & (rows["source"] == source) & (rows["status"] == "ok")
    detail = f"source '{source}' is held out of training (manifest.holdout_source)"
    return rows.assign(status=rows["status"].mask(hit, "held_out"), detail=rows["detail"].mask(hit, detail))


def refuse_one_class(rows: pd.DataFrame) -> None:
    """LabelError when train lacks real or fake images, with what happened to its rows."""
    train = rows[rows["split"] == "train"]
    counts = train.loc[train["status"] == "ok", "target"].value_counts()
    absent = [f"{value} ({word})" for value, word in ((0, "real"), (1, "fake")) if not counts.get(value, 0)]
    if not absent:
        return
    bad = train.loc[train["status"] != "ok", "status"].value_counts()
    reasons = ", ".join(f"{count} {status}" for status, count in bad.items()) or "none are bad"
    first = train.loc[train["status"] != "ok", "detail"]
    example = f", for example: {first.iloc[0]}" if len(first) else ""
    raise LabelError(
        f"train has no usable image of target {' and '.join(absent)}; of its {len(train)} rows: "
        f"{reasons}{example}; both classes are needed (cache/manifest_issues.csv has every bad row)"
    )
