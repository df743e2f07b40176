"""Whole groups are moved, seldom more than the share, and what is missing is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import splits
from pipeline.dataset.lists import LabelError


def table(sizes: list[int], **columns: object) -> pd.DataFrame:
    """Train rows in groups of these sizes, a class for each group."""
    group = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
    target = np.repeat(np.arange(len(sizes)) % 2, sizes)
    rows = pd.DataFrame({"group": group, "target": pd.array(target, "Int8"), "split": "train"})
    return rows.assign(source="all", status="ok", detail="", **columns)


def test_without_a_val_list_whole_groups_of_both_classes_are_held_out() -> None:
    rows = splits.carve_val(table([3] * 60))
    held = rows[rows["split"] == "val"]
    assert not set(held["group"]) & set(rows.loc[rows["split"] == "train", "group"])
    assert held["target"].value_counts().to_dict() == {0: 12, 1: 12}  # the whole groups in 13.5
    shuffled = table([3] * 60).sample(frac=1, random_state=1)
    again = splits.carve_val(shuffled)
    assert set(again.loc[again["split"] == "val", "group"]) == set(held["group"])


def test_a_group_larger_than_the_share_stays_in_train() -> None:
    rows = splits.carve_val(table([500, 500, *[1] * 100]))
    assert set(rows.loc[rows["group"].isin(["g0", "g1"]), "split"]) == {"train"}
    assert (rows["split"] == "val").sum() == 100


@pytest.mark.parametrize(("count", "taken"), [(0, 0), (12, 12), (10**6, 30)])
def test_images_to_calibrate_on_are_whole_groups_and_few(count: int, taken: int) -> None:
    rows = splits.carve_calibration(table([3] * 200), count=count)
    held = rows[rows["split"] == "calibration"]
    assert len(held) == taken  # at most a twentieth
    assert (held["target"] == 1).sum() * 2 == taken
    assert not set(held["group"]) & set(rows.loc[rows["split"] == "train", "group"])
    assert set(rows["split"]) <= {"train", "calibration"}


def test_an_unknown_source_lists_those_there_are() -> None:
    with pytest.raises(LabelError, match=r"holdout_source is 'x', sources of the train list are all; name"):
        splits.holdout_source(table([1, 1]), "x")


def test_one_class_is_refused_with_what_happened_to_its_rows() -> None:
    rows = table([1, 1, 1])
    splits.refuse_one_class(rows)
    rows.loc[1, ["status", "detail"]] = ["truncated", "'b.jpg' is cut off"]
    with pytest.raises(LabelError, match=r"target 1 \(fake\); of its 3 rows: 1 truncated, for example: 'b"):
        splits.refuse_one_class(rows)


def test_a_group_that_train_renames_keeps_one_name_in_every_split() -> None:
    rows = pd.DataFrame(
        {
            "path": [f"{n}.jpg" for n in "abcd"],
            "img_name": [f"{n}.jpg" for n in "abcd"],
            "split": ["train", "train", "val", "val"],
            "cluster": ["x", "x", "y", "z"],  # a and b are near-duplicates, so that g2 joins g1
        }
    )
    listed = {"a.jpg": ("s", "g1"), "b.jpg": ("s", "g2"), "c.jpg": ("s", "g2"), "d.jpg": ("s", "g3")}
    assert splits.add_groups(rows, listed)["group"].tolist() == ["g1", "g1", "g1", "g3"]


def test_without_a_groups_file_the_cluster_is_the_group() -> None:
    rows = pd.DataFrame({"cluster": ["a", "b"]})
    grouped = splits.add_groups(rows, None)
    assert grouped["group"].tolist() == ["a", "b"]
    assert set(grouped["source"]) == {splits.ONE_SOURCE}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/trainset/deep/a.jpg", "deep/a.jpg"),
        ("data/trainset/deep/a.jpg", "./deep//a.jpg"),
        ("data/trainset/deep/a.jpg", "Deep\\A.jpg"),
        ("data/trainset/deep/e\u0301.jpg", "deep/é.jpg"),
    ],
)
def test_groups_are_found_however_the_lists_spell_a_name(path: str, name: str) -> None:
    rows = table([1], path=path, img_name=name, cluster="c")
    listed = {"trainset/deep/A.jpg": ("s", "g"), "trainset/deep/é.jpg": ("s", "g"), "deep/a.jpg": ("t", "h")}
    exact = ("t", "h") if name == "deep/a.jpg" else ("s", "g")
    grouped = splits.add_groups(rows, listed)
    assert (grouped["source"][0], grouped["group"][0]) == exact
    unsure = {
        "DEEP/a.jpg": ("s", "g"),
        "deep/A.JPG": ("s", "h"),
        "DEEP/É.jpg": ("s", "g"),
        "deep/É.JPG": ("s", "h"),
    }
    assert splits.add_groups(rows, unsure)["source"][0] == splits.UNLISTED


def test_clusters_are_named_by_their_smallest_hash() -> None:
    rows = pd.DataFrame(
        {"phash": ["", "", ""], "sha256": ["b" * 64, "b" * 64, ""], "split": "train", "img_name": list("xyz")}
    )
    assert splits.add_clusters(rows, bits=0)["cluster"].tolist() == ["b" * 16, "b" * 16, "train/z"]
