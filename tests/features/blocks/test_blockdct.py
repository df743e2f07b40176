"""8×8 DCT coefficients of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from features.blocks.blockdct import benford
from tests.features.pictures import gaussian, grey


def test_white_noise_has_equal_scales_and_gaussian_shape(measure):
    values = measure("blockdct", grey(gaussian(256, 256)))
    assert max(abs(v) for k, v in values.items() if k.startswith("scale")) < 0.1
    for d in range(1, 15):
        assert values[f"shape_{d:02d}"] == pytest.approx(2 / np.pi, abs=0.03)
    assert values["kurtosis_06"] == pytest.approx(np.log(3), abs=0.15)


def test_scales_are_ratios(measure):
    weak, strong = (measure("blockdct", grey(gaussian(128, 128, deviation=s))) for s in (10, 30))
    assert weak["scale_01"] == pytest.approx(strong["scale_01"], abs=0.02)


def test_a_blurred_picture_falls_with_frequency(measure):
    values = measure("blockdct", grey(cv2.GaussianBlur(gaussian(128, 128), (0, 0), 1.2)))
    assert values["scale_01"] > values["scale_10"] > values["scale_d8"]


def test_benford():
    magnitudes = 10 ** np.random.default_rng(0).uniform(0, 3, 50_000)
    assert benford(magnitudes.astype(np.float32)) < 1e-3
    assert benford(np.full(1000, 55, np.float32)) > 1
    assert np.isnan(benford(np.ones(99, np.float32)))


@pytest.mark.parametrize("magnitude", [3.2, 32.0, 320.0, 999.5])
def test_first_digits_at_every_scale(magnitude):
    values = np.full(500, magnitude, np.float32)
    digit = int(str(magnitude)[0])
    rest = -np.log(np.log10(1 + 1 / digit))
    assert benford(values) == pytest.approx(rest, abs=0.1)
