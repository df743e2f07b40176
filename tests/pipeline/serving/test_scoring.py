"""prediction.txt as a file: full precision, quoted where needed, whole or absent."""

import csv
from functools import partial

import numpy as np
import pytest
import torch

from features.views import Face
from models.bundle import Prediction
from models.detection.faces import NO_FACE
from models.nets.build import build
from models.nets.face_net import FaceNet
from models.nets.net_spec import NetSpec
from pipeline.runtime.engine import Engine
from pipeline.runtime.in_flight import batches
from pipeline.samples.net_rows import load_net
from pipeline.serving import scoring
from pipeline.serving.scoring import (
    BY_MODEL,
    BY_PRIOR,
    FACE_COLUMNS,
    PredictionRow,
    by_model,
    score_files,
    write_predictions,
)


def face(n_faces=1):
    """A face of a picture with so many of them; none for 0."""
    if not n_faces:
        return NO_FACE
    return Face(True, n_faces, 0.5, np.array([1, 2, 30, 40], np.float32), np.zeros((5, 2), np.float32))


def write(items, folder, *, kinds=()):
    return write_predictions(items, folder / "p.txt", folder / "i.csv", folder / "d.csv", kinds=kinds)


def scored(names):
    for index, name in enumerate(names):
        yield PredictionRow(name, 0.1 + index * 1e-17, BY_MODEL, "ok", "")


def test_names_come_back_as_they_were(tmp_path):
    names = ["a.jpg", "with,comma.jpg", 'with"quote.jpg', "空.jpg", "a b.jpg"]
    rows, with_warnings = write(scored(names), tmp_path)
    with open(tmp_path / "p.txt", newline="", encoding="utf-8") as stream:
        assert [row[0] for row in csv.reader(stream)] == ["img_name", *names]
    assert (rows, with_warnings) == (5, 0)


def test_scores_keep_every_bit(tmp_path):
    values = [0.1, 0.1 + 2**-55, 1 / 3, 5e-324, 1.0]
    items = (PredictionRow(str(v), v, BY_MODEL, "ok", "") for v in values)
    write(items, tmp_path)
    lines = (tmp_path / "p.txt").read_text().splitlines()[1:]
    assert [float(line.split(",")[1]) for line in lines] == values
    assert all("\n" not in line for line in lines)


def test_rows_with_a_reason_are_listed_beside(tmp_path):
    items = iter(
        [
            PredictionRow("a", 0.2, BY_MODEL, "ok", ""),
            PredictionRow("b", 0.5, BY_PRIOR, "truncated", "it ends early"),
        ]
    )
    assert write(items, tmp_path) == (2, 1)
    with open(tmp_path / "i.csv", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {
                "img_name": "b",
                "status": "truncated",
                "source": "training prior",
                "y_pred": "0.5",
                "warnings": "it ends early",
            }
        ]


def test_an_interrupted_run_leaves_the_old_file(tmp_path):
    (tmp_path / "p.txt").write_text("old")

    def stop():
        yield PredictionRow("a", 0.2, BY_MODEL, "ok", "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(stop(), tmp_path)
    assert (tmp_path / "p.txt").read_text() == "old"


def test_novelty_and_kinds_of_each_image_stand_beside(tmp_path):
    prediction = Prediction(score=0.75, novelty=0.25, log_likelihood_ratios={"labelled": 1.5, "blend": -2.0})
    items = [
        PredictionRow("bad", 0.5, BY_PRIOR, "truncated", "it ends early"),
        by_model("a,b", prediction, [], face=face(3), precision="f32"),
    ]
    write(items, tmp_path, kinds=["labelled", "blend"])
    with open(tmp_path / "d.csv", newline="") as stream:
        unread, row = csv.DictReader(stream)
    assert row["img_name"] == "a,b"
    assert [float(row[k]) for k in ("y_pred", "novelty", "labelled", "blend")] == [0.75, 0.25, 1.5, -2.0]
    assert row["precision"] == "f32"
    assert [row[k] for k in FACE_COLUMNS] == ["1", "3", "0.5000", "1.0", "2.0", "30.0", "40.0"]
    assert list(unread.values()) == ["bad", "0.5", *[""] * 14]


def test_the_columns_are_there_when_no_image_could_be_read(tmp_path):
    write([PredictionRow("bad", 0.5, BY_PRIOR, "truncated", "it ends early")], tmp_path, kinds=["labelled"])
    assert (tmp_path / "d.csv").read_text() == (
        "img_name,y_pred,novelty,precision,face,n_faces,face_prob,x0,y0,x1,y1,credentials,credentials_signer,credentials_sources,labelled\n"
        "bad,0.5,,,,,,,,,,,,,\n"
    )


def test_what_a_reader_has_to_know_is_said():
    usual, strange = (
        Prediction(score=0.1, novelty=n, log_likelihood_ratios={"labelled": 0.0}) for n in (0.5, 0.9995)
    )
    assert by_model("a", usual, [], face=face(), precision="f32").warnings == ""
    assert "no face found" in by_model("a", usual, ["converted"], face=face(0), precision="f32").warnings
    assert by_model("a", usual, ["converted"], face=face(), precision="f32").warnings == "converted"
    assert by_model("a", usual, [], face=face(2), precision="f32").warnings == (
        "2 faces: the score is that of the main one (largest area times probability)"
    )
    assert "out of distribution" in by_model("a", strange, [], face=face(), precision="f32").warnings


def test_each_face_has_a_row_and_the_main_one_keeps_the_name():
    usual = Prediction(score=0.1, novelty=0.5, log_likelihood_ratios={})
    rows = [by_model("a.jpg", usual, [], face=face(2), precision="f32", place=place) for place in (1, 2)]
    assert [row.name for row in rows] == ["a.jpg", "a.jpg#2"]
    assert [row.place for row in rows] == [1, 2]
    assert [row.warnings for row in rows] == ["2 faces: this is number 1", "2 faces: this is number 2"]


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
