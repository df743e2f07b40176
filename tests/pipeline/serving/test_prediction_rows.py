"""What a row says of the face that was scored."""

from models.bundle import Prediction
from pipeline.serving.prediction_rows import by_model
from tests.pipeline.serving.found import face


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
