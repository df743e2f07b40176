"""People in two splits are reported, and without the weights it is said that nobody looked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from features.views import Face
from pipeline.dataset import people as module
from pipeline.dataset.people import people
from pipeline.runtime.engine import Engine
from pipeline.storage.face_schema import to_row
from tests.pipeline.dataset.test_leakage import dataset, seen_again

HERE = Engine(backend="sequential")
MARKS = np.array([[18, 20], [30, 20], [24, 27], [19, 33], [29, 33]], np.float32)
FACE = to_row(Face(True, 1, 0.99, np.array([10, 8, 38, 40], np.float32), MARKS))


class MeanColours:
    """Stands in for the net: one person has one colour."""

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        points = np.zeros((len(faces), 128), np.float32)
        points[:, :3] = faces.mean(axis=(1, 2)) / 20
        return points


def listing(folder: Path, colours: list[int], splits: list[str]) -> pd.DataFrame:
    rows = dataset(folder, count=len(colours))
    for path, colour in zip(rows["path"], colours, strict=True):
        cv2.imwrite(path, np.full((48, 48, 3), colour, np.uint8))
    return seen_again(rows.assign(split=splits))


@pytest.fixture
def with_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "weights_file", lambda: Path("weights.dat"))
    monkeypatch.setattr(module, "_net", lambda weights: MeanColours())


@pytest.mark.usefixtures("with_weights")
def test_one_person_in_two_splits_is_amber(tmp_path: Path) -> None:
    rows = listing(tmp_path, [10, 60, 110, 61, 200], ["train", "train", "train", "val", "val"])
    faces = dict.fromkeys(rows["sha256"], FACE)
    pairs, findings = people(rows, faces=faces, options={}, engine=HERE)
    assert findings == [{"level": "amber", "text": "1 of 2 val images likely show a person of a train image"}]
    assert [(p["first"]["img_name"], p["second"]["img_name"]) for p in pairs] == [("1.jpg", "3.jpg")]


@pytest.mark.usefixtures("with_weights")
def test_other_people_and_images_without_a_face_are_no_pair(tmp_path: Path) -> None:
    rows = listing(tmp_path, [10, 60, 110, 61], ["train", "train", "val", "val"])
    faces = dict.fromkeys(rows["sha256"], FACE)
    faces[rows["sha256"][3]] = np.zeros(17, np.float32)
    pairs, findings = people(rows, faces=faces, options={}, engine=HERE)
    assert pairs == []
    assert findings == [{"level": "ok", "text": "0 of 1 val images likely show a person of a train image"}]


def test_without_weights_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "weights_file", lambda: None)
    pairs, findings = people(dataset(tmp_path, count=4), faces={}, options={}, engine=HERE)
    assert pairs == []
    assert findings[0]["level"] == "unknown"  # what was not done is not ok
    assert "were not looked for: run pip install 'faketrace[people]'" in findings[0]["text"]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    others = rng.standard_normal((40, 128)).astype(np.float32)
    points = others[::-1][:20] + np.float32(0.01)
    expected = list(module._nearest(points, others))
    assert [(place, which) for place, which, _ in expected] == [(i, 39 - i) for i in range(20)]
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert [pair[:2] for pair in module._nearest(points, others)] == [pair[:2] for pair in expected]
