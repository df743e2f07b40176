"""Augmentation: seeded, shape-keeping, and blind to the class."""

import numpy as np

from features.views import Crop
from models.augment import degrade, jitter

CROP = Crop((0, 0, 64, 64), (0, 0, 64, 64), np.array([[1 / 64, 0, 0], [0, 1 / 64, 0]]))


def test_degrade_keeps_shape_and_type_and_follows_its_generator():
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    changed = 0
    for seed in range(40):
        first, second = (degrade(image, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.shape == image.shape
        assert first.dtype == np.uint8
        changed += int((first != image).any())
    assert changed > 30


def test_degrade_leaves_its_input_alone():
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    before = image.copy()
    for seed in range(20):
        degrade(image, np.random.default_rng(seed))
    np.testing.assert_array_equal(image, before)


def test_jitter_is_a_small_similarity_about_the_centre():
    for seed in range(50):
        moved = jitter(CROP, np.random.default_rng(seed))
        linear = moved.matrix[:, :2] * 64
        scale = np.hypot(linear[0, 0], linear[1, 0])
        assert 0.92 <= scale <= 1.12
        np.testing.assert_allclose(linear @ linear.T, np.eye(2) * scale**2, atol=1e-9)
        centre = moved.matrix @ [32, 32, 1]
        assert np.abs(centre - 0.5).max() <= 0.03 + 1e-9
        assert moved.native == CROP.native
