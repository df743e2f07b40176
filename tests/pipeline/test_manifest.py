"""The manifest stage on drawn data sets: rows, groups, splits, resuming, and what a person reads."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import manifest
from pipeline.dataset.manifest_rows import COLUMNS
from pipeline.runtime import command, params
from pipeline.storage.file_names import original
from pipeline.storage.images import read_bytes
from tests.pipeline.dataset.pictures import draw

SECTIONS: dict = {
    "faces": {},
    "variants": {"degraded": 0, "pseudo_fakes": {}},
    "spectral": {"blocks": ["radial"]},
    "embed": {"backbones": {}},
    "finetune": {"folds": 3, "nets": {}},
    "train": {},
    "evaluate": {},
    "report": {},
}


class Place:
    """A working directory with a data set in `data` and a params file."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.lists: dict[str, list[str]] = {"train": [], "val": [], "test": []}

    def add(self, split: str, name: str, target: int, seed: int, **options: int) -> None:
        draw(self.data / f"{split}set" / name, seed, **options)
        self.lists[split].append(f"{name},{target}")

    def run(self, **options: object) -> pd.DataFrame:
        """Write the lists, run the stage's `main`, and read its table."""
        for split, rows in self.lists.items():
            if rows:
                text = "\n".join(["img_name,target", *rows]) + "\n"
                (self.data / f"{split}_label.txt").write_text(text, encoding="utf-8")
        section = {"near_duplicate_bits": 16, **options}
        raw = {
            "data": {"root": "data", "weights": "data"},
            "manifest": section,
            "compute": {"workers": 1},
            **SECTIONS,
        }
        Path("params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
        command.run("manifest")
        return pd.read_parquet(manifest.MANIFEST)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["manifest"])
    return Place(tmp_path)


def basic(place: Place) -> None:
    """Six train images, a val and a test image."""
    for i in range(6):
        place.add("train", f"{i}.jpg", i % 2, i)
    place.add("val", "v.jpg", 1, 50)
    place.add("test", "t.jpg", 0, 60)


def summary() -> dict:
    return json.loads(manifest.SUMMARY.read_text(encoding="utf-8"))


def test_rows_come_in_the_lists_order_with_the_facts_of_their_files(place: Place) -> None:
    basic(place)
    rows = place.run()
    assert list(rows.columns) == list(COLUMNS)
    assert rows["img_name"].tolist() == [*(f"{i}.jpg" for i in range(6)), "v.jpg", "t.jpg"]
    assert rows["split"].tolist() == ["train"] * 6 + ["val", "test"]
    assert rows["target"].tolist() == [0, 1, 0, 1, 0, 1, 1, 0]
    assert rows["line"].tolist() == [2, 3, 4, 5, 6, 7, 2, 2]
    assert str(rows["target"].dtype) == "Int8"
    assert rows["width"].dtype == np.int32
    assert set(rows["status"]) == {"ok"}
    assert set(rows["width"]) == {96}
    assert set(rows["source"]) == {"all"}
    assert rows["group"].nunique() == 8
    assert rows["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert (rows["detail"] == "converted from gray").all()


def test_bad_files_and_rows_are_listed_with_their_line_and_reason(place: Place) -> None:
    basic(place)
    place.add("train", "cut.jpg", 1, 70)
    cut = place.data / "trainset" / "cut.jpg"
    cut.write_bytes(cut.read_bytes()[:-100])
    place.add("test", "text.jpg", 0, 71)
    (place.data / "testset" / "text.jpg").write_text("hello\n")
    place.add("test", "empty.jpg", 0, 72)
    (place.data / "testset" / "empty.jpg").write_bytes(b"")
    place.add("val", "big.jpg", 0, 73, side=200)
    place.lists["train"] += ["gone.jpg,0", "0.jpg,0", "1.jpg,x"]
    rows = place.run(max_pixels=10_000).set_index(["split", "img_name", "line"])["status"]
    assert rows["train", "cut.jpg", 8] == "truncated"
    assert rows["train", "gone.jpg", 9] == "missing_file"
    assert rows["train", "0.jpg", 2] == "ok"
    assert rows["train", "0.jpg", 10] == "duplicate_name"
    assert rows["train", "1.jpg", 11] == "bad_target"
    assert rows["val", "big.jpg", 3] == "too_large"
    assert rows["test", "text.jpg", 3] == "not_an_image"
    assert rows["test", "empty.jpg", 4] == "empty_file"
    listed = pd.read_csv(manifest.ISSUES)
    assert len(listed) == summary()["bad_rows"] == 7
    assert list(listed.columns) == ["file", "line", "img_name", "status", "detail"]
    first = summary()["issues"][0]
    assert (first["file"], first["line"], first["status"]) == ("data/train_label.txt", 8, "truncated")
    assert "without its end marker" in first["detail"]


def test_a_bad_test_row_keeps_its_place(place: Place) -> None:
    basic(place)
    place.lists["test"] = ["gone.jpg,0", "t.jpg,0", "t.jpg,0"]
    rows = place.run()
    rows = rows[rows["split"] == "test"]
    assert rows["img_name"].tolist() == ["gone.jpg", "t.jpg", "t.jpg"]
    assert rows["status"].tolist() == ["missing_file", "ok", "ok"]


def test_copies_and_near_copies_share_a_group_and_are_counted_by_split(place: Place) -> None:
    basic(place)
    place.add("train", "again.jpg", 0, 0, quality=60)
    place.add("train", "same.jpg", 0, 0)
    place.add("val", "leak.jpg", 1, 1)
    rows = place.run().set_index("img_name")
    assert rows["group"]["0.jpg"] == rows["group"]["again.jpg"] == rows["group"]["same.jpg"]
    assert rows["cluster"]["1.jpg"] == rows["cluster"]["leak.jpg"]
    assert rows["group"].nunique() == 8
    found = summary()
    assert found["duplicates"]["by_splits"] == {"train": 1, "train+val": 1}
    assert found["near_duplicates"] == {
        "clusters": 2,
        "images": 5,
        "largest": 3,
        "by_splits": {"train": 1, "train+val": 1},
    }


def test_listed_groups_are_joined_by_near_copies_in_train_only(place: Place) -> None:
    for name, seed in (("a", 0), ("b", 1), ("c", 2), ("d", 3)):
        place.add("train", f"{name}.jpg", seed % 2, seed)
    place.add("train", "a2.jpg", 0, 0, quality=60)
    place.add("val", "b2.jpg", 1, 1, quality=60)
    text = "img_name,source,group\na.jpg,s,g3\nb.jpg,s,g2\nc.jpg,s,g2\na2.jpg,s,g2\nb2.jpg,t,g9\n"
    (place.data / "groups.csv").write_text(text)
    rows = place.run().set_index("img_name")
    assert rows["group"][["a.jpg", "b.jpg", "c.jpg", "a2.jpg", "b2.jpg"]].tolist() == ["g2"] * 4 + ["g9"]
    assert rows["source"].tolist() == ["s", "s", "s", "unlisted", "s", "t"]
    assert rows["group"]["d.jpg"] == rows["cluster"]["d.jpg"]


def test_groups_may_name_the_folder(place: Place) -> None:
    basic(place)
    place.add("val", "0.jpg", 0, 80)
    (place.data / "groups.csv").write_text("img_name,group\ntrainset/0.jpg,t\nvalset/0.jpg,v\n")
    rows = place.run().set_index(["split", "img_name"])["group"]
    assert (rows["train", "0.jpg"], rows["val", "0.jpg"]) == ("t", "v")


def test_the_carved_val_is_said_in_the_summary(place: Place) -> None:
    for i in range(40):
        place.add("train", f"{i}.jpg", i % 2, i)
    rows = place.run()
    assert rows["split"].tolist() == ["train"] * 32 + ["calibration"] * 2 + ["val"] * 6
    assert summary()["val"] == "no val list: 15% of train by whole groups"


def test_a_left_out_source_leaves_train_and_stays_in_val(place: Place) -> None:
    basic(place)
    lines = [f"{i}.jpg,{'a' if i < 4 else 'b'}" for i in range(6)]
    (place.data / "groups.csv").write_text("\n".join(["img_name,source", *lines, "v.jpg,b"]) + "\n")
    rows = place.run(holdout_source="b").set_index("img_name")["status"]
    assert rows[["4.jpg", "5.jpg"]].tolist() == ["held_out"] * 2
    assert rows["v.jpg"] == "ok"
    assert rows["0.jpg"] == "ok"
    assert summary()["bad_rows"] == 0


def failure(place: Place, capsys: pytest.CaptureFixture[str], **options: object) -> str:
    """The stage ends with status 2 and one message; the message."""
    with pytest.raises(SystemExit) as caught:
        place.run(**options)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said[said.index("error: ") :]


def test_what_a_person_can_get_wrong_ends_in_a_message(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "data: no train list" in failure(place, capsys)
    assert "key 'manifest.near' is unknown" in failure(place, capsys, near=3)
    place.add("train", "a.jpg", 0, 1)
    place.lists["train"].append("none.jpg,1")
    said = failure(place, capsys)
    assert "train has no usable image of target 1 (fake)" in said
    assert "of its 2 rows: 1 missing_file, for example: 'none.jpg' is not in" in said
    assert len(pd.read_csv(manifest.ISSUES)) == 1


def test_same_input_same_bytes_with_and_without_the_file_table(place: Place) -> None:
    basic(place)
    place.run()
    first = manifest.MANIFEST.read_bytes(), manifest.SUMMARY.read_bytes()
    place.run()
    assert (manifest.MANIFEST.read_bytes(), manifest.SUMMARY.read_bytes()) == first
    shutil.rmtree("cache")
    place.run()
    assert (manifest.MANIFEST.read_bytes(), manifest.SUMMARY.read_bytes()) == first


def test_help_says_what_is_read_and_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["manifest", "--help"])
    with pytest.raises(SystemExit, match="0"):
        command.run("manifest")
    assert "cache/manifest.parquet" in capsys.readouterr().out
    assert params.Manifest().max_pixels > 0


def test_a_list_under_an_unknown_name_is_warned_of(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(40):
        place.add("train", f"{i}.jpg", i % 2, i)
    (place.data / "validation_label.txt").write_text("img_name,target\nv.jpg,1\n")
    place.run()
    message = capsys.readouterr().err
    assert "warning: data/validation_label.txt looks like a list and was not used" in message
    assert "without a val list 15% of train were held out as val" in message
    assert "val: val_label.txt or valset_label.txt" in message
    assert len(summary()["warnings"]) == 1
    (place.data / "validation_label.txt").rename(place.data / "val_label.txt")
    place.run()
    assert "warning" not in capsys.readouterr().err
    assert summary()["warnings"] == []


def test_names_that_are_not_utf_8_pass_through_byte_for_byte(place: Place) -> None:
    """As they are in a zip made on Chinese Windows: from a list, from a folder, and a bad one."""
    basic(place)
    strange, gone = (os.fsdecode(name.encode("gb18030")) for name in ("照片.jpg", "没有.jpg"))
    draw(place.data / "trainset" / strange, 70)
    draw(place.data / "testset" / strange, 71)
    del place.lists["test"]
    lines = ["img_name,target", *place.lists.pop("train"), f"{strange},1", f"{gone},0"]
    (place.data / "train_label.txt").write_bytes(os.fsencode("\n".join(lines) + "\n"))
    rows = place.run().set_index("split")
    (train, missing), test = rows.loc["train", "img_name"].iloc[-2:], rows.loc["test", "img_name"]
    assert [original(name) for name in (train, missing)] == [strange, gone]
    assert strange in [original(name) for name in test]
    path = rows.loc["train", "path"].iloc[-2]
    assert read_bytes(path) == (place.data / "trainset" / strange).read_bytes()
    (issue,) = manifest.ISSUES.read_bytes().splitlines()[1:]
    assert issue.split(b",")[2] == os.fsencode(gone)
    assert summary()["issues"][0]["img_name"] == missing
    before = pd.read_parquet(manifest.MANIFEST)
    pd.testing.assert_frame_equal(place.run(), before)
