"""Moments and correlations of samples."""

from __future__ import annotations

import numpy as np
import pytest

from features.moments import LOG_FLOOR, correlations, mean_abs, mean_square, shapes, standardised, upper


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


def test_means_of_rows():
    rows = np.array([[1, -3], [0, 4]], np.float32)
    np.testing.assert_array_equal(mean_abs(rows), [2, 2])
    np.testing.assert_array_equal(mean_square(rows), [5, 8])


def test_standardised_rows_have_length_one_about_zero_and_none_where_flat():
    rows = 100 + np.random.default_rng(0).standard_normal((2, 2, 300)).astype(np.float32)
    rows[1, 1] = 7
    unit = standardised(rows)
    np.testing.assert_allclose(unit[0].sum(axis=-1), 0, atol=1e-4)
    np.testing.assert_allclose(np.square(unit[0]).sum(axis=-1), 1, atol=1e-5)
    assert np.isnan(unit[1, 1]).all() and np.isfinite(unit[1, 0]).all()


def test_correlations_of_several_tables_are_those_of_each():
    tables = np.random.default_rng(0).standard_normal((4, 3, 200)).astype(np.float32)
    expected = [np.corrcoef(table)[np.triu_indices(3, 1)] for table in tables]
    np.testing.assert_allclose(upper(correlations(tables)), expected, atol=1e-5)
