"""Pseudo-fakes: seeded, in the face, unlike the real face, and not told by sharpness alone."""

import cv2
import numpy as np
import pytest

from features.views import TEMPLATE, Face
from models.synthesis import resynthesis
from models.synthesis.pseudo_fakes import kinds, make
from models.synthesis.self_blend import Frame, _moulded, outline

SIDE = 160


def face(side=SIDE):
    points = (TEMPLATE * side * 0.6 + side * 0.2).astype(np.float32)
    return Face(True, 1, 0.99, np.array([0.2, 0.15, 0.8, 0.85], np.float32) * side, points)


def picture(seed=0, side=SIDE):
    """Structure at every scale, as photographs have."""
    rng = np.random.default_rng(seed)
    parts = [
        cv2.resize(rng.normal(0, 18, (max(side // k, 2),) * 2 + (3,)), (side, side))
        for k in (1, 2, 4, 16, 64)
    ]
    return np.clip(120 + sum(parts), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", kinds())
def test_the_generator_alone_decides(kind):
    for seed in range(30):
        first, second = (make(kind, picture(), face(), np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.shape == (SIDE, SIDE, 3)
        assert first.dtype == np.uint8


@pytest.mark.parametrize("kind", kinds())
def test_it_is_another_picture_but_not_another_scene(kind):
    for seed in range(30):
        made = make(kind, picture(seed), face(), np.random.default_rng(seed))
        assert (made != picture(seed)).any()
        coarse = [
            cv2.resize(x.astype(np.float32), (20, 20), interpolation=cv2.INTER_AREA)
            for x in (made, picture(seed))
        ]
        assert np.corrcoef(coarse[0].ravel(), coarse[1].ravel())[0, 1] > 0.8


@pytest.mark.parametrize("kind", kinds())
def test_its_input_stays(kind):
    image = picture()
    for seed in range(20):
        make(kind, image, face(), np.random.default_rng(seed))
    np.testing.assert_array_equal(image, picture())


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("shape", [(40, 61), (17, 16), (300, 90)])
def test_any_size_and_no_face_will_do(kind, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    nothing = Face(
        False, 0, float("nan"), np.full(4, np.nan, np.float32), np.full((5, 2), np.nan, np.float32)
    )
    for seed in range(12):
        assert make(kind, image, nothing, np.random.default_rng(seed)).shape == image.shape


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
        made = make("blend", picture(), face(), np.random.default_rng(seed)).astype(float)
        gap = np.abs(made - picture()).mean(2)
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


def test_resynthesis_is_not_always_smoother():
    """Between a fifth and four fifths are sharper than the original: sharpness alone is no cue."""

    def energy(x):
        return np.abs(cv2.Laplacian(x.astype(np.float32), cv2.CV_32F)).mean()

    sharper = [
        energy(make("resynthesis", picture(s), face(), np.random.default_rng(s))) > energy(picture(s))
        for s in range(80)
    ]
    assert 0.2 < np.mean(sharper) < 0.8


def test_each_way_to_redraw_changes_the_fine_structure():
    x = picture().astype(np.float32)
    for redraw in resynthesis._REDRAW:
        gap = [np.abs(redraw(x, np.random.default_rng(seed)) - x).mean() for seed in range(6)]
        assert min(gap) > 0.05, redraw.__name__


def test_an_unknown_kind_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="kind 'swap' is unknown; known are blend, resynthesis"):
        make("swap", picture(), face(), np.random.default_rng(0))
