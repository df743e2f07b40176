"""TPR at a bound of the FPR: its value, when it has an interval, and what that interval is for a known threshold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from benchmarks.coverage.designs import Design
from benchmarks.coverage.runs import cover
from pipeline.evaluation.ranking import rank, tpr_at_fpr
from pipeline.evaluation.tpr_interval import tpr_intervals
from tests.pipeline.evaluation.scored import scored


def at(target, score, groups, bound=1e-2):
    return tpr_intervals(target, score, groups, {"x": bound})["x"]


@pytest.mark.parametrize("ties", [True, False])
def test_value_is_that_of_the_ranking(ties):
    target, score = scored(n=1500, ties=ties)
    known = tpr_at_fpr(rank(target, score), 1e-2)[0]
    assert at(target, score, np.arange(1500))["value"] == pytest.approx(known)


def test_a_threshold_without_effect_leaves_the_binomial_interval_of_the_fakes():
    """Reals and fakes that are far apart, but for fakes that are far below: every threshold finds the same."""
    target = np.repeat([0, 1], [2000, 200])
    score = np.concatenate([np.linspace(0, 1, 2000), np.full(150, 5.0), np.full(50, -5.0)])
    found = at(target, score, np.arange(2200))
    exact = beta.ppf([0.025, 0.975], 150.5, 50.5)
    assert [found["low"], found["high"]] == pytest.approx(exact, abs=1e-3)


def test_no_real_allowed_is_no_number():
    target, score = scored(n=150)
    found = at(target, score, np.arange(150), bound=1e-3)
    assert (found["value"], found["low"], found["negatives_allowed"]) == (None, None, 0)
    assert "1000 are needed" in found["note"]


def test_few_allowed_are_a_number_without_interval():
    target = np.repeat([0, 1], [250, 100])
    found = at(target, np.arange(350) % 37, np.arange(350))
    assert found["negatives_allowed"] == 2
    assert found["value"] is not None
    assert found["low"] is None
    assert "are surely worth 250 independent ones; 600 in 30 groups" in found["note"]


def test_an_interval_is_not_shown_where_only_luck_makes_the_reals_enough():
    """50 groups of 20 reals count like some 510 independent ones; shown in the runs that find 600, it covers 87 %."""
    design = Design(1000, 100, correlation=0.3, unequal=False, classes="apart", shift=3.3)
    found = next(row for row in cover(design, part="ranked", runs=60) if row["figure"] == "tpr_at_fpr_1e-2")
    assert found["shown"] <= 3


def test_copies_of_an_image_are_no_further_images():
    target, score = scored(n=500, ties=False)
    copied = [np.repeat(v, 4) for v in (target, score, np.arange(500))]
    assert at(*copied)["low"] is None
    assert at(copied[0], copied[1], np.arange(2000))["low"] is not None  # as if they were others


def test_few_groups_have_no_interval():
    target, score = scored(n=2000, ties=False)
    assert "groups are surely worth" in at(target, score, np.arange(2000) % 25)["note"]
