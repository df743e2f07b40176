"""Which of several faces is meant, and how it is described."""

from __future__ import annotations

import numpy as np
import pytest

from models.detection.faces import NO_FACE, area, enlarge, rank

BOXES = np.array([[0, 0, 10, 10], [5, 5, 25, 15], [1, 1, 3, 3]], np.float32)
POINTS = np.arange(30, dtype=np.float32).reshape(3, 5, 2)


def test_the_face_of_largest_area_times_probability_comes_first():
    image = np.array([0, 0, 4])
    for scores, winner in (((0.9, 0.9), 1), ((0.9, 0.4), 0)):
        faces = rank(image, BOXES, np.array([*scores, 0.8], np.float32), POINTS)
        assert sorted(faces) == [0, 4]
        for face, place in zip(faces[0], (winner, 1 - winner), strict=True):
            assert face.n_faces == 2
            assert face.prob == pytest.approx(scores[place])
            np.testing.assert_array_equal(face.box, BOXES[place])
            np.testing.assert_array_equal(face.landmarks, POINTS[place])
        assert [face.n_faces for face in faces[4]] == [1]


def test_an_inverted_box_has_no_area():
    faces = rank(np.array([0]), np.array([[9.0, 0, 1, 8]]), np.array([0.9], np.float32), POINTS[:1])
    assert area(faces[0][0]) == 0


def test_no_faces_give_no_entries():
    assert rank(np.zeros(0, np.int64), BOXES[:0], np.zeros(0, np.float32), POINTS[:0]) == {}


def test_an_enlarged_face_has_its_numbers_times_the_ratio():
    face = rank(np.array([0]), BOXES[1:2], np.array([0.5], np.float32), POINTS[:1])[0][0]
    larger = enlarge(face, 3)
    assert area(larger) == 9 * area(face) == 9 * 200
    np.testing.assert_array_equal(larger.landmarks, face.landmarks * 3)
    assert (larger.prob, larger.n_faces) == (face.prob, face.n_faces)
    assert larger.box.dtype == np.float32
    assert enlarge(face, 1) is face


def test_no_face_is_not_found_and_nowhere():
    assert not NO_FACE.found
    assert NO_FACE.n_faces == 0
    assert np.isnan(NO_FACE.box).all()
    assert np.isnan(NO_FACE.landmarks).all()
