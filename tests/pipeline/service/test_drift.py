"""The distance of what comes in from training: 0 for the same, known values for a shift, nothing for a few."""

import math

import numpy as np
import pytest

from pipeline.service.drift import BINS, ENOUGH, WINDOW, Drift, shares, stability_index


def test_shares_are_those_of_the_quantiles():
    assert shares(np.linspace(0, 1, 101).tolist()) == pytest.approx([0.1] * BINS)
    assert shares([0.0] * 51 + [1.0] * 50) == pytest.approx([0.501, *[0.001] * 8, 0.491], abs=2e-3)
    assert shares([0.25] * 101)[2] == 1


def test_equal_shares_are_no_drift_and_a_shift_is_its_formula():
    even = np.full(BINS, 0.1)
    assert stability_index(np.full(BINS, 50.0), even) == 0
    half = np.array([100.0] * 5 + [0.0] * 5)
    least = 0.5 / 500
    expected = 5 * (0.2 - 0.1) * math.log(2) + 5 * (least - 0.1) * math.log(least / 0.1)
    assert stability_index(half, even) == pytest.approx(expected)


def test_of_a_few_values_nothing_is_said_and_old_ones_are_forgotten():
    drift = Drift(np.linspace(0, 1, 101).tolist())
    for value in np.full(ENOUGH - 1, 0.99):
        drift.add(value)
    assert math.isnan(drift.index())
    drift.add(0.99)
    assert drift.index() > 0.25
    for value in np.linspace(0, 1, WINDOW, endpoint=False):
        drift.add(value)
    assert drift.index() == pytest.approx(0, abs=1e-3)
