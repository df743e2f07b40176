"""Sections on the images."""

from __future__ import annotations

import pandas as pd

from pipeline.reporting import data_sections
from pipeline.reporting.number_format import ABSENT
from tests.pipeline.reporting.example import (
    ODD_IMAGE,
    ODD_SOURCE,
    audit,
    manifest,
    report_data,
    tables,
    texts,
)


def test_counts_are_by_split_in_the_order_of_use():
    counts = tables(data_sections.dataset(report_data()))[0]
    assert [column.title for column in counts.columns] == [
        "split",
        "source",
        "real",
        "fake",
        "of them not used",
    ]
    assert counts.rows == [
        ["train", "alpha", "1,200", "41", "1"],
        ["calibration", "alpha", "0", "5", "0"],
        ["val", "alpha", "30", "0", "0"],
    ]


def test_texts_name_lists_and_clusters():
    first, identical, near, *_ = texts(data_sections.dataset(report_data()))
    assert first == (
        "1,276 listed images under data/x; lists: a.txt, b.txt. Val: listed. Groups: groups.csv."
    )
    assert identical == "Clusters of identical files: 3 (1 across train+val), the largest of 3 images."
    assert near == "Clusters of near-duplicates: 0 (none across splits), the largest of 0 images."


def test_a_source_that_was_held_out_is_named():
    section = data_sections.dataset(report_data(manifest=manifest(holdout_source="beta")))
    assert "Source beta was left out of training (manifest.holdout_source)." in texts(section)
    assert not any("left out" in text for text in texts(data_sections.dataset(report_data())))


def test_bad_rows_are_listed_and_none_is_a_sentence():
    bad = tables(data_sections.dataset(report_data()))[1]
    assert bad.rows == [["a.txt, line 7", ODD_IMAGE, "missing_file", "not there <here>"]]
    assert bad.caption.startswith("1 of 1 bad rows")
    clean = data_sections.dataset(report_data(manifest=manifest(bad_rows=0, issues=[])))
    assert "No listed row was bad." in texts(clean)


def test_a_long_list_of_bad_rows_is_cut():
    issues = manifest()["issues"] * 30
    section = data_sections.dataset(report_data(manifest=manifest(bad_rows=1030, issues=issues)))
    bad = tables(section)[1]
    assert len(bad.rows) == data_sections.MAX_ISSUES
    assert bad.caption.startswith("20 of 1,030 bad rows")


def test_no_listed_image_has_no_counts():
    section = data_sections.dataset(report_data(manifest=manifest(counts=[])))
    assert [table.columns[0].title for table in tables(section)] == ["where", "source"]


def test_faces_are_counted_by_source_and_class():
    frame = pd.DataFrame(
        {
            "source": ["a", "a", "a", "b", "a"],
            "target": pd.array([0, 0, 1, 1, None], dtype="Int8"),
            "found": [1.0, 0.0, 1.0, 1.0, 0.0],
            "n_faces": [2, 0, 1, 1, 0],
        }
    )
    section = data_sections.dataset(report_data(scores=frame))
    assert tables(section)[-1].rows == [
        ["a", "2", "50.00\u00a0%", "1", "100.00\u00a0%", "33.33\u00a0%"],
        ["b", "0", ABSENT, "1", "100.00\u00a0%", "0.00\u00a0%"],
    ]
    assert texts(section)[-1].startswith("A face was found in 75.00\u00a0% of 4 labelled images")


def test_no_labelled_image_has_no_rate():
    section = data_sections.dataset(report_data(scores=report_data().scores.assign(target=pd.NA)))
    assert "Faces" not in texts(section)


def test_audit_shows_every_result_and_finding():
    facts, findings = tables(data_sections.audit(report_data(audit=audit("amber"))))
    assert facts.rows == [
        ["overall", "file size", "9", "0.625", "0.25", "bytes, width", "ok"],
        [ODD_SOURCE, "file size", "9", ABSENT, ABSENT, "", "too few images"],
    ]
    assert [row[0] for row in findings.rows] == ["amber", "ok"]


def test_an_audit_that_has_not_run_says_so():
    assert texts(data_sections.audit(report_data(audit={}))) == ["The audit has not run."]
