"""Self-blended and moulded faces: a pair that differs in the face alone, by seams of more than one make."""

import numpy as np
import pytest

from models.synthesis import self_blend
from models.synthesis.masks import outline
from models.synthesis.self_blend import _moulded, _seamless, blend
from tests.models.synthesis.drawn_pictures import SIDE, face, picture


def test_either_side_is_the_changed_one_and_the_base_is_the_real_partner():
    untouched = [
        (blend(picture(), face(), np.random.default_rng(seed)).real == picture()).all() for seed in range(120)
    ]
    assert 0.3 < np.mean(untouched) < 0.65


def test_a_blend_changes_the_face_and_not_the_corners():
    """The gap to the real partner: the middle of the face in most draws, the corners in none."""
    changed = 0
    for seed in range(60):
        forgery = blend(picture(), face(), np.random.default_rng(seed))
        gap = np.abs(forgery.fake.astype(float) - forgery.real).mean(2)
        assert not gap[:8, :8].any()
        changed += gap[80:110, 65:95].mean() > 1
    assert changed > 40


def test_a_seam_of_poisson_takes_the_tone_of_its_surroundings():
    """The gradients of a base that is brighter throughout are the base's own, so it comes back as it was."""
    base = np.full((96, 96, 3), 90, np.uint8)
    base += picture(0, 96) // 8
    mask = np.zeros((96, 96), np.float32)
    mask[20:70, 25:75] = 1
    solved = _seamless(base.astype(np.float32) + 40, base, mask)
    np.testing.assert_allclose(solved, base, atol=2)


@pytest.mark.parametrize(
    "inner", [np.s_[0:50, 20:60], np.s_[20:96, 20:60], np.s_[20:60, 40:96], np.s_[20:30, 20:60]]
)
def test_a_mask_at_the_border_or_too_small_is_blended_as_it_is(inner):
    mask = np.zeros((96, 96), np.float32)
    mask[inner] = 1
    source = picture(1, 96).astype(np.float32)
    assert _seamless(source, picture(0, 96), mask) is source


def test_some_seams_are_poissons_and_some_pairs_are_distracted(monkeypatch):
    counts = {"_seamless": 0, "distracted": 0, "_moulded": 0}
    for name in counts:
        called = getattr(self_blend, name)

        def counted(*args, name=name, called=called):
            counts[name] += 1
            return called(*args)

        monkeypatch.setattr(self_blend, name, counted)
    for seed in range(200):
        blend(picture(0, 64), face(64), np.random.default_rng(seed))
    assert 12 <= counts["_seamless"] <= 42
    assert 30 <= counts["distracted"] <= 72
    assert 15 <= counts["_moulded"] <= 48


def test_a_moulded_face_is_moved_by_a_few_percent_and_its_surroundings_not_at_all():
    """On a ramp of one grey level a pixel the change of grey is the displacement."""
    ramp = np.repeat(np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))[..., None], 3, axis=2)
    largest = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mask = outline(face(), height=SIDE, width=SIDE, rng=rng)
        moved = _moulded(ramp, face(), mask, rng).fake.astype(float) - ramp
        assert not moved[mask == 0].any()
        largest.append(np.abs(moved[:, 20:-20]).max())
    assert 0.02 * 96 < np.median(largest) < 0.12 * 96
    assert max(largest) < 0.25 * 96


def test_places_and_strengths_vary():
    forgeries = [blend(picture(), face(), np.random.default_rng(seed)) for seed in range(40)]
    gaps = [np.abs(f.fake.astype(float) - f.real).mean() for f in forgeries]
    assert np.quantile(gaps, 0.9) > 2 * np.quantile(gaps, 0.1)
