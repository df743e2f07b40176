"""Listed images get their files' facts; the first reason of a bad row stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset.entries import ListedImage
from pipeline.dataset.file_index import FileTable
from pipeline.dataset.image_search import locate
from pipeline.dataset.manifest_rows import COLUMNS, build, check_files
from pipeline.runtime import params
from tests.pipeline.dataset.pictures import draw

COMPUTE = params.Compute(backend="sequential")


def test_a_row_has_the_facts_of_its_file_or_its_first_reason(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", 0)
    names = ("a.jpg", "gone.jpg")
    listed = [
        ListedImage(name=n, split="train", target=1, line=i + 2, listed_in="l") for i, n in enumerate(names)
    ]
    listed = locate(listed, folders=[tmp_path], root=tmp_path)
    rows = check_files(listed, FileTable(tmp_path / "files", 10**6), compute=COMPUTE)
    assert rows["status"].tolist() == ["ok", "missing_file"]
    assert rows["width"].tolist() == [96, 0]
    assert set(COLUMNS) - set(rows.columns) == {"source", "group", "cluster"}
    assert {"phash", "listed_in"} <= set(rows.columns)


def test_another_spelling_is_a_remark_beside_those_of_the_file(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", 0)
    listed = [ListedImage(name="A.JPG", split="test", target=None, line=2, listed_in="l")]
    rows = check_files(
        locate(listed, folders=[tmp_path], root=tmp_path),
        FileTable(tmp_path / "files", 10**6),
        compute=COMPUTE,
    )
    assert rows["status"].tolist() == ["ok"]
    (detail,) = rows["detail"]
    assert detail == "listed as 'A.JPG', found as 'a.jpg' (another spelling: case); converted from gray"


def test_splits_come_in_order_and_say_where_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split, count in (("test", 2), ("val", 3), ("train", 4)):
        lines = []
        for i in range(count):
            draw(tmp_path / f"data/{split}set/{split}{i}.jpg", len(split) * 10 + i)
            lines.append(f"{split}{i}.jpg,{i % 2}")
        (tmp_path / f"data/{split}_label.txt").write_text("\n".join(["img_name,target", *lines]))
    rows, origin = build(params.Data(root="data"), params.Manifest(), COMPUTE)
    assert rows["split"].tolist() == ["train"] * 4 + ["val"] * 3 + ["test"] * 2
    assert origin["val"] == "listed"
    assert origin["lists"] == ["data/train_label.txt", "data/val_label.txt", "data/test_label.txt"]
    assert origin["warnings"] == []
    (tmp_path / "data/trainset/train0.jpg").rename(tmp_path / "data/trainset/Train0.jpg")
    (warning,) = build(params.Data(root="data"), params.Manifest(), COMPUTE)[1]["warnings"]
    assert warning.startswith("1 names were found under another spelling; the first: listed as 'train0.jpg'")
    (tmp_path / "data/trainset/Train0.jpg").rename(tmp_path / "data/trainset/train0.jpg")
    (tmp_path / "data/demo.json").write_text("{}")
    (warning,) = build(params.Data(root="data"), params.Manifest(), COMPUTE)[1]["warnings"]
    assert "drawn" in warning and "nothing about real deepfakes" in warning
