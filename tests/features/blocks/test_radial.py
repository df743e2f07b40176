"""Radial power spectrum of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import scipy.fft

from tests.features.pictures import gaussian, grey, wave


@pytest.mark.parametrize(("fy", "fx"), [(0, 0.2), (0.2, 0), (0.12, 0.16)])
def test_a_sinusoid_lands_in_its_bin(measure, fy, fx):
    values = measure("radial", grey(wave(160, 160, fy=fy, fx=fx)))
    bins = [values[f"bin_{i:02d}"] for i in range(45)]
    assert np.argmax(bins) == int(0.2 * 64)


def test_white_noise_is_flat(measure):
    values = measure("radial", grey(gaussian(256, 256)))
    assert abs(values["slope_all"]) < 0.1 and values["roughness"] < 0.3
    assert all(abs(values[f"excess_{k}"]) < 0.25 for k in ("upper", "top", "corner"))
    assert all(abs(values[f"bin_{i:02d}"]) < 0.3 for i in range(10, 45))


def test_pink_noise_falls_with_the_square(measure):
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None, :])
    frequency[0, 0] = 1
    picture = scipy.fft.irfft2(scipy.fft.rfft2(gaussian(256, 256) - 128) / frequency)
    values = measure("radial", grey(128 + 30 * picture / picture.std()))
    assert values["slope_all"] == pytest.approx(-2, abs=0.1)


def test_added_high_frequency_is_an_excess(measure):
    smooth = cv2.GaussianBlur(gaussian(128, 128, deviation=60), (0, 0), 1.0)
    plain = measure("radial", grey(smooth + gaussian(128, 128, seed=1, deviation=0.5) - 128))
    extra = measure("radial", grey(smooth + gaussian(128, 128, seed=1, deviation=5) - 128))
    assert extra["excess_top"] > plain["excess_top"] + 1


def test_does_not_depend_on_the_size(measure):
    small, large = (measure("radial", grey(gaussian(s, s))) for s in (128, 384))
    for i in range(8, 44):
        assert small[f"bin_{i:02d}"] == pytest.approx(large[f"bin_{i:02d}"], abs=0.4)
