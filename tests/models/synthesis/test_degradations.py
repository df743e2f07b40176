"""Augmentation: seeded, shape-keeping, and blind to the class."""

import cv2
import numpy as np

from features.views import Crop
from models.synthesis.degradations import degrade, jitter, resampled

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


def test_a_spot_lies_where_the_map_of_a_resampled_picture_says():
    dark = np.zeros((96, 120, 3), np.float32)
    dark[36, 70] = 255 * 40
    spot = np.clip(cv2.GaussianBlur(dark, (0, 0), 2.5), 0, 255).astype(np.uint8)
    zooms = []
    for seed in range(40):
        made, matrix = resampled(spot, np.random.default_rng(seed))
        weight = made[..., 0].astype(float)
        rows, columns = np.mgrid[: made.shape[0], : made.shape[1]]
        centre = [(weight * axis).sum() / weight.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(centre, matrix @ [70, 36, 1], atol=0.35)
        zooms.append(made.shape[1] / 120)
    assert min(zooms) < 0.85
    assert max(zooms) > 1.15


def test_half_of_the_resampled_pictures_are_turned():
    picture = np.zeros((64, 64, 3), np.uint8)
    turned = [resampled(picture, np.random.default_rng(seed))[1][0, 1] != 0 for seed in range(60)]
    assert 18 <= sum(turned) <= 42
