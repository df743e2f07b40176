"""A number's frequency is that of a wave that moves it."""

from __future__ import annotations

import numpy as np
import pytest

from features.bands import EDGES, band, frequency
from features.blocks.blockdct import cells
from features.registry import BLOCKS
from features.spectral import get


@pytest.mark.parametrize(
    ("column", "middle"),
    [
        ("radial.bin_00", 0.5 / 64),
        ("radial.excess_top", 0.4375),
        ("angular.top_45", 0.4375),
        ("wavelet.level_1h", 0.375),
        ("wavelet.shape_2d", 0.1875 * 2**0.5),
        ("wavelet.h_v_3", 0.09375),
        ("blockdct.scale_01", 1 / 16),
        ("blockdct.shape_14", 7 * 2**0.5 / 16),
        ("logdct.bin_35", 0.5 * 2**0.5),
    ],
)
def test_frequency_by_hand(column, middle):
    assert frequency(column) == pytest.approx(middle, rel=0.02)


@pytest.mark.parametrize("column", ["radial.slope_all", "wavelet.scale_1_2_h", "npr.share_0", "face.found"])
def test_what_is_of_no_band_or_several_has_none(column):
    assert frequency(column) is None
    assert band(column) is None


def test_every_column_of_every_block_has_a_place_or_none():
    for name in BLOCKS or ("radial", "angular", "logdct", "wavelet", "blockdct"):
        for column in get(name).columns:
            place = band(column)
            if place is not None:
                assert EDGES[place] <= frequency(column) < EDGES[place + 1], column


def test_coefficients_of_the_dct_columns():
    singles = [cells(f"scale_{i:02d}") for i in range(1, 21)]
    assert all(len(one) == 1 for one in singles)
    assert len({one[0] for one in singles}) == 20
    assert cells("scale_d6") == cells("shape_06")
    assert {u + v for u, v in cells("scale_d12")} == {12, 13, 14}
    assert np.array(cells("digits_first")).sum(1).max() == 2
