"""The demo set: layout, balance, groups, same bytes for the same arguments, refusals."""

import csv
import json
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from pipeline.demo.__main__ import build_parser, main
from pipeline.demo.dataset import DemoDataError, is_demo_set, make_pair, plan_splits
from pipeline.demo.forgery import OPERATIONS

IMAGES = 24


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def content(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def demo(out, *more):
    return main(["--out", str(out), "--images", str(IMAGES), "--workers", "1", *more])


def refusal(out, *more):
    """What is said when this folder is not written."""
    with pytest.raises(DemoDataError) as error:
        demo(out, *more)
    return str(error.value)


@cache
def drawn(seed, number):
    return make_pair(seed, number, "train")


@contextmanager
def nothing_drawn_twice():
    """Pictures of sets that are written again are not drawn again: (seed, number) alone decide their bytes."""

    def pair(seed, number, split):
        return [replace(picture, split=split) for picture in drawn(seed, number)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.demo.dataset.make_pair", pair)
        yield


@pytest.fixture
def drawn_once():
    with nothing_drawn_twice():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "set"
    with nothing_drawn_twice():
        assert demo(out) == 0
    return out


def test_layout_is_the_challenges(made):
    expected = {"train_label.txt", "val_label.txt", "test_list.txt", "groups.csv", "truth.csv"}
    folders = {"trainset", "valset", "testset"}
    assert {p.name for p in made.iterdir()} == expected | folders | {"demo.json"}
    assert (made / "train_label.txt").read_bytes().startswith(b"img_name,target\n")
    assert (made / "test_list.txt").read_bytes().startswith(b"img_name\n")
    lists = {"trainset": "train_label.txt", "valset": "val_label.txt", "testset": "test_list.txt"}
    for folder, name in lists.items():
        listed = [row["img_name"] for row in read(made / name)]
        assert len(set(listed)) == len(listed)
        assert sorted(listed) == sorted(p.name for p in (made / folder).iterdir())
    assert not [p for p in made.parent.iterdir() if p.name.endswith(".partial")]


def test_labels_are_balanced_shuffled_and_true(made):
    truth = {row["img_name"]: row for row in read(made / "truth.csv")}
    assert len(truth) == IMAGES
    for split in ("train", "val"):
        rows = read(made / f"{split}_label.txt")
        targets = [int(row["target"]) for row in rows]
        assert 2 * sum(targets) == len(targets)
        assert all(truth[r["img_name"]]["target"] == r["target"] for r in rows)
    for row in truth.values():
        assert (row["operation"] == "none") == (row["target"] == "0")
        assert row["operation"] in (*OPERATIONS, "none")
    targets = "".join(row["target"] for row in read(made / "train_label.txt"))
    assert targets not in ("01" * (len(targets) // 2), "".join(sorted(targets)))


def test_a_group_is_one_identity_in_one_split(made):
    split = {row["img_name"]: row["split"] for row in read(made / "truth.csv")}
    target = {row["img_name"]: row["target"] for row in read(made / "truth.csv")}
    groups = {}
    for row in read(made / "groups.csv"):
        assert row["source"] in ("cam_a", "cam_b")
        groups.setdefault(row["group"], []).append(row)
    for rows in groups.values():
        assert len({split[row["img_name"]] for row in rows}) == 1
        assert len({row["source"] for row in rows}) == 1
        assert sorted(target[row["img_name"]] for row in rows) == ["0", "1"]


@pytest.mark.parametrize("images", [12, 13, 100, 400])
def test_splits_have_their_shares(images):
    splits = plan_splits(images)
    assert len(splits) == (images + 1) // 2
    for split, share in (("train", 0.65), ("val", 0.25), ("test", 0.10)):
        assert splits.count(split) >= 1
        assert splits.count(split) == pytest.approx(share * len(splits), abs=1.1)


def test_odd_number_of_pictures(tmp_path, drawn_once):
    assert main(["--out", str(tmp_path / "odd"), "--images", "13", "--workers", "1"]) == 0
    assert len(read(tmp_path / "odd" / "truth.csv")) == 13


def test_pictures_open_and_their_sizes_vary(made):
    sizes = set()
    for path in sorted((made / "trainset").iterdir()):
        image = cv2.imread(str(path))
        assert image is not None
        assert min(image.shape[:2]) >= 256
        assert max(image.shape[:2]) <= 512
        sizes.add(image.shape)
    assert len(sizes) > 5


def test_same_arguments_same_bytes_whatever_the_workers(tmp_path):
    with nothing_drawn_twice():
        assert main(["--out", str(tmp_path / "one"), "--images", "12", "--workers", "1"]) == 0
    assert main(["--out", str(tmp_path / "two"), "--images", "12", "--workers", "2"]) == 0
    assert content(tmp_path / "two") == content(tmp_path / "one")


def test_another_seed_gives_other_pictures_and_names():
    first, other = make_pair(0, 3, "train"), make_pair(1, 3, "train")
    assert {p.name for p in first}.isdisjoint(p.name for p in other)
    assert {p.data for p in first}.isdisjoint(p.data for p in other)


def test_an_identity_does_not_depend_on_the_size_of_the_set(made):
    for picture in make_pair(0, 0, "train"):
        assert (made / "trainset" / picture.name).read_bytes() == picture.data


def test_every_operation_occurs_in_a_small_set(made):
    assert {row["operation"] for row in read(made / "truth.csv")} == {*OPERATIONS, "none"}


def test_same_set_is_left_alone(made, capsys):
    before = {p: p.stat().st_mtime_ns for p in made.rglob("*")}
    assert demo(made) == 0
    assert "already holds this very set" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in made.rglob("*")} == before


def test_other_arguments_are_refused_and_force_replaces(tmp_path, drawn_once):
    out = tmp_path / "set"
    out.mkdir()
    old = {"generator_version": 1, "images": 99, "seed": 5}
    (out / "demo.json").write_text(json.dumps(old))
    message = refusal(out)
    assert "images=99, seed=5" in message
    assert f"images={IMAGES}, seed=0" in message
    assert "pipeline.demo --force" in message
    assert demo(out, "--force") == 0
    assert len(read(out / "truth.csv")) == IMAGES


def test_a_damaged_record_is_refused(tmp_path):
    (tmp_path / "demo.json").write_text("{")
    assert "unreadable arguments" in refusal(tmp_path)


@pytest.mark.parametrize("more", [(), ("--force",)])
def test_foreign_files_are_never_deleted(tmp_path, more):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    assert "not demo data (no demo.json)" in refusal(tmp_path, *more)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"mine"


def test_a_demo_set_with_foreign_files_is_not_replaced(tmp_path):
    (tmp_path / "demo.json").write_text(json.dumps({"generator_version": 1, "images": 99, "seed": 5}))
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    message = "1 files are not of the demo set and would be deleted, the first is holiday.jpg"
    assert message in refusal(tmp_path, "--force")
    assert (tmp_path / "holiday.jpg").read_bytes() == b"mine"


def test_a_demo_set_is_recognised(made, tmp_path):
    assert is_demo_set(made)
    assert is_demo_set(made, images=IMAGES)
    assert not is_demo_set(made, images=IMAGES + 1)
    assert not is_demo_set(tmp_path)


def test_a_file_as_output_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    assert "holds something that is not demo data" in refusal(tmp_path / "file")


def test_a_killed_run_leaves_no_half_set(tmp_path, monkeypatch, drawn_once):
    """The folder appears by its last act; what a killed run left is swept away by the next."""
    out = tmp_path / "set"

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.demo.dataset._write_json", die)
        with pytest.raises(KeyboardInterrupt):
            main(["--out", str(out), "--images", "12", "--workers", "1"])
    assert not out.exists()
    assert main(["--out", str(out), "--images", "12", "--workers", "1"]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_file_facts_do_not_tell_the_classes(made):
    """Size, bytes and tables: no single one orders the classes in a small balanced set."""
    truth = read(made / "truth.csv")
    facts = []
    for row in truth:
        path = made / f"{row['split']}set" / row["img_name"]
        height, width = cv2.imread(str(path)).shape[:2]
        size = path.stat().st_size
        facts.append((size, width, height, size / (width * height)))
    fake = np.array([row["target"] == "1" for row in truth])
    for column in np.array(facts, float).T:
        wins = (column[fake][:, None] > column[~fake][None, :]).mean()
        assert 0.2 < wins < 0.8  # 12 against 12: chance stays inside in 99 % of sets


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--images", "3", "is '3', allowed are whole numbers from 12"),
        ("--seed", "-1", "is '-1', allowed are whole numbers from 0"),
        ("--workers", "two", "is 'two', allowed are whole numbers from 1"),
    ],
)
def test_bad_options_say_what_is_allowed(capsys, option, value, message):
    with pytest.raises(SystemExit, match="2"):
        main(["--out", "unused", option, value])
    assert message in capsys.readouterr().err


def test_help_names_every_option_and_its_default():
    parser = build_parser()
    text = " ".join(parser.format_help().split())
    for action in parser._actions:
        assert action.help
        assert action.option_strings[0] in text
    assert "default 400" in text
    assert "%%" not in text
    assert "say nothing about real deepfakes" in text
