"""Faces redrawn: each way touches the fine structure in the way that it says, and sharpness alone tells nothing."""

import cv2
import numpy as np
import pytest
import scipy.fft

from models.synthesis import resynthesis
from models.synthesis.resynthesis import resynthesise
from tests.models.synthesis.drawn_pictures import SIDE, face, picture


def test_resynthesis_is_not_always_smoother():
    """Between a fifth and four fifths are sharper than the original: sharpness alone is no cue."""

    def energy(x):
        return np.abs(cv2.Laplacian(x.astype(np.float32), cv2.CV_32F)).mean()

    sharper = [
        energy(resynthesise(picture(s), face(), np.random.default_rng(s)).fake) > energy(picture(s))
        for s in range(80)
    ]
    assert 0.2 < np.mean(sharper) < 0.8


def test_each_way_to_redraw_changes_the_fine_structure():
    x = picture().astype(np.float32)
    for redraw in resynthesis._REDRAW:
        gap = [np.abs(redraw(x, np.random.default_rng(seed)) - x).mean() for seed in range(6)]
        assert min(gap) > 0.05, redraw.__name__


@pytest.mark.parametrize("redraw", resynthesis._REDRAW)
def test_a_way_to_redraw_keeps_shape_and_type_and_follows_its_generator(redraw):
    x = picture()[:90, :121].astype(np.float32)
    before = x.copy()
    for seed in range(6):
        first, second = (redraw(x, np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == x.shape
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(x, before)


def test_patches_of_few_components_keep_their_mean():
    """The first component always stays, so a flat picture comes back as it was."""
    flat = np.full((64, 48, 3), 77, np.float32)
    for seed in range(8):
        np.testing.assert_allclose(
            resynthesis._few_components(flat, np.random.default_rng(seed)), 77, atol=1e-2
        )


def test_denoising_takes_grain_and_keeps_a_step():
    step = np.zeros((64, 64, 3), np.float32)
    step[:, 32:] = 200
    grain = step + np.random.default_rng(0).normal(0, 4, step.shape).astype(np.float32)
    for seed in range(6):
        clean = resynthesis._denoised(grain, np.random.default_rng(seed))
        assert clean[:, 4:28].std() < 0.8 * grain[:, 4:28].std()
        assert clean[:, 34:].mean() - clean[:, :30].mean() == pytest.approx(200, abs=2)


def test_recolouring_leaves_the_luma():
    x = picture().astype(np.float32)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    for seed in range(8):
        recoloured = resynthesis._recoloured(x, np.random.default_rng(seed))
        np.testing.assert_allclose(recoloured @ weights, x @ weights, atol=0.5)


def test_a_bent_spectrum_keeps_the_low_frequencies():
    """Below the corner, at 0.12 cycles a pixel or more, nothing changes; a grid has zero mean."""
    x = picture().astype(np.float32)
    plane = scipy.fft.rfft2(x, axes=(0, 1))
    low = SIDE // 20  # 0.05 cycles a pixel
    for seed in range(8):
        bent = scipy.fft.rfft2(resynthesis._spectrum(x, np.random.default_rng(seed)), axes=(0, 1))
        gap = np.abs(bent - plane)[:low, :low].max()
        assert gap < 1e-3 * np.abs(plane).max()


def test_a_third_are_redrawn_in_the_face_alone():
    """Far from the face nothing changes then."""
    corners = [
        (resynthesise(picture(), face(), np.random.default_rng(s)).fake[:6, :6] == picture()[:6, :6]).all()
        for s in range(60)
    ]
    assert 10 <= sum(corners) <= 32
