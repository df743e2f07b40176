"""prediction.txt as a file: full precision, quoted where needed, whole or absent."""

import csv

import pytest

from models.bundle import Prediction
from pipeline.serving.prediction_files import FACE_COLUMNS, write_predictions
from pipeline.serving.prediction_rows import BY_MODEL, BY_PRIOR, PredictionRow, by_model
from tests.pipeline.serving.found import face


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
