"""Masks: about the face, of many shapes, never empty, with an edge of random width."""

from dataclasses import replace

import numpy as np
import pytest

from features.views import TEMPLATE
from models.synthesis import masks
from models.synthesis.masks import outline, oval, soft_mask
from tests.models.synthesis.drawn_pictures import SIDE, face


def drawn(seed, *, side=SIDE, of=None):
    return outline(of or face(side), height=side, width=side, rng=np.random.default_rng(seed))


def test_the_outline_is_about_the_face():
    some = [drawn(seed) for seed in range(120)]
    mean = np.mean(some, axis=0)
    x, y = face().landmarks[2].astype(int)
    assert mean[y, x] > 0.6
    assert mean[:8].max() < 0.1
    assert mean[:, :8].max() < 0.1
    assert all(m.min() >= 0 and m.max() <= 1 for m in some)
    assert all(m.max() > 0.5 for m in some)


def test_an_outline_follows_its_face_at_any_scale():
    """Twice the picture, twice the mask: the middle of its weight stays where the face is."""
    for seed in range(10):
        middles = []
        for side in (SIDE, 2 * SIDE):
            mask = outline(face(side), height=side, width=side, rng=np.random.default_rng(seed))
            rows, columns = np.mgrid[:side, :side] / side
            middles.append([(mask * axis).sum() / mask.sum() for axis in (rows, columns)])
        np.testing.assert_allclose(*middles, atol=0.02)


def shoelace(points):
    """Area of a polygon."""
    x, y = points.T
    return abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2


def test_every_shape_is_a_polygon_about_the_face():
    """Its corners lie in the template's square, and a whole face takes more than a part or a feature of it."""
    frame_area = {}
    for shape in masks._SHAPES:
        areas = []
        for seed in range(30):
            parts = shape(np.random.default_rng(seed))
            for points in parts:
                assert points.shape[1] == 2
                assert points.min() > -0.3
                assert points.max() < 1.3
            areas.append(sum(shoelace(points) for points in parts))
        frame_area[shape.__name__] = np.median(areas)
    assert frame_area["_features"] < frame_area["_part"] < frame_area["_whole"]
    assert frame_area["_hull"] > 0.3


def test_areas_and_edges_vary():
    some = [drawn(seed) for seed in range(80)]
    areas = np.array([m.mean() for m in some])
    assert np.quantile(areas, 0.9) > 5 * np.quantile(areas, 0.1)
    edges = np.array([((m > 0.05) & (m < 0.95)).mean() / np.sqrt(m.mean()) for m in some])
    assert np.quantile(edges, 0.9) > 2 * np.quantile(edges, 0.1)


def test_a_filled_square_keeps_its_place_and_about_its_area():
    square = np.array([[40.0, 60.0], [90.0, 60.0], [90.0, 110.0], [40.0, 110.0]])
    areas = []
    for seed in range(60):
        mask = soft_mask([square], height=SIDE, width=SIDE, rng=np.random.default_rng(seed))
        rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
        middle = [(mask * axis).sum() / mask.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(middle, [65, 85], atol=5)
        assert not mask[:30].any()
        areas.append(mask.sum())
    assert np.median(areas) == pytest.approx(2500, rel=0.1)


def test_polygons_that_overlap_leave_no_hole():
    square = np.array([[20.0, 20.0], [60.0, 20.0], [60.0, 60.0], [20.0, 60.0]])
    for seed in range(20):
        mask = soft_mask([square, square + 15], height=96, width=96, rng=np.random.default_rng(seed))
        assert mask[45, 45] > 0.9


@pytest.mark.parametrize("far", [-1000.0, 1000.0])
def test_a_face_outside_the_image_gives_a_mask_in_its_middle(far):
    away = replace(face(), landmarks=face().landmarks + np.float32(far))
    assert not soft_mask(
        [away.landmarks.astype(float)], height=SIDE, width=SIDE, rng=np.random.default_rng(0)
    ).any()
    for seed in range(20):
        mask = drawn(seed, of=away)
        assert mask[SIDE * 65 // 100, SIDE // 2] > 0.5


def test_a_small_face_in_a_large_picture_has_its_fine_edge():
    """The mask is drawn about the face, so what surrounds it takes nothing from its resolution."""
    small = replace(face(), landmarks=(TEMPLATE * 60 + 700).astype(np.float32))
    for seed in range(10):
        near = replace(face(), landmarks=(TEMPLATE * 60 + 60).astype(np.float32))
        large, cut = (
            outline(f, height=side, width=side, rng=np.random.default_rng(seed))
            for f, side in ((small, 1500), (near, 200))
        )
        np.testing.assert_allclose(large[640:840, 640:840], cut, atol=1e-4)


def test_the_oval_goes_around_its_centre():
    for seed in range(20):
        points = oval(np.random.default_rng(seed)) - masks.OVAL_CENTRE
        turn = np.diff(np.unwrap(np.arctan2(points[:, 1], points[:, 0])))
        assert (turn > 0).all()
        assert turn.sum() == pytest.approx(2 * np.pi * 47 / 48, abs=0.3)
