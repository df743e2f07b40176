"""Traces of up-sampling of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from features.blocks.upsampling import autocorrelation, grid_peak, trace_peaks
from features.signals import Signals
from tests.features.pictures import as_views, gaussian, grey, wave


@pytest.mark.parametrize("mode", [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
def test_enlarging_by_two_on_pixel_edges_has_period_two(measure, mode):
    large = cv2.resize(gaussian(80, 80, deviation=40), (160, 160), interpolation=mode)
    _has_period_two(measure, large, "cross")


def test_enlarging_by_two_on_pixel_centres_has_period_two(measure):
    large = np.zeros((160, 160))
    large[::2, ::2] = gaussian(80, 80, deviation=40)
    kernel = np.array([0.5, 1, 0.5])
    _has_period_two(measure, cv2.sepFilter2D(large, -1, kernel, kernel), "second")


def _has_period_two(measure, large, trace):
    plain, enlarged = (measure("upsampling", grey(p)) for p in (gaussian(160, 160), large))
    for axis in "xy":
        assert enlarged[f"{trace}_{axis}_p2"] > plain[f"{trace}_{axis}_p2"] + 2
        assert enlarged[f"{trace}_{axis}_p2_over_p8"] > 2


def test_enlarged_chroma_has_period_two(measure):
    pixels = grey(gaussian(160, 160)).astype(float)
    pixels[..., 0] += (gaussian(80, 80, seed=1) - 128).repeat(2, axis=0).repeat(2, axis=1)
    values = measure("upsampling", np.clip(pixels, 0, 255).astype(np.uint8))
    assert min(values["chroma_x_p2"], values["chroma_y_p2"]) > 3


def test_inserted_zeros_have_peaks_on_the_grid(measure):
    picture = np.zeros((128, 128))
    picture[::2, ::2] = gaussian(64, 64)
    values = measure("upsampling", grey(picture))
    assert min(values[f"peak_{k}"] for k in ("half_half", "half_zero", "zero_half")) > 2
    assert abs(values["peak_quarter_quarter"]) < 1.5


def test_a_jpeg_grid_is_not_taken_for_period_two(measure):
    blocks_of_eight = np.kron(gaussian(20, 20, deviation=30) - 128, np.ones((8, 8)))
    values = measure("upsampling", grey(gaussian(160, 160, deviation=3) + blocks_of_eight))
    for trace in ("second_x", "second_y", "cross_x", "cross_y"):
        assert min(values[f"{trace}_p8"], values[f"{trace}_p8x3"]) > 2
        assert values[f"{trace}_p2_over_p8"] < 1.5


def test_a_trace_of_period_four():
    trace = np.tile([1.0, 0, 0, 0], 32) + 0.01 * np.random.default_rng(0).random(128)
    p2, p4, p8, p8x3 = trace_peaks(trace)
    assert min(p2, p4) > 5 > max(p8, p8x3)


@pytest.mark.parametrize("trace", [np.zeros(64), np.random.default_rng(0).random(24)])
def test_a_flat_or_short_trace_is_not_measured(trace):
    assert np.isnan(trace_peaks(trace)).all()


@pytest.mark.parametrize(("fy", "fx"), [(0.25, 0.25), (0, 0.5), (0.5, 0), (0.25, 0.5)])
def test_grid_peak_sees_a_wave_only_where_it_is(fy, fx):
    pixels = grey(wave(128, 128, fy=fy, fx=fx) + gaussian(128, 128, deviation=4) - 128)
    power = Signals(as_views(pixels)).spectrum.power
    assert grid_peak(power, fy=fy, fx=fx) > 3
    assert abs(grid_peak(power, fy=0.375, fx=0.125)) < 1.5


def test_autocorrelation_of_white_noise_is_that_of_the_cross_difference():
    lags = autocorrelation(Signals(as_views(grey(gaussian(256, 256)))).spectrum)
    expected = np.array([1, -0.5] + [0] * 8)
    np.testing.assert_allclose(lags, [expected, expected], atol=0.03)
