"""Thresholds keep their promise, are refused where data are too few, and give three answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from benchmarks.coverage.designs import Design
from benchmarks.coverage.runs import keep
from models.bundle_info import OVERALL
from pipeline.evaluation import thresholds as module
from pipeline.evaluation.thresholds import needed, observed, one_of_each_group, thresholds, upper_threshold


def table(real, fake, *, per_group=1, source="all"):
    scores = np.concatenate([real, fake])
    names = [f"{source}{index}" for index in range(len(scores))]
    groups = [f"{source}{index // per_group}" for index in range(len(scores))]
    target = np.repeat([0, 1], [len(real), len(fake)])
    columns = {"img_name": names, "sha256": names, "group": groups, "target": target, "score": scores}
    return pd.DataFrame(columns).assign(source=source)


@pytest.mark.parametrize(("rate", "n"), [(0.1, 29), (0.05, 59), (0.01, 299), (0.001, 2995)])
def test_as_many_are_needed_as_the_largest_score_takes(rate, n):
    assert needed(rate) == n
    assert upper_threshold(np.arange(n), rate) == n - 1
    assert upper_threshold(np.arange(n - 1), rate) is None


def test_threshold_is_the_least_safe_order_statistic():
    scores, rate = np.arange(500.0), 0.05
    order = int(upper_threshold(scores, rate)) + 1
    assert binom.sf(order - 1, 500, 1 - rate) <= 0.05 < binom.sf(order - 2, 500, 1 - rate)


def test_a_rising_change_of_the_scores_leaves_the_images_on_their_sides():
    """Why images may be calibrated on and give thresholds."""
    scores = np.random.default_rng(0).normal(size=400)
    above = scores > upper_threshold(scores, 0.02)
    assert np.array_equal(above, np.exp(scores) > upper_threshold(np.exp(scores), 0.02))


def test_ties_are_safe():
    assert (np.ones(100) > upper_threshold(np.ones(100), 0.1)).sum() == 0


def test_one_of_each_group_does_not_depend_on_the_order():
    rows = table(np.arange(50.0), np.arange(50.0), per_group=5)
    chosen = one_of_each_group(rows)
    assert chosen["group"].is_unique
    assert len(chosen) == 20
    assert set(chosen["img_name"]) == set(one_of_each_group(rows[::-1])["img_name"])


def test_groups_count_not_images():
    rows = table(np.arange(600.0), np.arange(600.0), per_group=30)
    assert all(limit.fake_above is None for limit in thresholds(rows))
    assert {limit.reals for limit in thresholds(rows)} == {20}


def test_limits_of_answers():
    generator = np.random.default_rng(0)
    apart = thresholds(table(generator.normal(size=100), 9 + generator.normal(size=100)))[0]
    assert apart.real_below == apart.fake_above  # where both answers were safe, none is undecided
    mixed = thresholds(table(generator.normal(size=100), 1 + generator.normal(size=100)))[0]
    assert mixed.real_below < mixed.fake_above


def test_sources_have_limits_of_their_own_where_there_are_several():
    a, b = (table(np.arange(40.0) + k, np.arange(40.0), source=s) for s, k in (("a", 0), ("b", 100)))
    assert {limit.source for limit in thresholds(a)} == {OVERALL}
    limits = {limit.source: limit for limit in thresholds(pd.concat([a, b])) if limit.rate == 0.1}
    assert limits["b"].fake_above == limits["a"].fake_above + 100
    assert list(limits) == [OVERALL, "a", "b"]


def test_no_image_kept_back_is_no_threshold():
    limits = thresholds(table([], []))
    assert [limit.rate for limit in limits] == list(module.RATES)
    assert all((limit.fake_above, limit.real_below) == (None, None) for limit in limits)


def test_observed_shares_on_other_images():
    limits = thresholds(table(np.arange(100.0), np.arange(100.0) + 50))[:1]
    real, fake = np.array([0.0, 60, 200]), np.array([10.0, 200, 300, 300])
    low, high = limits[0].real_below, limits[0].fake_above
    (found,) = observed(limits, table(real, fake))
    assert 10 < low < 60 < high < 200
    assert [found[name] for name in ("fpr", "tpr", "fnr", "tnr")] == [1 / 3, 0.75, 0.25, 1 / 3]
    assert found["undecided"] == pytest.approx(1 / 7)
    (nothing,) = observed(limits, table([], []))
    assert nothing["fpr"] is None


def test_promise_is_kept_with_groups_that_are_alike():
    """In 94 of 100; the bound is four standard deviations lower."""
    design = Design(300, 100, correlation=0.8, unequal=True, classes="both", shift=2.0)
    for row in keep(design, runs=50):
        assert row["kept"] / row["given"] >= 0.82, row
