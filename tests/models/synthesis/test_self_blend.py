"""Self-blended and moulded faces: the mask is about the face, and what lies outside it is the original."""

import numpy as np
import pytest

from features.views import TEMPLATE, Face
from models.synthesis.self_blend import Frame, _moulded, blend, outline
from tests.models.synthesis.drawn_pictures import SIDE, face, picture


def test_the_frame_maps_the_template_onto_the_landmarks():
    frame = Frame.of(face(), height=SIDE, width=SIDE)
    np.testing.assert_allclose(frame.to_pixels(TEMPLATE), face().landmarks, atol=1e-3)
    assert frame.size == pytest.approx(0.6 * SIDE, rel=1e-4)


def test_the_outline_is_about_the_face():
    masks = [outline(face(), height=SIDE, width=SIDE, rng=np.random.default_rng(seed)) for seed in range(60)]
    mean = np.mean(masks, axis=0)
    x, y = face().landmarks[2].astype(int)
    assert mean[y, x] > 0.8
    assert mean[:8].max() < 0.1
    assert mean[:, :8].max() < 0.1
    assert all(m.min() >= 0 and m.max() <= 1 for m in masks)


def test_a_blend_changes_the_face_more_than_the_corners_relative_to_a_tone_shift():
    """Outside or inside the mask the picture is one and the same map of the original: a seam lies between."""
    seams = 0
    for seed in range(40):
        fake = blend(picture(), face(), np.random.default_rng(seed)).fake.astype(float)
        gap = np.abs(fake - picture()).mean(2)
        corner, middle = gap[:12, :12].mean(), gap[80:110, 65:95].mean()
        seams += abs(corner - middle) > 1
    assert seams > 25


def test_a_moulded_face_is_moved_by_a_few_percent_and_its_surroundings_not_at_all():
    """On a ramp of one grey level a pixel the change of grey is the displacement."""
    ramp = np.repeat(np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))[..., None], 3, axis=2)
    largest = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mask = outline(face(), height=SIDE, width=SIDE, rng=rng)
        moved = _moulded(ramp, face(), mask, rng).astype(float) - ramp
        assert not moved[mask == 0].any()
        largest.append(np.abs(moved[:, 20:-20]).max())
    assert 0.02 * 96 < np.median(largest) < 0.12 * 96
    assert max(largest) < 0.25 * 96


NOT_FOUND = Face(False, 0, float("nan"), np.full(4, np.nan, np.float32), np.full((5, 2), np.nan, np.float32))


@pytest.mark.parametrize(("height", "width"), [(100, 60), (60, 100), (80, 80)])
def test_without_landmarks_the_frame_is_the_centred_square(height, width):
    frame = Frame.of(NOT_FOUND, height=height, width=width)
    side = min(height, width)
    assert frame.size == pytest.approx(side)
    corners = frame.to_pixels(np.array([[0.0, 0.0], [1.0, 1.0]]))
    left, top = (width - side) / 2, (height - side) / 2
    np.testing.assert_allclose(corners, [[left, top], [left + side, top + side]], atol=1e-6)


def test_an_outline_follows_its_face_at_any_scale():
    """Twice the picture, twice the mask: the middle of its weight stays where the face is."""
    for seed in range(10):
        middles = []
        for side in (SIDE, 2 * SIDE):
            mask = outline(face(side), height=side, width=side, rng=np.random.default_rng(seed))
            rows, columns = np.mgrid[:side, :side] / side
            middles.append([(mask * axis).sum() / mask.sum() for axis in (rows, columns)])
        np.testing.assert_allclose(*middles, atol=0.02)


def test_places_and_strengths_vary():
    masks = [outline(face(), height=SIDE, width=SIDE, rng=np.random.default_rng(s)) for s in range(60)]
    areas = np.array([mask.mean() for mask in masks])
    assert areas.max() > 1.8 * areas.min()
    gaps = [
        np.abs(blend(picture(), face(), np.random.default_rng(s)).fake.astype(float) - picture()).mean()
        for s in range(40)
    ]
    assert np.quantile(gaps, 0.9) > 2 * np.quantile(gaps, 0.1)
