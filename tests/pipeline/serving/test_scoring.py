"""prediction.txt as a file: full precision, quoted where needed, whole or absent."""

import csv

import numpy as np
import pytest
import torch

from models.bundle import Prediction
from models.nets.face_net import FaceNet, NetSpec, build
from pipeline.samples.net_rows import load_net
from pipeline.serving.scoring import BY_MODEL, BY_PRIOR, PredictionRow, by_model, write_predictions


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
        by_model("a,b", prediction, [], found=True),
    ]
    write(items, tmp_path, kinds=["labelled", "blend"])
    with open(tmp_path / "d.csv", newline="") as stream:
        unread, row = csv.DictReader(stream)
    assert row["img_name"] == "a,b"
    assert [float(row[k]) for k in ("y_pred", "novelty", "labelled", "blend")] == [0.75, 0.25, 1.5, -2.0]
    assert list(unread.values()) == ["bad", "0.5", "", "", ""]


def test_the_columns_are_there_when_no_image_could_be_read(tmp_path):
    write([PredictionRow("bad", 0.5, BY_PRIOR, "truncated", "it ends early")], tmp_path, kinds=["labelled"])
    assert (tmp_path / "d.csv").read_text() == "img_name,y_pred,novelty,labelled\nbad,0.5,,\n"


def test_what_a_reader_has_to_know_is_said():
    usual, strange = (
        Prediction(score=0.1, novelty=n, log_likelihood_ratios={"labelled": 0.0}) for n in (0.5, 0.9995)
    )
    assert by_model("a", usual, [], found=True).warnings == ""
    assert "no face found" in by_model("a", usual, ["converted"], found=False).warnings
    assert by_model("a", usual, ["converted"], found=True).warnings == "converted"
    assert "out of distribution" in by_model("a", strange, [], found=True).warnings


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
