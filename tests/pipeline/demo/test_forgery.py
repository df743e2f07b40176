"""The demo forgeries: each changes the face, none the far background, each leaves its mark."""

import cv2
import numpy as np
import pytest

from pipeline.demo.dataset import draw_donor
from pipeline.demo.forgery import (
    OPERATIONS,
    VARIANTS,
    face_mask,
    forge,
    poisson_blend,
    reduce_rank,
    resynthesis,
    transfer_colour,
    upsample,
)
from pipeline.demo.person import draw_person, draw_shot
from pipeline.demo.portrait import draw_portrait


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(4)
    person, shot = draw_person(rng), draw_shot(rng)
    portrait = draw_portrait(person, shot, rng)
    return portrait, draw_donor(shot, rng)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_face_changes_and_far_background_does_not(scene, operation, seed):
    portrait, donor = scene
    before = portrait.image.copy()
    fake = forge(operation, portrait, rng=np.random.default_rng(seed), donor=donor)
    assert fake.shape == before.shape
    assert fake.dtype == np.uint8
    assert np.array_equal(portrait.image, before)  # the real picture is not written to
    change = np.abs(fake.astype(int) - before).max(2)
    core = face_mask(portrait, grow=0.6) > 0
    far = face_mask(portrait, grow=1.2) == 0
    assert (change[core] > 0).mean() > 0.5
    assert change[far].max() == 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_forgery_hangs_on_its_random_stream_alone(scene, operation):
    portrait, donor = scene
    first, again, other = (
        forge(operation, portrait, rng=np.random.default_rng(seed), donor=donor) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_swap_brings_the_donors_pattern_to_the_landmarks(scene):
    """After the swap the face follows the donor's relief, not the portrait's."""
    portrait, donor = scene
    fake = forge("face_swap", portrait, rng=np.random.default_rng(0), donor=donor)
    matrix, _ = cv2.estimateAffinePartial2D(donor.landmarks, portrait.landmarks, method=cv2.LMEDS)
    height, width = fake.shape[:2]
    warped = cv2.warpAffine(donor.image, matrix, (width, height))
    core = face_mask(portrait, grow=0.5) > 0

    def detail(image):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return (grey - cv2.GaussianBlur(grey, (0, 0), 6))[core]

    with_donor = np.corrcoef(detail(fake), detail(warped))[0, 1]
    with_portrait = np.corrcoef(detail(fake), detail(portrait.image))[0, 1]
    assert with_donor > 0.8
    assert with_donor > with_portrait + 0.1


def test_colour_transfer_reaches_the_mean_and_deviation_asked_for():
    rng = np.random.default_rng(0)
    source = rng.normal((120, 100, 90), 12, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    like = rng.normal((150, 120, 110), 8, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    mask = np.full((64, 64), 255, np.uint8)
    matched = transfer_colour(source, like, mask)
    assert np.allclose(matched.mean((0, 1)), like.mean((0, 1)), atol=2)
    assert np.allclose(matched.std((0, 1)), like.std((0, 1)), atol=2)


def test_poisson_blend_of_a_shifted_constant_vanishes():
    """Gradients carry the source: a source that differs by a constant gives the target back."""
    ramp = np.tile(np.linspace(60, 160, 80, dtype=np.float32), (80, 1))
    target = np.round(np.dstack([ramp] * 3)).astype(np.uint8)
    mask = np.zeros((80, 80), np.uint8)
    cv2.circle(mask, (37, 42), 22, 255, -1)
    blended = poisson_blend(target + np.uint8(40), target, mask)
    assert np.abs(blended.astype(int) - target).max() <= 2


def test_poisson_blend_keeps_the_source_where_it_was():
    target = np.full((80, 90, 3), 100, np.uint8)
    source = target.copy()
    source[50, 31] = 200
    mask = np.zeros((80, 90), np.uint8)
    cv2.ellipse(mask, (34, 47), (17, 24), 0, 0, 360, 255, -1)
    blended = poisson_blend(source, target, mask)
    row, column = np.unravel_index(blended[..., 0].argmax(), (80, 90))
    assert (row, column) == (50, 31)
    assert mask.max() == 255  # OpenCV writes into the mask it is given


def spectrum(image):
    grey = image[..., 0] - image[..., 0].mean()
    return np.abs(np.fft.fft2(grey)) ** 2


@pytest.mark.parametrize("factor", [2, 4])
def test_zero_insertion_leaves_peaks_at_its_period(factor):
    flat = np.full((32, 32, 3), 100, np.float32)
    rng = np.random.default_rng(0)
    power = spectrum(upsample(flat, factor=factor, variant="zero_insertion", rng=rng))
    period = power.shape[0] // factor
    on_grid = power[::period, ::period].sum()
    assert on_grid > 1000 * (power.sum() - on_grid)
    assert power[0, period] > 1e3


@pytest.mark.parametrize("variant", ["nearest", "bilinear"])
def test_interpolation_keeps_a_constant(variant):
    flat = np.full((16, 12, 3), 100, np.float32)
    rng = np.random.default_rng(0)
    assert np.allclose(upsample(flat, factor=2, variant=variant, rng=rng), 100)


@pytest.mark.parametrize("variant", VARIANTS)
def test_upsampling_enlarges_without_moving_brightness(variant):
    small = np.random.default_rng(0).uniform(50, 200, (24, 32, 3)).astype(np.float32)
    large = upsample(small, factor=2, variant=variant, rng=np.random.default_rng(1))
    assert large.shape == (48, 64, 3)
    assert large.mean() == pytest.approx(small.mean(), rel=0.02)


def test_nearest_and_bilinear_differ_in_what_they_leave(scene):
    """Nearest repeats pixels, so every second difference is zero; bilinear smooths."""
    portrait, _ = scene
    x, y = portrait.hull.mean(0).astype(int)
    patch = np.s_[y - 20 : y + 20, x - 20 : x + 20, 1]
    results = {
        variant: resynthesis(portrait, np.random.default_rng(0), variant=variant)[patch]
        for variant in ("nearest", "bilinear")
    }
    share = {k: (np.diff(v.astype(int), axis=1) == 0).mean() for k, v in results.items()}
    assert share["nearest"] >= 0.5
    assert share["nearest"] > share["bilinear"] + 0.2


def test_unknown_names_list_the_allowed_ones(scene):
    portrait, _ = scene
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="operation is 'morph', allowed are face_swap"):
        forge("morph", portrait, rng=rng)
    with pytest.raises(ValueError, match="donor is missing"):
        forge("face_swap", portrait, rng=rng)
    with pytest.raises(ValueError, match="variant is 'cubic', allowed are zero_insertion"):
        upsample(np.zeros((4, 4, 3), np.float32), factor=2, variant="cubic", rng=rng)


@pytest.mark.parametrize("rank", [1, 5])
def test_low_rank_has_the_rank_asked_for(rank):
    image = np.random.default_rng(0).uniform(0, 255, (64, 80, 3)).astype(np.float32)
    coded = reduce_rank(image, block=8, rank=rank)
    for channel in range(3):
        blocks = coded[..., channel].reshape(8, 8, 10, 8).transpose(0, 2, 1, 3).reshape(80, 64)
        values = np.linalg.svd(blocks - blocks.mean(0), compute_uv=False)
        assert (values > 1e-3 * values[0]).sum() == rank


def test_full_rank_changes_nothing_and_error_falls_with_rank():
    image = np.random.default_rng(0).uniform(0, 255, (64, 64, 3)).astype(np.float32)
    errors = [np.abs(reduce_rank(image, block=8, rank=r) - image).mean() for r in (4, 16, 64)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3
