"""Generators' pictures: made once, resumed, whatever the workers; a bad image costs its own picture; a missing kind is said."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from models.generators.registry import GENERATORS
from pipeline.runtime import params, paths
from pipeline.samples import pictures
from pipeline.samples.pictures import fill, open_store, read_plan, tasks_of
from pipeline.samples.variants import VariantPlan
from pipeline.storage.files import NotMadeError
from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.image_headers import BadImage
from pipeline.storage.picture_store import mark_skipped, open_current, publish
from tests.pipeline.hashed import hashed

SEQUENTIAL = params.Compute(workers=1, backend="sequential", shard_size=8)
WANTED = params.Variants(degraded=1, pseudo_fakes={"blend": 1, "restoration": 1})


def upside_down(pixels, rng):
    return np.ascontiguousarray(pixels[::-1]) // 2 + np.uint8(rng.integers(3))


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pictures, "load", lambda kind, files, device: upside_down)
    pictures._generator.cache_clear()
    rng = np.random.default_rng(0)
    for i in range(24):
        cv2.imwrite(f"{i}.png", rng.integers(0, 256, (12, 10, 3), dtype=np.uint8))
    (tmp_path / "net.param").write_text("weights")
    yield pd.DataFrame(
        {
            "key": [f"{i:032x}"[::-1] for i in range(24)],
            "path": [str(tmp_path / f"{i}.png") for i in range(24)],
            "sha256": [hashed(f"{i}.png").sha256 for i in range(24)],
            "target": [i % 3 == 0 for i in range(24)],
            "split": ["train"] * 20 + ["val"] * 4,
        }
    ).astype({"target": int})
    pictures._generator.cache_clear()


def made(rows, tmp_path):
    files = [tmp_path / "net.param"]
    store = open_store("restoration", files)
    tasks = tasks_of(rows, "restoration", VariantPlan(WANTED))
    unmade = fill("restoration", tasks, store, files=files, max_pixels=10**6, compute=SEQUENTIAL)
    publish(store, {item.row: (item.status, item.detail, item.path) for item in unmade})
    return open_current(store.root), tasks


def test_real_train_images_alone_have_pictures(rows, tmp_path):
    store, tasks = made(rows, tmp_path)
    expected = rows[(rows["target"] == 0) & (rows["split"] == "train")]
    assert [task.file.path for task in tasks] == expected["path"].tolist()
    assert store.keys() == {task.picture for task in tasks}
    assert len(store.shards()) > 1
    for task in tasks[:4]:
        original = cv2.imread(task.file.path)[..., ::-1]
        assert np.abs(store.read(task.picture)[::-1].astype(int) - original // 2).max() <= 2


def test_what_is_there_is_not_made_again(rows, tmp_path, monkeypatch):
    store, tasks = made(rows, tmp_path)
    first = {task.picture: store.read(task.picture) for task in tasks}
    store.shards()[0].unlink()
    missing = {task.picture for task in tasks} - store.keys()
    assert missing
    drawn = []

    def watch(pixels, rng):
        drawn.append(1)
        return upside_down(pixels, rng)

    monkeypatch.setattr(pictures, "load", lambda kind, files, device: watch)
    pictures._generator.cache_clear()
    made(rows, tmp_path)
    assert len(drawn) == len(missing)
    for key, picture in first.items():
        np.testing.assert_array_equal(store.read(key), picture)


def test_a_bad_image_costs_its_own_picture(rows, tmp_path):
    real = rows.index[(rows["target"] == 0) & (rows["split"] == "train")][2]
    (tmp_path / f"{real}.png").write_bytes(b"no image")
    rows.loc[real, "sha256"] = hashed(rows["path"][real]).sha256
    store, tasks = made(rows, tmp_path)
    bad = next(task for task in tasks if task.file.path == rows["path"][real])
    with pytest.raises(BadImage, match="is text, whatever its name says"):
        store.read(bad.picture)
    assert store.keys() == {task.picture for task in tasks}


def test_a_changed_image_is_asked_for_again_and_right_when_it_is_back(rows, tmp_path):
    whole, tasks = made(rows, tmp_path)
    expected = {task.picture: whole.read(task.picture) for task in tasks}
    for shard in whole.shards():
        shard.unlink()
    swapped, gone = (tasks[place].file.path for place in (1, 4))
    kept = {path: Path(path).read_bytes() for path in (swapped, gone)}
    Path(swapped).write_bytes(Path(tasks[0].file.path).read_bytes())
    Path(gone).unlink()
    store, _ = made(rows, tmp_path)
    assert store.keys() == {task.picture for task in tasks} - {tasks[1].picture, tasks[4].picture}
    for place, reason in ((1, "other bytes than in stage manifest"), (4, "is not there")):
        with pytest.raises(ChangedFile, match=f"no picture {tasks[place].picture}: .*{reason}") as changed:
            store.read(tasks[place].picture)
        assert changed.value.path == tasks[place].file.path
    for path, data in kept.items():
        Path(path).write_bytes(data)
    store, _ = made(rows, tmp_path)
    assert store.unmade == {}
    for key, picture in expected.items():
        np.testing.assert_array_equal(store.read(key), picture)


def test_other_weights_make_other_pictures(rows, tmp_path):
    first = open_store("restoration", [tmp_path / "net.param"])
    (tmp_path / "net.param").write_text("other weights")
    assert open_store("restoration", [tmp_path / "net.param"]).version != first.version


def test_the_plan_says_what_is_there_and_why_a_kind_is_not(rows, tmp_path):
    with pytest.raises(NotMadeError, match="run `dvc repro`"):
        read_plan(WANTED)
    store, _ = made(rows, tmp_path)
    publish(store)
    plan = read_plan(WANTED)
    assert plan.pictures == {"restoration": store}
    assert plan.left_out == {}
    mark_skipped(paths.GENERATED / "restoration", reason="the package is not installed")
    plan = read_plan(WANTED)
    assert plan.wanted.pseudo_fakes == {"blend": 1}
    assert plan.left_out == {"restoration": "the package is not installed"}


def test_a_kind_of_which_nothing_is_wanted_needs_no_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nothing = dict.fromkeys(GENERATORS, 0.0)
    assert read_plan(params.Variants(degraded=1, pseudo_fakes=nothing)).pictures == {}
