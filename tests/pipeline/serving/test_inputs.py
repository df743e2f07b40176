"""What a command line asks for: folders, files and lists, and the order of their rows."""

import os
from pathlib import Path

import pytest

from pipeline.dataset.lists import LabelError
from pipeline.serving.inputs import named_files
from pipeline.serving.prediction_rows import BY_MODEL, PredictionRow


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "deep/a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_folder_gives_its_images_sorted_and_says_what_is_none(folder):
    asked = named_files([folder], None)
    assert asked.files == [("b.jpg", str(folder / "b.jpg")), ("deep/a.png", str(folder / "deep/a.png"))]
    assert (asked.bad, asked.readable) == ({}, asked.files)
    assert asked.notes == [f"not read in {folder}: 1 no images (.txt)"]


def test_a_file_is_read_whatever_its_name(folder):
    assert named_files([folder / "notes.txt"], None).files == [(str(folder / "notes.txt"),) * 2]


def test_several_folders_and_files_are_named_as_given(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("other").mkdir()
    for name in ("other/b.jpg", "deep/b.jpg"):
        Path(name).write_bytes(b"x")
    names = [name for name, _ in named_files([Path("other"), Path("deep"), Path("b.jpg")], None).files]
    assert names == ["other/b.jpg", "deep/a.png", "deep/b.jpg", "b.jpg"]


def test_a_list_gives_its_rows_in_order_and_its_bad_rows_their_place(folder):
    (folder / "names.txt").write_text("img_name\nabsent.jpg\nB.JPG\n")
    asked = named_files([folder], folder / "names.txt")
    assert [name for name, _ in asked.files] == ["absent.jpg", "B.JPG"]
    assert [(place, row.status) for place, row in asked.bad.items()] == [(0, "missing_file")]
    assert asked.readable == [("B.JPG", str(folder / "b.jpg"))]
    rows = list(asked.rows(iter([[PredictionRow("B.JPG", 0.9, BY_MODEL, "ok", "no face")]]), prior=0.25))
    assert [(row.name, row.score) for row in rows] == [("absent.jpg", 0.25), ("B.JPG", 0.9)]
    assert rows[1].warnings == "listed as 'B.JPG', found as 'b.jpg' (another spelling: case); no face"
    assert len(asked.notes) == 1 and "1 names were found under another spelling" in asked.notes[0]


def test_linked_images_of_a_list_are_read(folder):
    (folder / "in").mkdir()
    (folder / "in/link.jpg").symlink_to("../b.jpg")
    (folder / "names.txt").write_text("img_name\nlink.jpg\n../b.jpg\n")
    asked = named_files([folder / "in"], folder / "names.txt")
    assert [row.status for row in asked.bad.values()] == ["outside_root"]
    assert asked.readable == [("link.jpg", str(folder / "in/link.jpg"))]
    assert asked.notes == [f"1 images lie behind links that lead out of {folder}/in, in {folder} (1)"]


@pytest.mark.parametrize(
    ("images", "listing", "message"),
    [
        (["deep", "."], "names.txt", "--list needs --images to be the one folder"),
        (["."], "gone.txt", "--list .*gone.txt is not a file"),
        (["."], "empty.txt", "is empty; its first line must be img_name"),
        (["empty"], None, "no image in .*empty; files with these endings are read: .*; the folder is empty"),
        (["texts"], None, "no image in .*texts; .*; not read in .*texts: 1 no images .no suffix."),
        (["b.jpg", "typo_folder"], None, "typo_folder is not there; name a folder or image files"),
        (["*.jpeg"], None, "jpeg is not there; name a folder"),
        (["b" * 5000], None, "is not there; name a folder"),
        (["pipe"], None, "pipe is neither a folder nor a file that can be read to its end"),
        (["/dev/zero"], None, "/dev/zero is neither a folder nor a file"),
    ],
)
def test_what_cannot_be_read_is_said(folder, images, listing, message):
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts/readme").write_text("text")
    (folder / "names.txt").write_text("img_name\nb.jpg\n")
    (folder / "empty.txt").write_text("")
    os.mkfifo(folder / "pipe")
    with pytest.raises(LabelError, match=message):
        named_files([folder / name for name in images], folder / listing if listing else None)
