"""Images that the lists hold more than once: within a split, across splits, under both labels."""

from __future__ import annotations

from typing import Any

import pandas as pd

RED_SHARE = 0.01  # of a split's images: from this share on repeats across splits are red

Finding = dict[str, str]


def clusters(rows: pd.DataFrame, key: str) -> dict[str, Any]:
    """Count the clusters of images that share a key.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    key : str
        Column: `sha256` for copies, `cluster` for near-duplicates.

    Returns
    -------
    dict
        clusters and images : how many; largest : images of the largest cluster; by_splits : clusters
        by the splits that they lie in, e.g. `train+val`. A file that is listed twice counts once.
    """
    known = rows[rows["sha256"] != ""].drop_duplicates("path")
    shared = known.groupby(key).agg(
        size=("split", "size"), splits=("split", lambda split: "+".join(sorted(set(split))))
    )
    shared = shared[shared["size"] > 1]
    return {
        "clusters": len(shared),
        "images": int(shared["size"].sum()),
        "largest": int(shared["size"].max()) if len(shared) else 0,
        "by_splits": {str(name): int(n) for name, n in shared.groupby("splits").size().items()},
    }


def across_splits(rows: pd.DataFrame, key: str, word: str) -> list[Finding]:
    """Weigh the images of one split that are also in another.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    key : str
        Column: `sha256` for copies, `cluster` for near-duplicates.
    word : str
        What such images are called in the text.

    Returns
    -------
    list of dict
        level (red, amber or ok) and text, one for each pair of splits that both have images.
    """
    return _shared(rows[rows["status"] == "ok"], key, f"are {word} of")


def groups_across_splits(rows: pd.DataFrame) -> list[Finding]:
    """Weigh the images whose group, as groups.csv lists it, is also in another split: the same clip or person.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.

    Returns
    -------
    list of dict
        As of `across_splits`, for images whose group is listed; none without groups.csv, where a group is no more than a
        cluster of near-duplicates.
    """
    listed = rows[(rows["group"] != rows["cluster"]) & (rows["status"] == "ok")]
    return _shared(listed, "group", "share their listed group with")


def _shared(rows: pd.DataFrame, key: str, words: str) -> list[Finding]:
    """Level and text of each two splits that both have rows: how many of the second `words` one of the first by the key."""
    findings = []
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        left, right = rows[rows["split"] == first], rows[rows["split"] == second]
        if not len(left) or not len(right):
            continue
        count = int(right[key].isin(set(left[key])).sum())
        text = f"{count} of {len(right)} {second} images {words} a {first} image"
        findings.append({"level": _level(count, of=len(right)), "text": text})
    return findings


def under_both_labels(rows: pd.DataFrame) -> list[Finding]:
    """Weigh the labelled images with the same bytes under both labels, a fault of the lists.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.

    Returns
    -------
    list of dict
        level and text of these, and of near-duplicates under both labels, which are normal.
    """
    known = rows[(rows["status"] == "ok") & rows["target"].notna()]
    copies = known.groupby("sha256")["target"].nunique()
    near = known.groupby("cluster")["target"].nunique()
    count = int(known["sha256"].isin(copies[copies > 1].index).sum())
    mixed = int((near > 1).sum())
    return [
        {
            "level": _level(count, of=len(known)),
            "text": f"{count} images have the same bytes as one with the other label",
        },
        {
            "level": "ok",
            "text": f"{mixed} clusters of near-duplicates hold both classes; they share a fold",
        },
    ]


def _level(count: int, *, of: int) -> str:
    return "ok" if not count else "red" if count >= RED_SHARE * of else "amber"
