"""Forgeries of the quality bench: each does what it says, and nothing more, to a face whose place is known."""

import numpy as np
import pytest

from benchmarks.quality.forgeries import Eigenfaces, between, clone, edited, oval, reenact, swap
from benchmarks.quality.portraits import Portrait
from features.views import TEMPLATE
from tests.benchmarks.quality.faces import difference, portrait


def test_five_points_give_back_their_affine_map():
    matrix = np.array([[1.2, -0.3, 5.0], [0.2, 0.9, -7.0]])
    there = TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(between(TEMPLATE, there), matrix, atol=1e-9)


@pytest.mark.parametrize("make", [swap, clone])
def test_another_face_replaces_the_face_alone(make):
    onto, donor = portrait(0), portrait(1, shift=0.05)
    made = make(onto, donor)
    inside = oval(onto.face, onto.pixels.shape, shrink=0.7) > 0.5
    outside = oval(onto.face, onto.pixels.shape, shrink=1.6) == 0
    assert difference(made, onto.pixels, inside) > 8
    assert difference(made, onto.pixels, outside) < 0.05


@pytest.mark.parametrize("make", [swap, clone])
def test_ones_own_face_changes_nothing(make):
    own = portrait(0)
    assert difference(make(own, own), own.pixels, np.s_[:]) < 1.0


def test_a_swap_takes_the_colours_of_its_place():
    onto, donor = portrait(0), portrait(1)
    bright = Portrait(np.clip(donor.pixels.astype(int) + 60, 0, 255).astype(np.uint8), donor.face)
    inside = oval(onto.face, onto.pixels.shape, shrink=0.6) > 0.5
    made = [swap(onto, other)[inside].mean() for other in (donor, bright)]
    assert abs(made[0] - made[1]) < 15


def test_a_warp_moves_the_face_and_leaves_the_corners():
    own = portrait(3)
    made = reenact(own, np.random.default_rng(0))
    assert difference(made, own.pixels, oval(own.face, own.pixels.shape) > 0.5) > 1
    assert difference(made, own.pixels, np.s_[:8, :8]) < 0.5


def test_an_edit_moves_every_part():
    own = portrait(3)
    made = edited(own, np.random.default_rng(0))
    for corner in (np.s_[:40, :40], np.s_[-40:, -40:], np.s_[60:100, 60:100]):
        assert difference(made, own.pixels, corner) > 0.5


def test_eigenfaces_of_a_few_draw_those_and_blur_others():
    known = [portrait(seed) for seed in range(5)]
    model = Eigenfaces.fit(known)
    own, stranger = (model.redraw(p, p) for p in (known[0], portrait(9)))
    inside = oval(known[0].face, known[0].pixels.shape, shrink=0.6) > 0.5
    assert difference(own, known[0].pixels, inside) < 6
    assert difference(stranger, portrait(9).pixels, inside) > 20
