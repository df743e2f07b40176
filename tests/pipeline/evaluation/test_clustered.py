"""The variance of a mean of grouped values is right whatever the sizes, and what it is worth too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from pipeline.evaluation.clustered import (
    both_above,
    correlation_error,
    effective_count,
    members,
    normal_scores,
    spread,
    tail_correlation,
)


def test_single_images_are_the_textbook_standard_error():
    values = np.random.default_rng(0).normal(size=50)
    found = spread(values, np.arange(50), 50)
    assert found.variance == pytest.approx(values.var(ddof=1) / 50)
    assert found.dof == pytest.approx(49)
    assert found.correlation == 0


def test_equal_groups_are_the_standard_error_of_their_means():
    values = np.random.default_rng(0).normal(size=(12, 5)) + np.random.default_rng(1).normal(size=(12, 1))
    found = spread(values.ravel(), np.repeat(np.arange(12), 5), 12)
    assert found.variance == pytest.approx(values.mean(1).var(ddof=1) / 12)
    assert found.dof == pytest.approx(11)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_variance_is_unbiased_with_unequal_groups(correlation):
    generator, sizes = np.random.default_rng(0), np.array([1, 1, 2, 3, 5, 8, 13, 2, 4, 6])
    member = np.repeat(np.arange(10), sizes)
    means, variances = [], []
    for _ in range(1500):
        shared = generator.normal(size=10)[member]
        values = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * generator.normal(size=45)
        means.append(values.mean())
        variances.append(spread(values, member, 10).variance)
    assert np.mean(variances) == pytest.approx(np.var(means), rel=0.15)


def test_one_large_group_leaves_few_degrees_of_freedom():
    sizes = np.array([200, *[2] * 30])
    member = np.repeat(np.arange(31), sizes)
    values = np.random.default_rng(0).normal(size=31)[member]
    assert spread(values, member, 31).dof < 3


def test_fewer_than_two_groups_know_nothing():
    assert spread(np.array([1.0, 2.0]), np.zeros(2, int), 3).dof == 0


def test_chance_that_both_are_above_is_that_of_the_normal_distribution():
    for share, correlation in ((0.1, 0.5), (0.01, 0.8), (0.3, -0.4)):
        cut = [norm.ppf(1 - share)] * 2
        known = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
        exact = 1 - 2 * (1 - share) + known.cdf(cut)
        assert both_above(share, correlation) == pytest.approx(exact, abs=1e-5)
    assert both_above(0.2, 1.0) == pytest.approx(0.2)
    assert both_above(0.2, 0.0) == pytest.approx(0.04)


def test_tails_are_less_alike_than_the_scores():
    assert 0 < tail_correlation(0.01, 0.5) < tail_correlation(0.3, 0.5) < 0.5
    assert tail_correlation(0.01, 0.0) == pytest.approx(0, abs=1e-12)


def test_effective_count_runs_from_images_to_groups():
    assert effective_count(np.array([5, 5, 5]), 0.0) == pytest.approx(15)
    assert effective_count(np.array([5, 5, 5]), 1.0) == pytest.approx(3)


@pytest.mark.parametrize(("correlation", "sizes"), [(0.3, [20] * 50), (0.6, [2, 4, 9, 5] * 15)])
def test_the_error_of_a_correlation_is_how_much_it_varies(correlation, sizes):
    generator, member = np.random.default_rng(0), np.repeat(np.arange(len(sizes)), sizes)
    found = []
    for _ in range(400):
        shared = generator.normal(size=len(sizes))[member]
        values = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * generator.normal(size=len(member))
        found.append(spread(values, member, len(sizes)).correlation)
    assert correlation_error(np.array(sizes), correlation) == pytest.approx(np.std(found), rel=0.2)


def test_the_error_of_a_correlation_in_equal_groups_is_fishers():
    fisher = (1 - 0.3) * (1 + 3 * 0.3) * np.sqrt(2 / (4 * 3 * 25))
    assert correlation_error(np.full(25, 4), 0.3) == pytest.approx(fisher)


def test_single_images_have_no_correlation_to_err_in():
    assert correlation_error(np.ones(9, int), 0.0) == 0
    assert correlation_error(np.array([7, 0]), 0.0) == 0


def test_names_and_numbers_make_the_same_groups():
    assert members(["b", "a", "b"]).tolist() == members([7, 3, 7]).tolist() == [1, 0, 1]
    assert members([]).tolist() == []


def test_normal_scores_keep_order_and_ties():
    found = normal_scores(np.array([5.0, 1.0, 5.0, 9.0]))
    assert found[0] == found[2]
    assert found[1] < found[0] < found[3]
    assert found.mean() == pytest.approx(0, abs=0.1)
