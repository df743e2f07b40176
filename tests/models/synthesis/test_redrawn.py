"""Mixing with a generator's picture: nothing outside the mask, never weaker than half, place and strength vary."""

import numpy as np

from features.views import Face
from models.synthesis.redrawn import mix

NO_FACE = Face(False, 0, float("nan"), np.full(4, np.nan, np.float32), np.full((5, 2), np.nan, np.float32))
PIXELS = np.random.default_rng(0).integers(0, 256, (80, 72, 3), dtype=np.uint8)
REDRAWN = np.random.default_rng(1).integers(0, 256, (80, 72, 3), dtype=np.uint8)


def forgeries(n=80):
    return [mix(PIXELS, REDRAWN, NO_FACE, np.random.default_rng(seed)) for seed in range(n)]


def test_the_partner_is_the_picture_and_outside_the_mask_nothing_changes():
    for forgery in forgeries():
        np.testing.assert_array_equal(forgery.real, PIXELS)
        outside = forgery.mask == 0
        np.testing.assert_array_equal(forgery.fake[outside], PIXELS[outside])


def test_the_mask_says_how_much_is_the_generators():
    for forgery in forgeries(10):
        share = forgery.mask[..., None]
        expected = PIXELS * (1 - share) + REDRAWN.astype(np.float64) * share
        assert np.abs(forgery.fake - expected).max() <= 0.51


def test_strength_and_place_vary_and_never_fall_below_half():
    peaks = np.array([forgery.mask.max() for forgery in forgeries()])
    assert peaks.min() >= 0.49
    assert 0.15 < np.mean(peaks == 1) < 0.5
    inside = np.mean([forgery.mask.min() == 0 for forgery in forgeries()])
    assert 0.1 < inside < 0.45
