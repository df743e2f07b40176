"""The swap in pieces: each step has an answer that is known, and together they replace the face alone."""

import cv2
import numpy as np
import pytest

from benchmarks.quality.multiband import (
    anchors,
    ellipse,
    join,
    levels_of,
    matched,
    multiband,
    reach,
    warped,
)
from benchmarks.quality.portraits import Portrait
from tests.benchmarks.quality.faces import SIDE, difference, portrait


def noise(seed, *, height=61, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_joining_a_picture_with_itself_gives_it_back(levels):
    own, inside = noise(0), np.random.default_rng(1).random((61, 50), np.float32)
    np.testing.assert_allclose(join(own, own.astype(np.float32), inside, levels=levels), own, atol=1e-3)


@pytest.mark.parametrize("value", [0, 1])
def test_an_even_mask_gives_one_of_the_pictures(value):
    pictures = noise(0), noise(1)
    inside = np.full((61, 50), value, np.float32)
    joined = join(pictures[0], pictures[1].astype(np.float32), inside, levels=3)
    np.testing.assert_allclose(joined, pictures[value], atol=1e-3)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_join_changes_nothing_out_of_its_reach(levels):
    side = 2 * reach(levels) + 60
    ground, drawn = noise(0, height=side, width=side), noise(1, height=side, width=side)
    inside = np.zeros((side, side), np.float32)
    middle = slice(side // 2 - 5, side // 2 + 5)
    inside[middle, middle] = 1
    away = cv2.distanceTransform((inside == 0).astype(np.uint8), cv2.DIST_C, 3) > reach(levels)
    joined = join(ground, drawn.astype(np.float32), inside, levels=levels)
    assert difference(joined, ground, away) < 1e-3
    assert difference(joined, ground, inside > 0) > 30


def test_fine_bands_are_joined_more_sharply_than_coarse_ones():
    inside = np.zeros((128, 128), np.float32)
    inside[:, 64:] = 1
    ground = np.zeros((128, 128, 3), np.uint8)
    fine = np.zeros((128, 128, 3), np.float32)
    fine[::2] = 200
    joined = join(ground, fine, inside, levels=4)[..., 0]
    stripes, mean = joined[0::2] - joined[1::2], (joined[0::2] + joined[1::2]) / 2
    widths = [
        np.flatnonzero((row.mean(0) > 0.05 * row.mean(0)[-1]) & (row.mean(0) < 0.95 * row.mean(0)[-1])).size
        for row in (stripes, mean)
    ]
    assert 3 * widths[0] < widths[1]


def test_a_picture_matched_to_itself_stays_as_it_is():
    own = noise(0)
    inside = np.ones((61, 50), np.float32)
    np.testing.assert_allclose(matched(own.astype(np.float32), own, inside), own, atol=0.3)


def test_a_match_takes_the_histogram_and_forgets_the_exposure():
    ground = portrait(0).pixels
    drawn, inside = portrait(1).pixels.astype(np.float32) / 2, np.ones((SIDE, SIDE), np.float32)
    made, brighter = (matched(picture, ground, inside) for picture in (drawn, 1.3 * drawn + 20))
    np.testing.assert_allclose(made, brighter, atol=0.5)
    luma = np.array([0.299, 0.587, 0.114])
    shares = np.linspace(0.05, 0.95, 7)
    np.testing.assert_allclose(np.quantile(made @ luma, shares), np.quantile(ground @ luma, shares), atol=0.2)


def test_only_what_is_inside_has_a_say_in_the_match():
    ground, drawn = portrait(0).pixels, portrait(1).pixels.astype(np.float32)
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[40:120, 40:120] = 1
    outside_white = np.where(inside[..., None] > 0, ground, 255).astype(np.uint8)
    np.testing.assert_array_equal(matched(drawn, ground, inside), matched(drawn, outside_white, inside))


def test_a_warp_brings_every_anchor_to_its_place():
    onto, donor = portrait(0), portrait(1, shift=0.03)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    places = Portrait(np.stack([columns, rows, rows], axis=-1).astype(np.uint8), donor.face)
    moved = warped(onto, places)
    here, there = (np.rint(anchors(face)[:5]).astype(int) for face in (onto.face, donor.face))
    found = moved[here[:, 1], here[:, 0], :2]
    np.testing.assert_allclose(found, there, atol=1.6)


def test_a_warp_onto_ones_own_face_leaves_the_box():
    own = portrait(0)
    x0, y0, x1, y1 = own.face.box.astype(int)
    assert difference(warped(own, own), own.pixels, np.s_[y0 + 1 : y1, x0 + 1 : x1]) < 0.5


def test_another_face_replaces_the_face_alone():
    onto, donor = portrait(0), portrait(1, shift=0.05)
    made = multiband(onto, donor)
    inside = ellipse(onto.face, onto.pixels.shape)
    outside = cv2.distanceTransform((inside == 0).astype(np.uint8), cv2.DIST_C, 3) > reach(
        levels_of(onto.face)
    )
    assert outside.any()
    assert difference(made, onto.pixels, inside > 0) > 8
    np.testing.assert_array_equal(made[outside], onto.pixels[outside])


def test_ones_own_face_changes_nothing():
    own = portrait(0)
    assert difference(multiband(own, own), own.pixels, np.s_[:]) < 1.0


def test_a_larger_face_has_more_bands():
    face = portrait(0).face
    assert levels_of(face.moved(np.array([[4.0, 0, 0], [0, 4.0, 0]]))) == levels_of(face) + 2
