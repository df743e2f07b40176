"""Moments and correlations of samples."""

from __future__ import annotations

import numpy as np
import pytest

from features.moments import LOG_FLOOR, correlations, shapes


def test_shapes_of_known_distributions():
    rng = np.random.default_rng(0)
    rows = np.stack([rng.standard_normal(200_000), rng.laplace(size=200_000)])
    level, ratio, kurtosis = shapes(rows.astype(np.float32))
    np.testing.assert_allclose(level, np.log([np.sqrt(2 / np.pi) + LOG_FLOOR, 1.01]), atol=0.01)
    np.testing.assert_allclose(ratio, [2 / np.pi, 0.5], atol=0.01)
    np.testing.assert_allclose(kurtosis, np.log([3, 6]), atol=0.05)


def test_shapes_of_nothing_are_nan_but_for_the_level():
    level, ratio, kurtosis = shapes(np.zeros((1, 50), np.float32))
    assert level[0] == pytest.approx(np.log(LOG_FLOOR))
    assert np.isnan([ratio[0], kurtosis[0]]).all()


def test_correlations_agree_with_numpy_and_are_nan_for_a_constant():
    rows = np.random.default_rng(0).standard_normal((3, 500)).astype(np.float32)
    rows[1] += rows[0]
    np.testing.assert_allclose(correlations(rows), np.corrcoef(rows), atol=1e-5)
    rows[2] = 5
    assert np.isnan(correlations(rows)[2]).all()
