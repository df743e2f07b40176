"""Lists and image folders in every layout and spelling, and those that are not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset.dataset_files import find, read_all, warnings
from pipeline.dataset.lists import LabelError
from tests.pipeline.dataset.folders import listed, put


@pytest.mark.parametrize("folder", ["", "phase1"])
@pytest.mark.parametrize("spelling", ["", "set"])
def test_both_spellings_at_the_root_or_one_folder_down(root: Path, folder: str, spelling: str) -> None:
    base = root / folder
    for split, images in (("train", f"train{spelling}"), ("val", f"val{spelling}")):
        put(base / f"{split}{spelling}_label.txt", "img_name,target\na.jpg,1\nsub/b.jpg,0\n")
        put(base / images / "a.jpg")
        put(base / images / "sub" / "b.jpg")
    put(base / "testset1" / "t.png")
    rows = read_all(find(root))
    assert [(r.split, r.name, r.target, r.line) for r in rows] == [
        ("train", "a.jpg", 1, 2),
        ("train", "sub/b.jpg", 0, 3),
        ("val", "a.jpg", 1, 2),
        ("val", "sub/b.jpg", 0, 3),
        ("test", "t.png", None, 0),
    ]
    assert {r.status for r in rows} == {"ok"}
    assert rows[0].path == str(base / f"train{spelling}" / "a.jpg")
    assert rows[0].size == 1


@pytest.mark.parametrize(
    "name", ["test.txt", "test_list.txt", "testset.txt", "testset1_label.txt", "test_labels.txt"]
)
def test_test_lists_keep_order_repeats_and_unknown_targets(root: Path, name: str) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    put(root / name, "img_name\nb.jpg\na.jpg\nb.jpg\nnone.jpg\n")
    put(root / "testset" / "a.jpg")
    put(root / "testset" / "b.jpg")
    rows = read_all(find(root))
    assert [(r.name, r.status, r.target) for r in rows] == [
        ("b.jpg", "ok", None),
        ("a.jpg", "ok", None),
        ("b.jpg", "ok", None),
        ("none.jpg", "missing_file", None),
    ]


@pytest.mark.parametrize("name", ["latest.txt", "prediction.txt", "contest_rules.txt"])
def test_other_text_files_are_not_lists(root: Path, name: str) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    put(root / name, "anything")
    assert find(root).tests == ()


def test_a_labelled_test_list_keeps_its_targets(root: Path) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    put(root / "test_label.txt", "img_name,target\na.jpg,1\nb.jpg,?\n")
    put(root / "test" / "a.jpg")
    put(root / "test" / "b.jpg")
    rows = read_all(find(root))
    assert [(r.target, r.status) for r in rows] == [(1, "ok"), (None, "ok")]


def test_a_test_folder_without_a_list_is_every_image_sorted(root: Path) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    for name in ("b.JPG", "sub/a.png", "a10.jpg", "a9.jpg", "notes.md", "._a9.jpg"):
        put(root / "test" / name)
    names = [r.name for r in read_all(find(root))]
    assert names == ["a10.jpg", "a9.jpg", "b.JPG", "sub/a.png"]


def test_what_a_test_folder_holds_beside_images_is_said(root: Path) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    for name in ("a.jpg", "._a.jpg", "notes.md"):
        put(root / "testset" / name)
    folder = root / "testset"
    said = [f"not read in {folder}: 1 hidden or made by the system, 1 no images (.md)"]
    assert warnings(find(root), val_share=0.15) == said


def test_an_image_folder_whose_disk_is_not_there_is_said(root: Path) -> None:
    put(root / "train_label.txt", "img_name,target\na.jpg,1\n")
    (root / "trainset").symlink_to("/nowhere/trainset")
    said = f"{root}/trainset is a link to '/nowhere/trainset', which is not there; mend the link or mount its disk"
    assert warnings(find(root), val_share=0.15) == [said]


def test_names_of_several_test_folders_stay_apart(root: Path) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    put(root / "testset1" / "a.jpg")
    put(root / "testset2" / "a.jpg")
    rows = read_all(find(root))
    assert [r.name for r in rows] == ["testset1/a.jpg", "testset2/a.jpg"]
    assert {r.status for r in rows} == {"ok"}


def test_the_same_name_in_train_and_val_is_two_images(root: Path) -> None:
    put(root / "val_label.txt", "img_name,target\na.jpg,0\n")
    put(root / "valset" / "a.jpg", b"other")
    rows = listed(root, "img_name,target\na.jpg,1\n", "a.jpg")
    assert [(r.status, r.size) for r in rows] == [("ok", 1), ("ok", 5)]


def test_no_train_list_says_where_it_looked_and_what_is_allowed(root: Path) -> None:
    put(root / "train.csv")
    with pytest.raises(LabelError, match=r"found train\.csv; allowed are train_label\.txt or") as e:
        find(root)
    assert str(root) in str(e.value)
    assert "name the folder that holds it (`make repro DATA=FOLDER`; of the audit `--data FOLDER`)" in str(
        e.value
    )
    with pytest.raises(
        LabelError, match=r"none is not a folder; name one that is there \(`make repro DATA=FOLDER`"
    ):
        find(root / "none")


def test_two_train_lists_are_ambiguous(root: Path) -> None:
    put(root / "phase1" / "trainset_label.txt")
    put(root / "phase2" / "trainset_label.txt")
    with pytest.raises(
        LabelError, match=r"several train lists: .*phase1.*phase2.*keep one, or name its folder"
    ):
        find(root)
    put(root / "train_label.txt")
    assert find(root).train == root / "train_label.txt"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("validation.txt", "img_name,target\na.jpg,1\n"),
        ("Val_Label.txt", "\ufeffimg_name,target\n"),
        ("dev.txt", "\n  \na.jpg,1\n"),
        ("val_label.csv", '"img_name","target"\n'),
        ("phase2/holdout.txt", "target,img_name\n"),
        ("tabs.txt", "img_name\ttarget\n"),
    ],
)
def test_a_file_that_looks_like_a_list_is_not_passed_over_in_silence(
    root: Path, name: str, text: str
) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    path = put(root / name, text)
    files = find(root)
    assert (files.val, files.unused) == (None, (path,))
    message = warnings(files, val_share=0.15)[0]
    assert message.startswith(f"{path} looks like a list and was not used; without a val list 15% of train")
    assert "val_label.txt or valset_label.txt" in message
    put(root / "val_label.txt", "img_name,target\n")
    assert "of train" not in warnings(find(root), val_share=0.15)[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("readme.txt", "Pictures of faces.\n"),
        ("empty.txt", ""),
        ("noise.txt", bytes(range(256))),
        ("groups.csv", "img_name,group\n"),
        ("truth.csv", "img_name,target\n"),
        (".hidden/val.txt", "img_name,target\n"),
        (".val.txt", "img_name,target\n"),
        ("__MACOSX/val.txt", "img_name,target\n"),
    ],
)
def test_other_files_are_no_unused_lists(root: Path, name: str, content: bytes | str) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    put(root / name, content)
    assert find(root).unused == ()
