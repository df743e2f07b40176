"""Summed-area tables: means of windows, exact whatever the size of the sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.detection.summed_area import averaging_bins
from tests.models.detection.drawn_faces import noise, summed


def test_crops_are_area_averages():
    images = [noise(50, 70), noise(33, 20)]
    sums = summed(images)
    image_of_window = np.array([0, 1, 0])
    windows = np.array([[3, 5, 61, 44], [0, 0, 20, 33], [69, 49, 70, 50]])
    crops = sums.crops(image_of_window, windows, size=24)
    for crop, i, (x0, y0, x1, y1) in zip(crops, image_of_window.tolist(), windows.tolist(), strict=True):
        cut = torch.tensor(images[i][y0:y1, x0:x1]).permute(2, 0, 1)[None].float()
        expected = (F.interpolate(cut, size=(24, 24), mode="area")[0] - 127.5) * 0.0078125
        np.testing.assert_allclose(crop, expected.permute(1, 2, 0), atol=1e-6, rtol=0)


def test_sums_beyond_32_bits_stay_exact():
    white = np.full((3000, 3000, 3), 255, np.uint8)  # 2.3e9 > 2**31
    window = np.array([[2900, 2900, 3000, 3000]])
    crop = summed([white]).crops(np.array([0]), window, size=24)
    assert np.all(crop == (255 - 127.5) * 0.0078125)


@pytest.mark.parametrize("length", [1, 7, 24, 100])
def test_bins_cover_their_range_without_a_gap(length):
    first, last = averaging_bins(np.array([5]), np.array([5 + length]), 24)
    assert first[0, 0] == 5
    assert last[0, -1] == 5 + length
    assert np.all(last > first)
    assert np.all(first[0, 1:] <= last[0, :-1])


def test_an_image_without_pixels_does_not_disturb_the_others():
    image = noise(20, 30)
    sums = summed([np.zeros((0, 5, 3), np.uint8), image, np.zeros((4, 0, 3), np.uint8)])
    crop = sums.crops(np.array([1]), np.array([[2, 3, 26, 17]]), size=1)
    expected = (image[3:17, 2:26].mean((0, 1)) - 127.5) * 0.0078125
    np.testing.assert_allclose(crop[0, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("level", [(1, 1), (7, 19), (33, 20), (50, 31)])
def test_a_level_is_the_image_shrunk_by_area(level):
    images = [noise(9, 9), noise(50, 31)]
    rows, columns = (
        tuple(edges[0] for edges in averaging_bins(np.array([0]), np.array([side]), count))
        for side, count in zip((50, 31), level, strict=True)
    )
    whole = torch.tensor(images[1]).permute(2, 0, 1)[None].float()
    expected = (F.interpolate(whole, size=level, mode="area")[0] - 127.5) * 0.0078125
    found = summed(images).level(1, rows=rows, columns=columns)
    np.testing.assert_allclose(found, expected.permute(1, 2, 0), atol=1e-6, rtol=0)
