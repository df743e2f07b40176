"""Forms of a list that are tolerated, and each thing that can be wrong with a row."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.dataset.lists import LabelError, parse, read_groups, split_fields
from tests.pipeline.dataset.folders import listed, put


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
        b"img_name\ttarget\na.jpg\t1\nb.jpg\t0\n",
        b'"img_name";"target"\r\na.jpg;1\r\n"b.jpg";0\r\n',
        b"img_name,target,\na.jpg,1,\nb.jpg,0,,\n",
    ],
    ids=[
        *("bom", "crlf", "no final newline", "blank lines", "quotes", "spaces", "more columns"),
        *("tabs", "semicolons", "empty fields at the end"),
    ],
)
def test_forms_of_a_list_that_are_tolerated(root: Path, text: bytes) -> None:
    rows = listed(root, text, "a.jpg", "b.jpg")
    assert [(r.name, r.target, r.status) for r in rows] == [
        ("a.jpg", 1, "ok"),
        ("b.jpg", 0, "ok"),
    ]


@pytest.mark.parametrize(
    ("text", "target"),
    [("0", 0), ("0.0", 0), ("0.", 0), ("real", 0), ("REAL", 0), ("1", 1), ("1.000", 1), ("Fake", 1)],
)
def test_spellings_of_a_label(root: Path, text: str, target: int) -> None:
    for split, name in (("train", "train_label.txt"), ("test", "test_label.txt")):
        (row,) = parse(put(root / name, f"img_name,target\na.jpg,{text}\n"), split=split)
        assert (row.target, row.status) == (target, "ok")


def test_a_short_row_of_a_reordered_list_affects_only_itself(root: Path) -> None:
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
        (
            "a.jpg,yes",
            "bad_target",
            "train_label.txt line 2: target is 'yes', allowed are 0 or real, and 1 or f",
        ),
        ("a.jpg,1.5", "bad_target", "target is '1.5', allowed are"),
        ("a.jpg,01", "bad_target", "target is '01'"),
        ("a.jpg;1", "bad_target", "target is missing after ','"),
        ("a.jpg", "bad_target", "target is missing"),
        ("a.jpg,", "bad_target", "target is missing"),
        ("a,b.jpg,1", "bad_target", "3 fields where the header has 2; quote names"),
        ("none.jpg,1", "missing_file", "'none.jpg' is not in"),
        (",1", "missing_file", "names no file"),
        ("x\0y.jpg,1", "missing_file", "names no file"),
        (f"{'n' * 5000}.jpg,1", "missing_file", "is not in"),
        ("../../etc/no.jpg,1", "outside_root", "leads out of the data root"),
        ("../../secret.jpg,1", "outside_root", "copy or link it there"),
        ("..\\..\\secret.jpg,1", "outside_root", "leads out of the data root"),
        ("/etc/passwd,1", "outside_root", "'/etc/passwd' leads out of the data root"),
        ("out/../../../secret.jpg,1", "outside_root", "leads out of the data root"),
        ("out/secret.jpg,1", "outside_root", "a folder that holds the link itself"),
        ("OUT/Secret.jpg,1", "outside_root", "a folder that holds the link itself"),
        (
            "gone.jpg,1",
            "missing_file",
            "is a link to '/nowhere/a.jpg', which is not there; mend the link or mount",
        ),
    ],
)
def test_a_bad_row_affects_only_itself_and_says_why(root: Path, row: str, status: str, says: str) -> None:
    put(root.parent / "secret.jpg")
    (root / "trainset").mkdir()
    (root / "trainset" / "gone.jpg").symlink_to("/nowhere/a.jpg")
    (root / "trainset" / "out").symlink_to(root.parent)
    rows = listed(root, f"img_name,target\n{row}\nb.jpg,0\n", "a.jpg", "b.jpg")
    assert rows[0].status == status
    assert says in rows[0].detail
    assert (rows[1].name, rows[1].status) == ("b.jpg", "ok")


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty; its first line must be img_name,target"),
        ("a.jpg,1\nb.jpg,0\n", "line 1: the header is 'a.jpg,1', it must name the columns"),
        ("\nimg_name target\n", "line 2: the header is 'img_name target'"),
        ("img_name target\n", "with commas, tabs or semicolons between them; correct it"),
        ("a.jpg;1\n", "between them; add it as the first line, or rename the columns"),
        ("img_name\na.jpg\n", "the columns img_name,target, each once"),
        ("img_name,target,target\n", "the header is"),
        ("img_name,target\n".encode("utf-16"), "it is not UTF-8: save the file as UTF-8"),
        ("x" * 9999, "… (9,999 characters)'"),
    ],
)
def test_a_list_that_cannot_be_read_says_what_to_do(root: Path, text: bytes | str, says: str) -> None:
    with pytest.raises(LabelError) as caught:
        parse(put(root / "train_label.txt", text), split="train")
    assert says in str(caught.value)
    assert len(str(caught.value)) < 600


def test_names_in_another_encoding(root: Path) -> None:
    text = "img_name,target\nok.jpg,1\n人脸.jpg,0\n".encode("gbk")
    with pytest.raises(
        LabelError, match=r"line 3: '\\xc8\\xcb.*' is not UTF-8, and no file has .* save the list as"
    ):
        listed(root, text, "ok.jpg", "人脸.jpg")
    (root / "trainset/人脸.jpg").rename(
        os.fsdecode(os.fsencode(root / "trainset") + b"/\xc8\xcb\xc1\xb3.jpg")
    )
    assert [row.status for row in listed(root, text)] == ["ok", "ok"]


def test_groups_file(root: Path) -> None:
    path = put(root / "groups.csv", "img_name,source,group\na.jpg,s,g\nb.jpg,s,\n")
    assert read_groups(path) == {"a.jpg": ("s", "g"), "b.jpg": ("s", "")}
    assert read_groups(put(path, "img_name;source\na.jpg;s\n")) == {"a.jpg": ("s", "")}
    assert read_groups(put(path, "group,img_name\ng,a.jpg\n")) == {"a.jpg": ("", "g")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it must name img_name and source, group or both"),
        ("img_name,person\na,b\n", "the header is 'img_name,person'"),
        ("img_name,group\na,b\na,c\n", "line 3: 'a' was listed as"),
        ("source,group,img_name\ns,g\n", "line 2: img_name is missing"),
    ],
)
def test_a_groups_file_that_cannot_be_used(root: Path, text: str, says: str) -> None:
    with pytest.raises(LabelError) as caught:
        read_groups(put(root / "groups.csv", text))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("a.jpg,1", ["a.jpg", "1"]),
        ("a, b.jpg", ["a", " b.jpg"]),
        ('"a,b.jpg", "1"', ["a,b.jpg", "1"]),
        ('"a ""x"".jpg",0', ['a "x".jpg', "0"]),
        ('"open.jpg,0', ["open.jpg,0"]),
        ("n" * 200_000 + ",1", ["n" * 200_000 + ",1"]),
    ],
    ids=["plain", "spaces are kept", "quotes", "quoted quotes", "open quote", "beyond csv's limit"],
)
def test_a_line_is_split_by_itself(line: str, fields: list[str]) -> None:
    assert split_fields(line) == fields


def test_names_alone_may_have_commas(root: Path) -> None:
    rows = parse(put(root / "test.txt", "img_name\na, b.jpg\nc,d.jpg\n"), split="test")
    assert [row.name for row in rows] == ["a, b.jpg", "c,d.jpg"]
