"""Copies within and across splits and under both labels are counted and weighed."""

from __future__ import annotations

import pandas as pd

from pipeline.dataset import repeats
from pipeline.dataset.manifest_rows import COLUMNS


def listing(*entries: tuple[str, str, str, int]) -> pd.DataFrame:
    """Manifest rows of (split, sha256, cluster, target) without files."""
    rows = [
        (f"{i}.jpg", "", split, target, cluster, "all", sha, 8, 8, "ok", "", i, cluster)
        for i, (split, sha, cluster, target) in enumerate(entries)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def levels(findings: list[dict[str, str]]) -> dict[str, str]:
    return {f["text"]: f["level"] for f in findings}


def test_copies_across_splits_are_counted_and_weighed() -> None:
    rows = listing(
        ("train", "a", "a", 0), ("val", "a", "a", 0), *[("val", f"v{i}", "v", 1) for i in range(49)]
    )
    found = levels(repeats.across_splits(rows, "sha256", "exact copies"))
    assert found == {"1 of 50 val images are exact copies of a train image": "red"}
    more = pd.concat([rows, listing(*[("val", f"w{i}", "w", 1) for i in range(200)])])
    assert set(levels(repeats.across_splits(more, "sha256", "exact copies")).values()) == {"amber"}
    apart = rows.assign(sha256=[str(i) for i in range(51)])
    assert set(levels(repeats.across_splits(apart, "sha256", "exact copies")).values()) == {"ok"}


def test_groups_across_splits_are_red_with_their_share() -> None:
    rows = listing(*[("train", f"t{i}", f"t{i}", i % 2) for i in range(9)])
    val = listing(*[("val", f"v{i}", f"v{i}", i % 2) for i in range(9)])
    rows["group"] = val["group"] = [f"clip{i}" for i in range(9)]
    both = pd.concat([rows, val], ignore_index=True)
    found = levels(repeats.groups_across_splits(both))
    assert found == {"9 of 9 val images share their listed group with a train image": "red"}
    apart = both.assign(group=both["split"] + both["group"])
    assert set(levels(repeats.groups_across_splits(apart)).values()) == {"ok"}


def test_without_a_groups_file_nothing_is_said_of_groups() -> None:
    rows = listing(("train", "a", "a", 0), ("val", "a", "a", 0))
    assert repeats.groups_across_splits(rows.assign(group=rows["cluster"])) == []


def test_conflicting_labels_on_the_same_bytes() -> None:
    rows = listing(("train", "a", "a", 0), ("train", "a", "a", 1), ("train", "b", "b", 0))
    found = levels(repeats.under_both_labels(rows))
    assert found["2 images have the same bytes as one with the other label"] == "red"
    assert found["1 clusters of near-duplicates hold both classes; they share a fold"] == "ok"
    rows.loc[1, "status"] = "conflicting_label"
    assert set(levels(repeats.under_both_labels(rows)).values()) == {"ok"}


def test_clusters_are_counted_by_the_splits_they_lie_in() -> None:
    rows = listing(("train", "a", "a", 0), ("train", "a", "a", 0), ("val", "b", "a", 1), ("val", "c", "c", 1))
    rows["path"] = rows["img_name"]
    assert repeats.clusters(rows, "sha256") == {
        "clusters": 1,
        "images": 2,
        "largest": 2,
        "by_splits": {"train": 1},
    }
    assert repeats.clusters(rows, "cluster")["by_splits"] == {"train+val": 1}
    rows.loc[1, "path"] = rows.loc[0, "path"]  # listed twice: one image
    assert repeats.clusters(rows, "sha256")["clusters"] == 0
