"""A face and its row of the face table say the same."""

import numpy as np

from features.views import Face
from models.detection.faces import NO_FACE
from pipeline.storage.face_schema import COLUMNS, to_face, to_row

FACE = Face(
    True, 3, 0.75, np.array([1, 2, 30, 40], np.float32), np.arange(10, dtype=np.float32).reshape(5, 2)
)


def test_a_face_comes_back():
    back = to_face(to_row(FACE))
    assert (back.found, back.n_faces, back.prob) == (True, 3, 0.75)
    np.testing.assert_array_equal(back.box, FACE.box)
    np.testing.assert_array_equal(back.landmarks, FACE.landmarks)


def test_no_face_comes_back():
    back = to_face(to_row(NO_FACE))
    assert not back.found
    assert back.n_faces == 0
    assert np.isnan([back.prob, *back.box, *back.landmarks.ravel()]).all()


def test_every_number_has_its_column():
    row = dict(zip(COLUMNS, to_row(FACE).tolist(), strict=True))
    assert (row["x0"], row["y1"], row["prob"]) == (1, 40, 0.75)
    assert (row["left_eye_x"], row["left_eye_y"], row["mouth_right_y"]) == (0, 1, 9)
