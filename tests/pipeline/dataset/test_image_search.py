"""A row's file: the first there is inside the data root, behind links, or under another spelling."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from pipeline.dataset.dataset_files import find, read_all
from pipeline.dataset.entries import ListedImage
from pipeline.dataset.image_search import locate, notes
from tests.pipeline.dataset.folders import listed, put


def test_the_root_may_be_a_link_and_links_within_it_are_fine(root: Path) -> None:
    listed(root, "img_name,target\na.jpg,1\nlink.jpg,0\n", "a.jpg")
    (root / "trainset" / "link.jpg").symlink_to("a.jpg")
    other = root.parent / "linked"
    other.symlink_to(root)
    assert [r.status for r in read_all(find(other))] == ["ok", "ok"]


def test_links_to_another_disk_are_followed_and_said(root: Path) -> None:
    disk = root.parent / "disk"
    for place in ("trainset/a.jpg", "trainset/deep/b.jpg", "c.jpg"):
        put(disk / place)
    put(root / "train_label.txt", "img_name,target\na.jpg,1\ndeep/b.jpg,0\nlink.jpg,1\nlinked/b.jpg,0\n")
    (root / "trainset").symlink_to(disk / "trainset")
    (disk / "trainset/link.jpg").symlink_to(disk / "c.jpg")
    (disk / "trainset/linked").symlink_to("deep")
    rows = read_all(find(root))
    assert [row.status for row in rows] == ["ok"] * 4
    assert rows[0].path == str(root / "trainset/a.jpg")
    where = f"{disk}/trainset/deep (2), {disk} (1), {disk}/trainset (1)"
    assert notes(rows, root=root) == [f"4 images lie behind links that lead out of {root}, in {where}"]


def test_a_planted_link_opens_neither_the_machine_nor_what_is_no_file(root: Path) -> None:
    put(root.parent / "other/a.jpg")
    (root / "up").symlink_to("..")
    (root / "all").symlink_to("/")
    (root / "kernel.jpg").symlink_to("/proc/self/environ")
    (root / "device.jpg").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.jpg")
    names = ["up/other/a.jpg", f"all{root.parent}/other/a.jpg", "kernel.jpg", "device.jpg", "pipe.jpg"]
    found = locate([row(name) for name in names], folders=[root], root=root)
    assert [one.status for one in found] == ["outside_root"] * 2 + ["missing_file"] * 3
    assert not any(one.path for one in found)


@pytest.mark.parametrize("name", ["deep/../a.jpg", "./a.jpg", "deep//..//a.jpg", "../data/a.jpg"])
def test_names_may_go_about_inside_the_root(root: Path, name: str) -> None:
    put(root / "a.jpg")
    (root / "deep").symlink_to("/usr")
    (found,) = locate([row(name)], folders=[root], root=root)
    assert (found.status, found.path) == ("ok", str(root / "a.jpg"))
    absolute = locate([row(str(root / "a.jpg"))], folders=[root], root=root)[0]
    assert absolute.path == str(root / "a.jpg")


NFC, NFD = "é.jpg", "e\u0301.jpg"


@pytest.mark.parametrize(
    ("listed_as", "there", "says"),
    [
        (NFC, NFD, "(another spelling: Unicode form)"),
        (NFD, NFC, "(another spelling: Unicode form)"),
        ("IMG.JPG", "img.jpg", "listed as 'IMG.JPG', found as 'img.jpg' (another spelling: case)"),
        ("clip7\\a.jpg", "clip7/a.jpg", "(another spelling: backslashes)"),
        ("Clip7\\É.JPG", f"clip7/{NFD}", "(another spelling: backslashes and Unicode form and case)"),
        ("a.jpg", " a.jpg", "(another spelling: spaces)"),
        ("..\\data\\A.jpg", "a.jpg", "found as 'a.jpg'"),
    ],
)
def test_another_spelling_is_found_and_said(root: Path, listed_as: str, there: str, says: str) -> None:
    put(root / there)
    (found,) = locate([row(listed_as)], folders=[root], root=root)
    assert (found.status, found.path) == ("ok", str(root / there))
    assert says in found.detail
    assert notes([found], root=root) == [
        f"1 names were found under another spelling; the first: {found.detail}"
    ]
    put(root / listed_as.replace("\\", "/"))
    if ".." not in listed_as and "\\" not in listed_as:
        assert locate([row(listed_as)], folders=[root], root=root)[0].detail == ""


def test_several_spellings_are_not_guessed_at(root: Path) -> None:
    for name in ("a.JPG", "A.jpg", "B/x.jpg", "b/x.jpg"):
        put(root / name, name)
    found = locate([row("a.jpg"), row("B/X.jpg")], folders=[root], root=root)
    assert [one.status for one in found] == ["ambiguous_name"] * 2
    assert (
        "'a.jpg' is not there, and 2 files differ from it only in spelling: 'A.jpg', 'a.JPG'; list"
        in found[0].detail
    )
    (root / "A.jpg").unlink()
    (root / "A.jpg").symlink_to("a.JPG")
    assert (
        locate([row("a.jpg")], folders=[root], root=root)[0].status == "ok"
    )  # one file, whatever it is called


def test_the_same_letters_are_nearer_than_another_case(root: Path) -> None:
    for name in (NFD, "É.jpg"):
        put(root / name)
    assert locate([row(NFC)], folders=[root], root=root)[0].path == str(root / NFD)


def test_two_spellings_of_one_image_are_a_repeat(root: Path) -> None:
    rows = listed(root, "img_name,target\na.jpg,1\nA.jpg,0\nb.jpg,1\nB.jpg,1\n", "a.jpg", "b.jpg")
    assert [row.status for row in rows] == ["conflicting_label"] * 2 + ["ok", "duplicate_name"]


def test_a_folder_is_read_once_for_all_the_names_that_are_missed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Counter[str]()
    real = os.listdir
    monkeypatch.setattr("os.listdir", lambda path: reads.update([path]) or real(path))
    for i in range(50):
        put(root / f"{i}.jpg")
    locate([row(f"{i}.jpg") for i in range(50)], folders=[root], root=root)
    assert not reads  # nothing is read where every name is as listed
    found = locate([row(f"{i}.JPG") for i in range(60)], folders=[root], root=root)
    assert [one.status for one in found] == ["ok"] * 50 + ["missing_file"] * 10
    assert reads == {str(root): 1}


def test_the_folder_of_many_names_is_looked_for_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(50):
        put(root / "a/b/c" / f"{i}.jpg")
    looks = Counter[str]()
    real = os.stat
    monkeypatch.setattr("os.stat", lambda path, **how: looks.update([str(path)]) or real(path, **how))
    found = locate([row(f"A/B/C/{i}.JPG") for i in range(50)], folders=[root], root=root)
    assert [one.status for one in found] == ["ok"] * 50
    assert sum(count for path, count in looks.items() if not path.lower().endswith(".jpg")) < 10


def test_a_name_of_many_folders_has_an_end(root: Path) -> None:
    (found,) = locate([row("a/" * 5_000 + "b.jpg")], folders=[root], root=root)
    assert found.status == "missing_file"


def test_links_in_a_circle_end(root: Path) -> None:
    for name in ("a", "A"):
        (root / name).symlink_to(".")
    put(root / "x.jpg")
    (found,) = locate([row("a/A/" * 10 + "X.jpg")], folders=[root], root=root)
    assert found.status == "ok"
    (root / "self.jpg").symlink_to("self.jpg")
    assert (
        "is a link to 'self.jpg', which is not there"
        in locate([row("self.jpg")], folders=[root], root=root)[0].detail
    )


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
