"""Lists in every layout and spelling, and each thing that can be wrong with a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset.lists import LabelError, find, parse, read_all, read_groups


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def put(path: Path, content: bytes | str = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def listed(root: Path, text: bytes | str, *names: str) -> list:
    """Rows of a train list at the root, with these images in trainset/."""
    put(root / "train_label.txt", text)
    for name in names:
        put(root / "trainset" / name)
    return read_all(find(root))


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


def test_names_of_several_test_folders_stay_apart(root: Path) -> None:
    put(root / "train_label.txt", "img_name,target\n")
    put(root / "testset1" / "a.jpg")
    put(root / "testset2" / "a.jpg")
    rows = read_all(find(root))
    assert [r.name for r in rows] == ["testset1/a.jpg", "testset2/a.jpg"]
    assert {r.status for r in rows} == {"ok"}


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfimg_name,target\na.jpg,1\nb.jpg,0\n",
        b"img_name,target\r\na.jpg,1\r\nb.jpg,0\r\n",
        b"img_name,target\na.jpg,1\nb.jpg,0",
        b"img_name,target\n\na.jpg,1\n  \nb.jpg,0\n\n",
        b'"img_name","target"\n"a.jpg","1"\n"b.jpg",0\n',
        b"IMG_NAME, target\na.jpg, 1\nb.jpg , 0\n",
        b"target,note,img_name\n1,seen,a.jpg\n0,,b.jpg\n",
    ],
    ids=["bom", "crlf", "no final newline", "blank lines", "quotes", "spaces", "more columns"],
)
def test_forms_of_a_list_that_are_tolerated(root: Path, text: bytes) -> None:
    rows = listed(root, text, "a.jpg", "b.jpg")
    assert [(r.name, r.target, r.status) for r in rows] == [
        ("a.jpg", 1, "ok"),
        ("b.jpg", 0, "ok"),
    ]


def test_a_short_row_of_a_reordered_list_costs_one_row(root: Path) -> None:
    rows = listed(root, "target,img_name\n1\n0,b.jpg\n", "b.jpg")
    assert [(r.name, r.status) for r in rows] == [("", "missing_file"), ("b.jpg", "ok")]


def test_quoted_names_hold_commas_and_an_open_quote_spoils_one_line(root: Path) -> None:
    text = 'img_name,target\n"a,1.jpg",1\n"open.jpg,0\nb.jpg,0\n'
    rows = listed(root, text, "a,1.jpg", "b.jpg")
    assert [r.status for r in rows] == ["ok", "bad_target", "ok"]
    assert rows[0].name == "a,1.jpg"
    assert rows[2].line == 4


@pytest.mark.parametrize(
    ("row", "status", "says"),
    [
        ("a.jpg,fake", "bad_target", "train_label.txt line 2: target is 'fake', allowed are 0 and 1"),
        ("a.jpg,1.0", "bad_target", "target is '1.0', allowed are 0 and 1"),
        ("a.jpg,2", "bad_target", "target is '2'"),
        ("a.jpg", "bad_target", "target is missing"),
        ("a.jpg,", "bad_target", "target is missing"),
        ("a,b.jpg,1", "bad_target", "3 fields where the header has 2; quote names"),
        ("none.jpg,1", "missing_file", "'none.jpg' is not in"),
        (",1", "missing_file", "names no file"),
        ("x\0y.jpg,1", "missing_file", "names no file"),
        (f"{'n' * 5000}.jpg,1", "missing_file", "is not in"),
        ("../../etc/no.jpg,1", "outside_root", "outside the data root"),
        ("../../secret.jpg,1", "outside_root", "copy it into the root"),
        ("/etc/passwd,1", "outside_root", "/etc/passwd, outside the data root"),
        ("link.jpg,1", "outside_root", "outside the data root"),
        ("out/secret.jpg,1", "outside_root", "outside the data root"),
    ],
)
def test_a_bad_row_costs_one_row_and_says_why(root: Path, row: str, status: str, says: str) -> None:
    secret = put(root.parent / "secret.jpg")
    (root / "trainset").mkdir()
    (root / "trainset" / "link.jpg").symlink_to(secret)
    (root / "trainset" / "out").symlink_to(root.parent)
    rows = listed(root, f"img_name,target\n{row}\nb.jpg,0\n", "a.jpg", "b.jpg")
    assert rows[0].status == status
    assert says in rows[0].detail
    assert (rows[1].name, rows[1].status) == ("b.jpg", "ok")


def test_the_root_may_be_a_link_and_links_within_it_are_fine(root: Path) -> None:
    listed(root, "img_name,target\na.jpg,1\nlink.jpg,0\n", "a.jpg")
    (root / "trainset" / "link.jpg").symlink_to("a.jpg")
    other = root.parent / "linked"
    other.symlink_to(root)
    assert [r.status for r in read_all(find(other))] == ["ok", "ok"]


def test_repeated_names(root: Path) -> None:
    text = "img_name,target\na.jpg,1\nb.jpg,0\na.jpg,1\n./b.jpg,1\nc.jpg,0\nc.jpg,x\n"
    rows = listed(root, text, "a.jpg", "b.jpg", "c.jpg")
    assert [r.status for r in rows] == [
        "ok",
        "conflicting_label",
        "duplicate_name",
        "conflicting_label",
        "ok",
        "bad_target",
    ]
    assert "listed as 0 and as 1 (lines 3, 5)" in rows[1].detail
    assert "listed again (lines 2, 4); the first one counts" in rows[2].detail


def test_the_same_name_in_train_and_val_is_two_images(root: Path) -> None:
    put(root / "val_label.txt", "img_name,target\na.jpg,0\n")
    put(root / "valset" / "a.jpg", b"other")
    rows = listed(root, "img_name,target\na.jpg,1\n", "a.jpg")
    assert [(r.status, r.size) for r in rows] == [("ok", 1), ("ok", 5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty; its first line must be img_name,target"),
        ("a.jpg,1\nb.jpg,0\n", "line 1: the header is 'a.jpg,1', it must name the columns"),
        ("\nimg_name;target\n", "line 2: the header is 'img_name;target'"),
        ("img_name\na.jpg\n", "it must name the columns img_name,target; add it"),
        ("img_name,target,target\n", "the header is"),
        ("img_name,target\nok.jpg,1\n人脸.jpg,0\n".encode("gbk"), "line 3: not UTF-8; save"),
        ("img_name,target\n".encode("utf-16"), "line 1: not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_read_says_what_to_do(root: Path, text: bytes | str, says: str) -> None:
    with pytest.raises(LabelError) as caught:
        parse(put(root / "train_label.txt", text), split="train")
    assert says in str(caught.value)


def test_no_train_list_says_where_it_looked_and_what_is_allowed(root: Path) -> None:
    put(root / "train.csv")
    with pytest.raises(LabelError, match=r"found train\.csv; allowed are train_label\.txt or") as e:
        find(root)
    assert str(root) in str(e.value)
    assert "set data.root in params.yaml" in str(e.value)
    with pytest.raises(LabelError, match=r"is not a folder; set data\.root"):
        find(root / "none")


def test_two_train_lists_are_ambiguous(root: Path) -> None:
    put(root / "phase1" / "trainset_label.txt")
    put(root / "phase2" / "trainset_label.txt")
    with pytest.raises(LabelError, match=r"several train lists: .*phase1.*phase2.*keep one"):
        find(root)
    put(root / "train_label.txt")
    assert find(root).train == root / "train_label.txt"


def test_groups_file(root: Path) -> None:
    path = put(root / "groups.csv", "img_name,source,group\na.jpg,s,g\nb.jpg,s,\n")
    assert read_groups(path) == {"a.jpg": ("s", "g"), "b.jpg": ("s", "")}
    assert read_groups(put(path, "group,img_name\ng,a.jpg\n")) == {"a.jpg": ("", "g")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it must name img_name and source, group or both"),
        ("img_name,person\na,b\n", "the header is 'img_name,person'"),
        ("img_name,group\na,b\na,c\n", "line 3: 'a' was given as"),
        ("source,group,img_name\ns,g\n", "line 2: img_name is missing"),
    ],
)
def test_a_groups_file_that_cannot_be_used(root: Path, text: str, says: str) -> None:
    with pytest.raises(LabelError) as caught:
        read_groups(put(root / "groups.csv", text))
    assert says in str(caught.value)
