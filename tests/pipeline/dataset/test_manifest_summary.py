"""What a person reads of a manifest."""

from __future__ import annotations

from pipeline.dataset.manifest_summary import issues, left_out, sizes, summarise
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


def test_what_is_left_out_is_told_by_status_the_most_frequent_first_with_an_example() -> None:
    rows = listing(*[("train", name, name, 0) for name in "abcde"]).assign(
        listed_in="d/train_label.txt", line=[2, 3, 4, 0, 6]
    )
    rows.loc[0, ["status", "detail"]] = ["bad_target", "train_label.txt line 2: target is 'x'"]
    rows.loc[2, ["status", "detail"]] = ["truncated", "cut off"]
    rows.loc[3, ["status", "detail"]] = ["truncated", "ends early"]
    rows.loc[4, "status"] = "held_out"
    assert left_out(rows) == [
        "2 of 5 listed images are left out as truncated, e.g. train_label.txt line 4: cut off",
        "1 of 5 listed images are left out as bad_target, e.g. train_label.txt line 2: target is 'x'",
    ]
    assert left_out(rows[3:4]) == ["1 of 1 listed images are left out as truncated, e.g. 3.jpg: ends early"]
