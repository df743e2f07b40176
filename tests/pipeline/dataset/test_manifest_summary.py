"""What a person reads of a manifest."""

from __future__ import annotations

from pipeline.dataset.manifest_summary import issues, sizes, summarise
from tests.pipeline.dataset.test_repeats import listing


def test_sizes_by_class() -> None:
    rows = listing(("train", "a", "a", 0), ("train", "b", "b", 1), ("val", "c", "c", 1))
    assert sizes(rows) == [{"width": 8, "height": 8, "real": 1, "fake": 2}]


def test_bad_rows_are_listed_and_counted_by_class_and_status() -> None:
    rows = listing(("train", "a", "a", 0), ("train", "b", "b", 1), ("val", "c", "c", 1))
    rows["listed_in"] = "train_label.txt"
    rows.loc[0, ["status", "detail"]] = ["truncated", "cut off"]
    rows.loc[1, "status"] = "held_out"
    assert issues(rows).to_dict("records") == [
        {
            "file": "train_label.txt",
            "line": 0,
            "img_name": "0.jpg",
            "status": "truncated",
            "detail": "cut off",
        }
    ]
    summary = summarise(rows, {"root": "data"})
    assert (summary["root"], summary["images"], summary["bad_rows"]) == ("data", 3, 1)
    counts = {(c["split"], c["class"], c["status"]): c["images"] for c in summary["counts"]}
    assert counts == {
        ("train", "fake", "held_out"): 1,
        ("train", "real", "truncated"): 1,
        ("val", "fake", "ok"): 1,
    }
