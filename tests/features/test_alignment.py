"""The aligned picture of a face."""

from __future__ import annotations

import numpy as np
import pytest

from features.alignment import align
from features.views import TEMPLATE, Face, plan_crop
from tests.features.faces import NO_FACE, SCALES, face_at, square_at
from tests.features.pictures import noise, textured


def test_align_of_the_whole_picture_is_the_picture():
    pixels = textured(112, 112)
    crop = plan_crop(face_at(0, 0, 112), height=112, width=112, native=1, context=1, aligned=1)
    np.testing.assert_array_equal(align(pixels, crop, size=112), pixels)


def test_align_undoes_a_quarter_turn():
    pixels = textured(96, 96)
    landmarks = TEMPLATE * 96
    turned = np.ascontiguousarray(np.rot90(pixels))  # (x, y) -> (y, 96 - x)
    moved = np.stack([landmarks[:, 1], 96 - landmarks[:, 0]], axis=1).astype(np.float32)
    upright = face_at(0, 0, 96)
    face = Face(found=True, n_faces=1, prob=1.0, box=upright.box, landmarks=moved)
    crop = plan_crop(face, height=96, width=96, native=1, context=1, aligned=1)
    difference = np.abs(align(turned, crop, size=96).astype(int) - pixels)
    assert difference.max() <= 2


@pytest.mark.parametrize("offset", [0, 300])
def test_align_averages_when_it_shrinks(offset):
    pixels = noise(900, 900)
    face = face_at(offset, offset, 560)
    crop = plan_crop(face, height=900, width=900, native=1, context=1, aligned=1)
    small = align(pixels, crop, size=56)
    assert small.shape == (56, 56, 3) and small.dtype == np.uint8
    # 130 / sqrt(12) grey levels fall by about the number of pixels a side that are averaged.
    assert small.std() < 130 / np.sqrt(12) / 5


@pytest.mark.parametrize("corner", [(-20, -20), (-8, 20), (30, 30)])
def test_a_square_too_large_for_the_image_shrinks_to_it(corner):
    pixels = textured(64, 64)
    crop = plan_crop(square_at(*corner, 80), height=64, width=64, native=1, context=1, aligned=1)
    np.testing.assert_array_equal(align(pixels, crop, size=64), pixels)


def test_a_square_across_the_border_moves_inside():
    pixels = textured(100, 140)
    crop = plan_crop(square_at(-10, 70, 48), height=100, width=140, native=1, context=1, aligned=1)
    np.testing.assert_array_equal(align(pixels, crop, size=48), pixels[52:100, :48])


def test_a_rolled_square_is_mirrored_where_its_corners_leave_the_image():
    pixels = textured(64, 64)
    face = square_at(0, 0, 64, turn=45)
    crop = plan_crop(face, height=64, width=64, native=1, context=1, aligned=1)
    assert align(pixels, crop, size=64).min() >= pixels.min()


def test_coincident_landmarks_still_give_an_aligned_picture():
    face = square_at(10, 10, 40)
    face.landmarks[:] = 25.0
    crop = plan_crop(face, height=64, width=64, native=1, context=1, aligned=1)
    assert align(textured(64, 64), crop, size=32).shape == (32, 32, 3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (3, 500)])
@pytest.mark.parametrize("face", [NO_FACE, face_at(0, 0, 30)], ids=["none", "face"])
def test_tiny_images_are_aligned(height, width, face):
    pixels = noise(height, width)
    crop = plan_crop(face, height=height, width=width, **SCALES)
    assert align(pixels, crop, size=32).shape == (32, 32, 3)
