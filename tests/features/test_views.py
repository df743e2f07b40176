"""Cuts of a face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.views import CENTRE, TEMPLATE, cut_views, plan_crop, similarity
from tests.features.faces import NO_FACE, SCALES, face_at
from tests.features.pictures import noise


def test_a_face_moves_with_its_picture():
    matrix = np.array([[0.0, -2.0, 100.0], [2.0, 0.0, -10.0]])  # twice as large, a quarter turn
    face = face_at(10, 20, 30)
    moved = face.moved(matrix)
    np.testing.assert_allclose(moved.box, [0, 10, 60, 70])
    np.testing.assert_allclose(moved.landmarks, face.landmarks @ matrix[:, :2].T + matrix[:, 2], rtol=1e-6)
    assert np.isnan(NO_FACE.moved(matrix).landmarks).all()
    assert not NO_FACE.moved(matrix).found


def test_native_corners_are_moved_outwards_to_the_jpeg_grid():
    crop = plan_crop(face_at(101, 93, 50), height=300, width=300, native=1.0, context=1.5, aligned=1)
    assert crop.native == (96, 88, 152, 144)


@settings(max_examples=60, deadline=None)
@given(
    x0=st.floats(-60, 240),
    y0=st.floats(-60, 180),
    side=st.floats(1, 300),
    height=st.integers(1, 200),
    width=st.integers(1, 260),
)
def test_rectangles_nest_and_stay_inside_any_image(x0, y0, side, height, width):
    crop = plan_crop(face_at(x0, y0, side), height=height, width=width, **SCALES)
    inner, outer = crop.native, crop.context
    assert 0 <= outer[0] <= inner[0] < inner[2] <= outer[2] <= width
    assert 0 <= outer[1] <= inner[1] < inner[3] <= outer[3] <= height
    for edge, limit in ((inner[2], width), (inner[3], height)):
        assert edge % 8 == 0 or edge == limit or edge == 1 or edge - 1 in (inner[0], inner[1])


def test_cuts_are_exact_pixels_and_small_ones_copies():
    pixels = noise(200, 240)
    face = face_at(90, 70, 60)
    crop = plan_crop(face, height=200, width=240, **SCALES)
    views = cut_views(pixels, face, crop)
    x0, y0, x1, y1 = crop.native
    np.testing.assert_array_equal(views.native, pixels[y0:y1, x0:x1])
    a, b, c, d = views.face_in_context
    np.testing.assert_array_equal(views.context[b:d, a:c], views.native)
    np.testing.assert_allclose(views.landmarks + [x0, y0], face.landmarks, atol=1e-4)
    assert views.found and not np.shares_memory(views.native, pixels)


def test_a_cut_of_most_of_the_image_is_no_second_copy():
    pixels = noise(200, 240)
    views = cut_views(pixels, NO_FACE, plan_crop(NO_FACE, height=200, width=240, **SCALES))
    assert np.shares_memory(views.native, pixels) and np.shares_memory(views.context, pixels)


def test_a_box_beyond_the_image_is_cut_at_the_border():
    face = face_at(-40, -40, 100)
    crop = plan_crop(face, height=120, width=90, **SCALES)
    views = cut_views(noise(120, 90), face, crop)
    assert crop.native[:2] == (0, 0)
    assert views.native.shape[0] >= 60 and views.native.shape[1] >= 60


def test_without_a_face_the_native_cut_is_the_centred_square():
    pixels = noise(100, 180)
    crop = plan_crop(NO_FACE, height=100, width=180, **SCALES)
    views = cut_views(pixels, NO_FACE, crop)
    assert crop.native == (40, 0, 140, 100) and crop.context == (0, 0, 180, 100)
    np.testing.assert_array_equal(views.native, pixels[:, 40:140])
    assert not views.found and np.isnan(views.landmarks).all()


@pytest.mark.parametrize(("height", "width"), [(101, 230), (230, 101), (64, 64), (1, 1), (1, 50)])
def test_without_a_face_the_square_starts_on_the_jpeg_grid(height, width):
    x0, y0, x1, y1 = plan_crop(NO_FACE, height=height, width=width, **SCALES).native
    assert x0 % 8 == 0 and y0 % 8 == 0
    assert x1 - x0 == y1 - y0 == min(height, width)
    assert 0 <= (width - min(height, width)) // 2 - x0 < 8 and x1 <= width and y1 <= height


@pytest.mark.parametrize("degrees", [0, 17, -90, 180])
@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_similarity_recovers_a_known_transform(degrees, scale):
    turn = np.radians(degrees)
    rotation = 37.0 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = np.array([120.0, 45.0])
    target = (TEMPLATE - CENTRE) / scale + 0.5
    landmarks = target @ rotation.T + shift
    matrix = similarity(landmarks, scale=scale)
    np.testing.assert_allclose(matrix[:, :2] @ rotation, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(matrix[:, :2] @ shift + matrix[:, 2], 0, atol=1e-9)


def test_similarity_of_mirrored_landmarks_does_not_reflect():
    matrix = similarity(TEMPLATE * [-1, 1], scale=1.0)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_similarity_of_coincident_landmarks_is_finite():
    assert np.isfinite(similarity(np.full((5, 2), 7.0), scale=1.0)).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (3, 500)])
@pytest.mark.parametrize("face", [NO_FACE, face_at(0, 0, 30)], ids=["none", "face"])
def test_tiny_images_are_cut(height, width, face):
    pixels = noise(height, width)
    crop = plan_crop(face, height=height, width=width, **SCALES)
    assert cut_views(pixels, face, crop).native.size > 0
