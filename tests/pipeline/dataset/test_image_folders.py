"""The walk: what is an image, what is left out and said, and links."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.dataset import image_folders
from pipeline.dataset.image_folders import kind_of, walk
from tests.pipeline.dataset.folders import put

JPEG = b"\xff\xd8\xff\xe0 and more"


def test_suffixes_count_in_any_case_and_other_files_by_their_first_bytes(root: Path) -> None:
    for name in ("b.JPG", "a.png", "deep/c.webp"):
        put(root / name, b"")  # not opened: a bad file gets a row of its own
    for name in ("no_suffix", "d.jpg_large", "d.jpg!d"):
        put(root / name, JPEG)
    for name in ("Thumbs.db", "notes.txt", "labels.csv"):
        put(root / name, b"img_name,target\n")
    assert walk(root).names == ["a.png", "b.JPG", "d.jpg!d", "d.jpg_large", "deep/c.webp", "no_suffix"]
    assert walk(root).note == (
        f"not read in {root}: 1 no images (.csv), 1 no images (.db), 1 no images (.txt)"
    )


@pytest.mark.parametrize(
    "name",
    [
        "._a.jpg",
        ".ipynb_checkpoints/a.jpg",
        "@eaDir/a.jpg",
        "__MACOSX/a.jpg",
        "deep/.hidden.jpg",
        "$RECYCLE.BIN/a.jpg",
    ],
)
def test_what_no_person_put_there_is_left_out(root: Path, name: str) -> None:
    put(root / name, JPEG)
    put(root / "deep/a.jpg", JPEG)
    assert walk(root).names == ["deep/a.jpg"]
    assert walk(root).note == f"not read in {root}: 1 hidden or made by the system"
    hidden = root / "@eaDir"
    assert walk(put(hidden / "a.jpg", JPEG).parent).names == ["a.jpg"]  # unless it is what was asked for


def test_heic_is_said_unless_it_can_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root / "a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    put(root / "really_a_jpeg.heic", JPEG)
    monkeypatch.setattr(image_folders, "SUFFIXES", frozenset({".jpg"}))
    assert walk(root).names == ["really_a_jpeg.heic"]
    assert walk(root).note == f"not read in {root}: 1 HEIC pictures, which are not read here"
    monkeypatch.setattr(image_folders, "SUFFIXES", frozenset({".jpg", ".heic"}))
    put(root / "b", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert walk(root).names == ["a.heic", "b", "really_a_jpeg.heic"]


@pytest.mark.parametrize(
    "suffix", [".jpg", ".png", ".bmp", ".webp", ".gif", ".tif", ".jp2", ".avif", ".ppm", ".pgm"]
)
def test_every_format_that_is_read_is_known_by_its_first_bytes(tmp_path: Path, suffix: str) -> None:
    mode = "L" if suffix == ".pgm" else "RGB"
    Image.new(mode, (16, 16), 99).save(tmp_path / f"a{suffix}")
    assert kind_of((tmp_path / f"a{suffix}").read_bytes()[:64]) is not None
    if suffix not in (".gif", ".avif"):
        cv2.imwrite(
            str(tmp_path / f"b{suffix}"), np.zeros((16, 16) if mode == "L" else (16, 16, 3), np.uint8)
        )
        assert kind_of((tmp_path / f"b{suffix}").read_bytes()[:64]) is not None


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"BMW is a car, and this is a text.",
        b"P6 is a chip",
        b"%PDF-1.7",
        b"<svg>",
        b"PK\3\4",
        b"%!PS-Adobe",
        b"8BPS",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"RIFF\0\0\0\0AVI LIST",
    ],
)
def test_other_files_are_no_images(start: bytes) -> None:
    assert kind_of(start) is None


def test_raw_files_of_cameras_are_not_read_as_the_thumbnail_in_them(root: Path) -> None:
    for name in ("a.nef", "b.dng", "scan"):
        put(root / name, b"II*\0\x08\0\0\0")
    assert walk(root).names == ["scan"]


def test_linked_folders_are_read_once_and_circles_end(root: Path) -> None:
    disk = root.parent / "disk"
    for name in ("deep/a.jpg", "b.jpg"):
        put(disk / name)
    put(root / "real/c.jpg")
    (root / "again").symlink_to("real")  # a link sorts before the folder itself
    (root / "one").symlink_to(disk)
    (root / "two").symlink_to(disk)
    (root / "real/back").symlink_to("..")
    (disk / "deep/up").symlink_to("..")
    (root / "d.jpg").symlink_to("real/c.jpg")
    (root / "gone.jpg").symlink_to("/nowhere")
    (root / "self").symlink_to("self")
    found = walk(root)
    assert found.names == ["d.jpg", "one/b.jpg", "one/deep/a.jpg", "real/c.jpg"]
    assert dict(found.skipped) == {
        image_folders.REPEATED: 3,
        image_folders.UPWARD: 1,
        image_folders.DANGLING: 2,
    }


def test_what_is_no_file_on_a_disk_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    os.mkfifo(root / "pipe")
    for name, target in (
        ("zero.jpg", "/dev/zero"),
        ("all", "/"),
        ("kernel", "/proc"),
        ("e.jpg", "/proc/self/environ"),
    ):
        (root / name).symlink_to(target)
    found = walk(root)
    assert found.names == []
    assert dict(found.skipped) == {image_folders.SPECIAL: 5, image_folders.UPWARD: 1}


def test_many_reasons_are_summed_up(root: Path) -> None:
    for i in range(30):
        put(root / f"a.x{i:02d}")
    assert walk(root).note.endswith("1 no images (.x07), 22 others")


def test_a_folder_that_is_gone_is_no_error(root: Path) -> None:
    assert walk(root / "gone").note == f"not read in {root}/gone: 1 not to be opened"
    assert walk(root).note == ""
