"""From files to rows: order, what is held in memory, and how many cores a process takes."""

from functools import partial

import numpy as np
import pytest
import torch

from models.bundle import Prediction
from models.nets.build import build
from models.nets.face_net import FaceNet
from models.nets.net_spec import NetSpec
from pipeline.runtime.engine import Engine
from pipeline.runtime.in_flight import batches
from pipeline.samples.net_rows import load_net
from pipeline.serving import scoring
from pipeline.serving.scoring import score_files
from tests.pipeline.serving.found import face


class Drawn:
    """A bundle whose pictures have as many faces as their first pixel says, scored with a hundredth of the second."""

    max_pixels, prior, precision = 10**6, 0.25, "f32"

    def __init__(self):
        self.batches = []

    def score(self, pixels, *, every_face):
        self.batches.append(len(pixels))
        for picture in pixels:
            count = int(picture[0, 0, 0])
            scored = Prediction(float(picture[0, 1, 0]) / 100, 0.5, {})
            yield [(scored, face(count))] * (max(count, 1) if every_face else 1)


def drawn(faces, score, *, side=4):
    picture = np.zeros((side, side, 3), np.uint8)
    picture[0, :2] = [[faces], [score]]
    return picture


@pytest.mark.parametrize("every_face", [False, True])
def test_rows_keep_the_order_of_pictures_that_can_and_cannot_be_read(every_face):
    files = [
        ("a", drawn(1, 1)),
        ("bad", b"text"),
        ("b", drawn(3, 2)),
        ("c", drawn(0, 3)),
        ("gone", "/no/such"),
    ]
    rows = score_files(files, Drawn(), every_face=every_face)
    more = ["b#2", "b#3"] if every_face else []
    assert [row.name for row in rows] == ["a", "bad", "b", *more, "c", "gone"]
    assert [row.score for row in rows if row.place == 1] == [0.01, 0.25, 0.02, 0.03, 0.25]
    assert [row.status for row in rows if row.place == 1] == [
        "ok",
        "not_an_image",
        "ok",
        "ok",
        "missing_file",
    ]


def test_large_pictures_are_forgotten_before_the_next_is_read(monkeypatch):
    held = partial(batches, limit=2 * 4 * 4 * 3 + 1)
    monkeypatch.setattr("pipeline.serving.scoring.batches", held)
    bundle = Drawn()
    assert len(score_files([("a", drawn(1, 1))] * 7, bundle)) == 7
    assert bundle.batches == [3, 3, 1]


def test_a_long_lived_process_sees_that_a_net_was_trained_again(tmp_path):
    """The workers of a cluster outlive a run, and every run keeps its nets under the same names."""
    spec = NetSpec(
        "mobilenetv3_small_050", {}, "rgb", "aligned", 48, (0.5,) * 3, (0.5,) * 3, "test", ("labelled",)
    )
    crop = [np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)]
    rows = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        FaceNet.save(tmp_path / "net", spec, [build(spec)[1].state_dict()])
        net = load_net(tmp_path / "net", "cpu", None)
        assert load_net(tmp_path / "net", "cpu", None) is net
        rows.append(net(crop))
    assert (rows[0] != rows[1]).all()


@pytest.mark.parametrize(("files", "threads"), [(3, [1, 1, 1]), (1, [0])])
def test_one_process_of_many_tasks_means_one_core(files, threads, tmp_path, monkeypatch):
    used = []

    def score_task(files, *, threads, **_):
        used.append(threads)
        return [[] for _ in files]

    monkeypatch.setattr(scoring, "load_bundle", lambda *_: None)
    monkeypatch.setattr(scoring, "_score_task", score_task)
    monkeypatch.setattr(scoring, "IMAGES_PER_TASK", 1)
    asked = [(str(place), str(place)) for place in range(files)]
    assert (
        list(scoring.stream_rows(asked, folder=tmp_path, device="cpu", engine=Engine(workers=1)))
        == [[]] * files
    )
    assert used == threads
