"""Neighbouring-pixel relations of pictures whose numbers are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from features.moments import LOG_FLOOR
from tests.features.pictures import enlarged, grey, noise


def test_a_constant_picture_has_none(measure):
    values = measure("npr", grey(np.full((64, 64), 90.0)))
    assert values["level_g_right"] == pytest.approx(np.log(LOG_FLOOR))
    assert values["share_0"] == 1 and values["share_1"] == 0
    assert np.isnan(values["corr_g_right_below"])


def test_phases_of_white_noise_share_half_their_variance(measure):
    values = measure("npr", noise(180, 180))
    for pair in ("right_below", "right_diagonal", "below_diagonal"):
        assert values[f"corr_g_{pair}"] == pytest.approx(0.5, abs=0.04)
    assert abs(values["corr_right_r_g"]) < 0.05 and abs(values["parity_x_g"]) < 0.05


def test_doubled_pixels_break_parity(measure):
    values = measure("npr", enlarged(128, 128))
    assert max(values["parity_x_g"], values["parity_y_r"]) < -5


def test_differences_across_the_jpeg_grid_do_not_count(measure):
    steps = np.kron(np.random.default_rng(0).uniform(50, 200, (8, 8)), np.ones((8, 8)))
    assert measure("npr", grey(steps))["parity_x_g"] == 0
