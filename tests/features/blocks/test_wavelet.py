"""Wavelet sub-bands of pictures whose numbers are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import pywt

from features.blocks.wavelet import transform
from tests.features.pictures import gaussian, grey


def test_transform_is_that_of_pywavelets():
    picture = gaussian(48, 72).astype(np.float32)
    approximation, details = transform(picture)
    expected, bands = pywt.dwt2(picture, "db4", mode="periodization")
    np.testing.assert_allclose(approximation, expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(details, np.stack(bands), rtol=1e-4, atol=1e-3)


def test_transform_keeps_the_energy():
    picture = (gaussian(64, 64) - 128).astype(np.float32)
    approximation, details = transform(picture)
    energy = np.square(approximation).sum() + np.square(details).sum()
    assert energy == pytest.approx(np.square(picture).sum(), rel=1e-4)


def test_white_noise_is_gaussian_and_alike_on_every_level(measure):
    values = measure("wavelet", grey(gaussian(256, 256)))
    for n, tolerance in ((1, 0.02), (2, 0.04), (3, 0.08)):
        assert abs(values[f"level_{n}h"]) < 2 * tolerance
        assert values[f"shape_{n}d"] == pytest.approx(2 / np.pi, abs=tolerance)
    assert abs(values["scale_1_2_h"]) < 0.1 and abs(values["h_v_1"]) < 0.05


def test_a_face_too_small_for_a_level_leaves_it_out(measure):
    values = measure("wavelet", grey(gaussian(40, 40)))
    assert np.isfinite(values["level_2h"]) and np.isnan(values["level_3h"])
