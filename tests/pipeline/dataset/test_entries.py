"""A row's file is the first there is inside the data root."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset.dataset_files import find, read_all
from pipeline.dataset.entries import ListedImage, locate
from tests.pipeline.dataset.folders import listed, put


def test_the_root_may_be_a_link_and_links_within_it_are_fine(root: Path) -> None:
    listed(root, "img_name,target\na.jpg,1\nlink.jpg,0\n", "a.jpg")
    (root / "trainset" / "link.jpg").symlink_to("a.jpg")
    other = root.parent / "linked"
    other.symlink_to(root)
    assert [r.status for r in read_all(find(other))] == ["ok", "ok"]


def row(name: str) -> ListedImage:
    return ListedImage(name=name, split="train", target=0, line=2, listed_in="train_label.txt")


def test_the_first_folder_that_has_the_name_counts(root: Path) -> None:
    put(root / "second/a.jpg", b"abc")
    folders = [root / "first", root / "second"]
    assert locate([row("a.jpg")], folders=folders, root=root)[0].path == str(root / "second/a.jpg")
    put(root / "first/a.jpg", b"x")
    found = locate([row("a.jpg")], folders=folders, root=root)[0]
    assert (found.path, found.size) == (str(root / "first/a.jpg"), 1)
    assert found.mtime_ns == (root / "first/a.jpg").stat().st_mtime_ns


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("none.jpg", "missing_file"),
        ("", "missing_file"),
        ("folder", "missing_file"),
        ("../x", "outside_root"),
    ],
)
def test_a_name_without_a_file_in_the_root_has_a_reason(root: Path, name: str, status: str) -> None:
    (root / "folder").mkdir()
    put(root.parent / "x")
    assert locate([row(name)], folders=[root], root=root)[0].status == status


def test_the_first_reason_stays() -> None:
    failed = row("a.jpg").failed("bad_target", "first").failed("missing_file", "second")
    assert (failed.status, failed.detail) == ("bad_target", "first")
