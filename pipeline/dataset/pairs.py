"""Pairs of images that belong together and are held apart: in two splits, or in two groups of train."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from pipeline.dataset.look_alikes import joined, look_alikes
from pipeline.dataset.repeats import Finding, across_splits
from pipeline.dataset.sketches import sketch_files
from pipeline.runtime.engine import Engine
from pipeline.storage.unmade import Unmade

NEAR_DUPLICATE, SAME_PERSON = "near-duplicate", "same person"
MAX_PAIRS = 500  # of each kind that the report lists: those across splits first, then the likeliest
_KEPT = ["img_name", "path", "sha256", "split", "target", "group", "width", "height"]

Pair = dict[str, Any]


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """One usable row of each content, with its index."""
    return rows[rows["status"] == "ok"].drop_duplicates("sha256")


def near_duplicates(rows: pd.DataFrame, *, engine: Engine) -> tuple[list[Pair], list[Finding], list[Unmade]]:
    """Find near-duplicates, mirrored, cropped, framed and recoloured ones too.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    engine : Engine
        Where files are read.

    Returns
    -------
    list of dict
        As `held_apart` gives them.
    list of dict
        Level and text of each two splits, and of train.
    list of Unmade
        Images that were not looked at, because their file is not the one that stage manifest saw.
    """
    images = distinct(rows)
    sketches, unmade = sketch_files(images, engine=engine)
    alike = look_alikes(sketches, engine=engine)
    place = dict(zip(rows.index, range(len(rows)), strict=True))
    labels = joined(rows["cluster"].tolist(), [place[index] for index in images.index], alike)
    findings = across_splits(rows.assign(cluster=labels), "cluster", "near-duplicates")
    pairs = held_apart(
        NEAR_DUPLICATE,
        images,
        [(pair.first, pair.second, pair.correlation, pair.mirrored) for pair in alike],
    )
    return pairs, [*findings, *in_train(pairs, "near-duplicates")], unmade


def held_apart(kind: str, images: pd.DataFrame, pairs: Iterable[tuple[int, int, float, bool]]) -> list[Pair]:
    """The pairs that lie in two splits, or in two groups of train.

    Parameters
    ----------
    kind : str
        `NEAR_DUPLICATE` or `SAME_PERSON`.
    images : DataFrame
        Manifest rows.
    pairs : iterable of (int, int, float, bool)
        Places of two images in the table, how surely they belong together, and whether one is mirrored.

    Returns
    -------
    list of dict
        kind, first and second (facts of the two), likeness, mirrored; across splits first, the likeliest first.
    """
    records = images[_KEPT].to_dict("records")
    found = [
        {"kind": kind, "first": records[a], "second": records[b], "likeness": likeness, "mirrored": mirrored}
        for a, b, likeness, mirrored in pairs
    ]
    apart = [pair for pair in found if _crosses(pair) or (_is_train(pair) and _is_divided(pair))]
    return sorted(apart, key=lambda pair: (not _crosses(pair), -pair["likeness"]))


def in_train(pairs: Sequence[Pair], word: str) -> list[Finding]:
    """Level and text of the pairs in two groups of train: a fold may part them, and out-of-fold figures are too good."""
    count = sum(not _crosses(pair) for pair in pairs)
    if not count:
        return []
    text = (
        f"{word} in train lie in different groups (pairs: {count}), so a fold may part them: give both one group in "
        "groups.csv"
    )
    return [{"level": "amber", "text": text}]


def listed(pairs: Sequence[Pair]) -> list[Pair]:
    """What the report's file holds of them."""
    return [
        {
            **pair,
            "likeness": round(float(pair["likeness"]), 4),
            **{side: _plain(pair[side]) for side in ("first", "second")},
        }
        for pair in pairs[:MAX_PAIRS]
    ]


def _plain(image: dict[str, Any]) -> dict[str, Any]:
    target = image["target"]
    sizes = {name: int(image[name]) for name in ("width", "height")}
    return {**image, **sizes, "target": None if pd.isna(target) else int(target)}


def _crosses(pair: Pair) -> bool:
    return bool(pair["first"]["split"] != pair["second"]["split"])


def _is_train(pair: Pair) -> bool:
    return bool(pair["first"]["split"] == "train")


def _is_divided(pair: Pair) -> bool:
    return bool(pair["first"]["group"] != pair["second"]["group"])
