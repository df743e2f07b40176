"""Which images belong together and which are held out: groups, sources, a val part, images to calibrate on."""

from __future__ import annotations

import hashlib
import posixpath

import numpy as np
import pandas as pd

from pipeline.dataset.lists import LabelError
from pipeline.dataset.near_duplicates import cluster, join
from pipeline.dataset.spellings import folded, slashed

VAL_SHARE, CALIBRATION_SHARE = 0.15, 0.05
ONE_SOURCE, UNLISTED = "all", "unlisted"


def add_clusters(rows: pd.DataFrame, *, bits: int) -> pd.DataFrame:
    """Add the column `cluster`: exact and near-duplicates, across splits.

    Parameters
    ----------
    rows : DataFrame
        Columns phash (hexadecimal), sha256, split, img_name.
    bits : int
        Distance of perceptual hashes up to which two images are near-duplicates.

    Returns
    -------
    DataFrame
        With `cluster`, the first 16 digits of the smallest hash in it.
    """
    hashes = [bytes.fromhex(value) for value in rows["phash"]]
    number = pd.Series(cluster(hashes, rows["sha256"].tolist(), bits=bits), index=rows.index)
    first = rows["sha256"].where(rows["sha256"] != "", rows["split"] + "/" + rows["img_name"])
    return rows.assign(cluster=first.groupby(number).transform("min").str[:16])


def add_groups(rows: pd.DataFrame, listed: dict[str, tuple[str, str]] | None) -> pd.DataFrame:
    """Add the columns `source` and `group`.

    A train image's group is its listed group joined with the groups of all train images in its
    near-duplicate cluster, so that no fold separates near-duplicates; it takes the smallest name.
    Val and test keep their listed group, under the name that train gives it; without one, it is the cluster.

    Parameters
    ----------
    rows : DataFrame
        Columns path, img_name, split, cluster.
    listed : dict or None
        groups.csv as `read_groups` returns it; a name in another spelling (case, Unicode form, backslashes) is taken
        where no other is meant.

    Returns
    -------
    DataFrame
        With `source` (`ONE_SOURCE` without groups.csv) and `group`.
    """
    if listed is None:
        return rows.assign(source=ONE_SOURCE, group=rows["cluster"])
    by_spelling = _by_spelling(listed)
    entries = [
        listed.get(f"{_folder(path, name)}/{name}")
        or listed.get(name)
        or by_spelling.get(_spelling(f"{_folder(path, name)}/{name}"))
        or by_spelling.get(_spelling(name))
        or ("", "")
        for path, name in zip(rows["path"], rows["img_name"], strict=True)
    ]
    source = pd.Series([s or UNLISTED for s, _ in entries], index=rows.index)
    group = pd.Series([g for _, g in entries], index=rows.index, dtype=object)
    group = group.where(group != "", rows["cluster"]).astype(str)
    train = rows["split"] == "train"
    joined = pd.Series(
        join(group[train].tolist(), rows.loc[train, "cluster"].tolist()), index=rows.index[train]
    )
    name = group[train].groupby(joined).transform("min")
    group = group.map(dict(zip(group[train], name, strict=True))).fillna(group)
    return rows.assign(source=source, group=group)


def _by_spelling(listed: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The entries by what the spellings of a name have in common, without those that disagree."""
    entries: dict[str, set[tuple[str, str]]] = {}
    for name, entry in listed.items():
        entries.setdefault(_spelling(name), set()).add(entry)
    return {name: found.pop() for name, found in entries.items() if len(found) == 1}


def _spelling(name: str) -> str:
    return folded(posixpath.normpath(slashed(name)))


def _folder(path: str, name: str) -> str:
    """Name of the image folder: what stands before the listed name, however the file spells that."""
    depth = posixpath.normpath(name if path.endswith("/" + name) else slashed(name)).count("/") + 1
    return path.rsplit("/", depth)[0].rpartition("/")[2] if path.count("/") >= depth else ""


def carve_val(rows: pd.DataFrame) -> pd.DataFrame:
    """Move whole groups of train to val: about `VAL_SHARE` of each source and class.

    Parameters
    ----------
    rows : DataFrame
        Columns split, status, group, target, source.

    Returns
    -------
    DataFrame
        With the changed `split`; which groups depends on their names alone.
    """
    return _carve(rows, VAL_SHARE, to="val")


def carve_calibration(rows: pd.DataFrame, *, count: int) -> pd.DataFrame:
    """Move whole groups of train to the split `calibration`, in the way of `carve_val`.

    Parameters
    ----------
    rows : DataFrame
        Columns split, status, group, target, source.
    count : int
        Images in all; at most `CALIBRATION_SHARE` of the usable ones, beyond which what is kept from
        training costs more than it gives.

    Returns
    -------
    DataFrame
        With the changed `split`.
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
    """Keep a source out of training.

    Parameters
    ----------
    rows : DataFrame
        Columns split, source, status, detail.
    source : str
        One of the train list's sources.

    Returns
    -------
    DataFrame
        With the status held_out in its usable train rows.

    Raises
    ------
    LabelError
        For an unknown source; the message lists the known ones.
    """
    train = rows["split"] == "train"
    known = sorted(rows.loc[train, "source"].unique())
    if source not in known:
        raise LabelError(
            f"params.yaml: manifest.holdout_source is '{source}', sources of the train list are "
            f"{', '.join(known)}; name one of them or remove the key"
        )
    held_out = train & (rows["source"] == source) & (rows["status"] == "ok")
    detail = f"source '{source}' is held out of training (manifest.holdout_source)"
    return rows.assign(
        status=rows["status"].mask(held_out, "held_out"), detail=rows["detail"].mask(held_out, detail)
    )


def refuse_one_class(rows: pd.DataFrame) -> None:
    """Refuse a train list without usable images of both classes.

    Parameters
    ----------
    rows : DataFrame
        Columns split, target, status, detail.

    Raises
    ------
    LabelError
        Naming the class that lacks and what happened to the rows.
    """
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
