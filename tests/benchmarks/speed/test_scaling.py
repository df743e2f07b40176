"""Drawn pictures are what they say; memory of children and its peak are counted."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmarks.speed.scaling import family, make_data, proportional, vary, watched
from pipeline.dataset.near_duplicates import cluster, perceptual_hash


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        rng = np.random.default_rng(number)
        picture = cv2.resize(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), (96, 80))
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return sorted(folder.iterdir())


def test_a_number_names_a_picture(pictures):
    picture = cv2.imread(str(pictures[0]))
    one = vary(picture, 7, side=64)
    assert one.shape == (64, 64, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, vary(picture, 7, side=64))
    assert np.abs(one.astype(int) - vary(picture, 8, side=64)).mean() > 5


def test_made_pictures_are_not_near_duplicates(pictures):
    picture = cv2.imread(str(pictures[0]))
    made = [perceptual_hash(cv2.cvtColor(vary(picture, n, side=64), cv2.COLOR_BGR2GRAY)) for n in range(24)]
    assert len(set(cluster(made, [""] * 24, bits=16))) > 20


def test_more_pictures_leave_the_others_as_they_are(tmp_path, pictures):
    make_data(tmp_path, pictures, images=5, side=48)
    before = {path.name: path.read_bytes() for path in (tmp_path / "trainset").iterdir()}
    make_data(tmp_path, pictures, images=8, side=48)
    after = {path.name: path.read_bytes() for path in (tmp_path / "trainset").iterdir()}
    assert (len(before), len(after)) == (5, 8)
    assert before.items() <= after.items()
    lines = (tmp_path / "train_label.txt").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == sorted(after)


def test_memory_of_children_is_counted():
    code = "import sys; held = bytearray(200 << 20); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert 200 << 10 < proportional(child.pid) < 300 << 10
        child.stdin.close()
    assert proportional(child.pid) == 0


def test_the_peak_outlives_the_process(monkeypatch):
    monkeypatch.setattr("benchmarks.speed.scaling.EVERY", 0.02)
    code = "import time; held = bytearray(150 << 20); time.sleep(0.6)"
    with subprocess.Popen([sys.executable, "-c", code]) as child, watched(child.pid) as peak:
        child.wait()
    assert 150 < peak[0] < 260
