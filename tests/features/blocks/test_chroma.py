"""Colour in the residuals of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.features.pictures import gaussian, grey, noise


def test_a_grey_picture_has_no_chroma(measure):
    values = measure("chroma", grey(gaussian(96, 96)))
    assert values["energy_fine_cr"] < -8 and values["corr_rgb_r_g"] == pytest.approx(1, abs=1e-4)
    assert values["saturation_ratio"] == pytest.approx(0, abs=1e-3)


def test_independent_channels_are_uncorrelated(measure):
    values = measure("chroma", noise(160, 160))
    assert abs(values["corr_rgb_r_g"]) < 0.05 and abs(values["corr_rgb_g_b"]) < 0.05
    assert values["energy_fine_cr"] > -2 and values["saturation_ratio"] > 1


def test_smooth_chroma_falls_off_faster_than_luma(measure):
    colour = cv2.GaussianBlur(gaussian(96, 96, seed=3, deviation=150) - 128, (0, 0), 3)
    pixels = grey(gaussian(96, 96)).astype(float)
    pixels[..., 0] += colour
    values = measure("chroma", np.clip(pixels, 0, 255).astype(np.uint8))
    assert values["falloff_cr_1"] < values["falloff_y_1"]
    assert values["lag_cr_x"] > 0


def test_exposure(measure):
    picture = gaussian(64, 64)
    picture[:16] = 255
    picture[16:24] = 0
    values = measure("chroma", grey(picture))
    assert values["over_exposed"] == pytest.approx(0.25, abs=0.01)
    assert values["under_exposed"] == pytest.approx(0.125, abs=0.01)
