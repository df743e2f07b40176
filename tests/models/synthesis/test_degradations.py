"""Degradations: seeded, shape-keeping, and each what its name says."""

import cv2
import numpy as np
import pytest

from features.views import Crop
from models.synthesis import degradations
from models.synthesis.degradations import (
    blurred,
    compressed,
    degrade,
    down_up,
    jitter,
    mirror,
    noisy,
    resampled,
    sharpened,
    to_bytes,
)

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
        moved, matrix = resampled(spot, np.random.default_rng(seed))
        weight = moved[..., 0].astype(float)
        rows, columns = np.mgrid[: moved.shape[0], : moved.shape[1]]
        centre = [(weight * axis).sum() / weight.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(centre, matrix @ [70, 36, 1], atol=0.35)
        zooms.append(moved.shape[1] / 120)
    assert min(zooms) < 0.85
    assert max(zooms) > 1.15


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_a_side_of_one_pixel_will_do(shape):
    for seed in range(40):
        moved, _ = resampled(np.full((*shape, 3), 9, np.uint8), np.random.default_rng(seed))
        assert degrade(moved, np.random.default_rng(seed)).shape == moved.shape


def test_half_of_the_resampled_pictures_are_turned():
    picture = np.zeros((64, 64, 3), np.uint8)
    turned = [resampled(picture, np.random.default_rng(seed))[1][0, 1] != 0 for seed in range(60)]
    assert 18 <= sum(turned) <= 42


def image(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_half_of_the_pictures_are_mirrored_and_the_others_stay():
    mirrored = 0
    for seed in range(60):
        result = mirror(image(), np.random.default_rng(seed))
        same = (result == image()).all()
        assert same or (result == image()[:, ::-1]).all()
        mirrored += not same
    assert 18 <= mirrored <= 42


def test_bytes_are_rounded_and_clipped():
    x = np.array([[-3.0, 0.4, 0.6, 254.6, 300.0]], np.float32)
    assert to_bytes(x).tolist() == [[0, 0, 1, 255, 255]]


def test_a_flat_picture_stays_flat_when_blurred_sharpened_or_reduced():
    flat = np.full((20, 30, 3), 90, np.float32)
    rng = np.random.default_rng(0)
    for x in (blurred(flat, 1.5), sharpened(flat, amount=1.0, sigma=1.0), down_up(flat, share=0.5, rng=rng)):
        np.testing.assert_allclose(x, 90, atol=1e-3)
        assert x.dtype == np.float32


def test_a_blur_of_a_point_has_its_deviation():
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1
    weight = blurred(point, 2.0)[..., 0]
    columns = np.arange(41) - 20
    assert np.sqrt((weight.sum(0) * columns**2).sum() / weight.sum()) == pytest.approx(2.0, rel=0.05)


def test_sharpening_raises_and_blurring_lowers_the_edges():
    x = cv2.GaussianBlur(image().astype(np.float32), (0, 0), 1.5)
    edges = [
        np.abs(cv2.Laplacian(v, cv2.CV_32F)).mean()
        for v in (blurred(x, 1), x, sharpened(x, amount=1, sigma=1))
    ]
    assert edges[0] < edges[1] < edges[2]


def test_noise_has_its_strength_and_no_mean():
    flat = np.full((200, 200, 3), 100, np.float32)
    for seed in range(12):
        noise = noisy(flat, sigma=3.0, rng=np.random.default_rng(seed)) - 100
        assert abs(noise.mean()) < 0.15
        assert 1.3 < noise.std() < 3.1  # interpolation of a grain of two pixels takes some


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_lower_quality_costs_more(suffix):
    smooth = cv2.GaussianBlur(image(), (0, 0), 2)
    loss = [
        np.abs(compressed(smooth, quality=q, suffix=suffix).astype(float) - smooth).mean()
        for q in (95, 50, 10)
    ]
    assert loss[0] < loss[1] < loss[2]


def test_a_picture_is_saved_up_to_three_times_and_rarely_strongly(monkeypatch):
    saved = []

    def noted(pixels, *, quality, suffix):
        saved.append((quality, suffix))
        return pixels

    monkeypatch.setattr(degradations, "compressed", noted)
    passes = []
    for seed in range(600):
        before = len(saved)
        degrade(image(), np.random.default_rng(seed))
        passes.append(len(saved) - before)
    shares = np.bincount(passes, minlength=4) / 600
    assert len(shares) == 4
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.15, 0.1], atol=0.07)
    qualities = np.array([quality for quality, _ in saved])
    assert qualities.min() >= 40
    assert qualities.max() <= 95
    assert 0.02 < np.mean(qualities < 60) < 0.13
    assert 0.06 < np.mean([suffix == ".webp" for _, suffix in saved]) < 0.19
