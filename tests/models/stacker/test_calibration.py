"""Platt's calibration: what it recovers, what a prior holds back, and what it never does."""

import numpy as np
import pytest
from scipy.special import expit

from models.stacker.calibration import at_prior, platt


def test_platt_recovers_a_known_calibration():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=40_000) * 2
    target = (rng.random(40_000) < expit(0.5 * raw - 0.7)).astype(int)
    slope, offset = platt(raw, target)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(-0.7, abs=0.03)


def test_few_rows_correct_a_calibration_little():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=20_000) * 2
    target = (rng.random(20_000) < expit(1.5 * raw + 0.6)).astype(int)
    corrections = [platt(raw[:n], target[:n], spread=(0.25, 0.5)) for n in (10, 20_000)]
    assert abs(corrections[0][0] - 1) < 0.2
    assert corrections[1] == pytest.approx((1.5, 0.6), abs=0.05)
    sure = np.array([-6.0, -5, -4, 4, 5, 6])  # and right: no reason to trust them less
    assert platt(sure, (sure > 0).astype(int), spread=(0.25, 0.5)) == pytest.approx((1, 0), abs=0.05)


def test_platt_never_turns_the_order():
    raw = np.linspace(-1, 1, 100)
    slope, _ = platt(raw, (raw < 0).astype(int))
    assert slope > 0


def test_platt_weighs_rows():
    rng = np.random.default_rng(0)
    raw, target = rng.normal(size=400), rng.integers(0, 2, 400)
    weight = np.where(target == 1, 3.0, 1.0)
    _, plain = platt(raw, target)
    _, heavy = platt(raw, target, weight)
    assert heavy - plain == pytest.approx(np.log(3), abs=0.1)


def test_separable_scores_get_a_finite_slope():
    raw = np.array([-2.0, -1, 1, 2])
    slope, offset = platt(raw, (raw > 0).astype(int))
    assert 0 < slope < 10
    assert offset == pytest.approx(0, abs=1e-3)


def test_another_prior_is_bayes_rule():
    real, fake = 0.2, 0.6  # likelihoods of some image
    for trained, wanted in ((0.5, 0.05), (0.3, 0.9)):
        posterior = trained * fake / (trained * fake + (1 - trained) * real)
        expected = wanted * fake / (wanted * fake + (1 - wanted) * real)
        assert at_prior(posterior, trained=trained, wanted=wanted) == pytest.approx(expected)
    assert at_prior(0.5, trained=0.5, wanted=0.05) == pytest.approx(0.05)


def test_another_prior_keeps_order_and_certainty():
    p = np.array([0.0, 0.2, 0.7, 1.0])
    moved = at_prior(p, trained=0.5, wanted=0.01)
    assert (moved[0], moved[-1]) == (0, 1)
    assert (np.diff(moved) > 0).all()
    assert at_prior(moved, trained=0.01, wanted=0.5) == pytest.approx(p)
