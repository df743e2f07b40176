"""Near-duplicates in two splits, or in two groups of train, are found, weighed and listed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pandas as pd

from pipeline.dataset.pairs import listed, near_duplicates
from pipeline.runtime.engine import Engine
from tests.pipeline.dataset.pictures import scene
from tests.pipeline.dataset.test_leakage import dataset, seen_again

HERE = Engine(backend="sequential")


def planted(folder: Path, *, split: str) -> pd.DataFrame:
    """Ten different pictures of train, and two mirrored copies of them."""
    rows = dataset(folder, count=12)
    for i, path in enumerate(rows["path"]):
        picture = scene(i % 10, side=96)
        cv2.imwrite(path, picture if i < 10 else picture[:, ::-1])
    rows = seen_again(rows)
    rows["cluster"] = rows["group"] = rows["sha256"].str[:16]
    rows.loc[10:, "split"] = split
    return rows.assign(width=96, height=96)


def test_mirrored_copies_in_val_are_red(tmp_path: Path) -> None:
    pairs, findings, unmade = near_duplicates(planted(tmp_path, split="val"), engine=HERE)
    assert findings == [{"level": "red", "text": "2 of 2 val images are near-duplicates of a train image"}]
    assert [(p["first"]["img_name"], p["second"]["img_name"]) for p in pairs] in (
        [("0.jpg", "10.jpg"), ("1.jpg", "11.jpg")],
        [("1.jpg", "11.jpg"), ("0.jpg", "10.jpg")],
    )
    assert all(pair["mirrored"] for pair in pairs)
    assert unmade == []
    json.dumps(listed(pairs))


def test_copies_in_two_groups_of_train_are_amber_and_in_one_group_nothing(tmp_path: Path) -> None:
    rows = planted(tmp_path, split="train")
    pairs, findings, _ = near_duplicates(rows, engine=HERE)
    assert [finding["level"] for finding in findings] == ["amber"]
    assert findings[0]["text"].startswith("near-duplicates in train lie in different groups (pairs: 2)")
    assert len(pairs) == 2
    assert near_duplicates(rows.assign(group="one"), engine=HERE)[:2] == ([], [])


def test_a_file_that_changed_is_named_and_is_like_none(tmp_path: Path) -> None:
    rows = planted(tmp_path, split="val")
    Path(rows["path"][10]).write_bytes(b"other")
    pairs, findings, unmade = near_duplicates(rows, engine=HERE)
    assert [item.status for item in unmade] == ["changed_file"]
    assert len(pairs) == 1
    assert findings[0]["text"].startswith("1 of 2 val images")
