"""AUC intervals: known cases, what widens them, and coverage in designs that a plain bootstrap fails."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coverage.designs import Design
from benchmarks.coverage.runs import cover
from pipeline.evaluation.auc_interval import auc_difference, auc_interval
from tests.pipeline.evaluation.scored import scored


@pytest.mark.parametrize(("n", "tolerance"), [(800, 0.05), (40_000, 0.02)])
def test_single_images_are_near_delong(n, tolerance):
    """DeLong's standard error, by its definition, on independent images: also where it is far below a step of the search."""
    target, score = scored(n=n, ties=False)
    real, fake = np.sort(score[target == 0]), np.sort(score[target == 1])
    of_real = 1 - np.searchsorted(fake, real) / len(fake)
    of_fake = np.searchsorted(real, fake) / len(real)
    error = np.sqrt(of_real.var(ddof=1) / len(real) + of_fake.var(ddof=1) / len(fake))
    found = auc_interval(target, score, np.arange(n))
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * error, rel=tolerance)
    assert found["value"] - found["low"] == pytest.approx(1.96 * error, rel=0.1)


def test_label_switch_mirrors_the_interval():
    target, score = scored(n=300, ties=False)
    groups = np.arange(300) // 3
    one, other = auc_interval(target, score, groups), auc_interval(1 - target, score, groups)
    assert other["value"] == pytest.approx(1 - one["value"])
    assert other["low"] == pytest.approx(1 - one["high"], abs=0.01)


def test_a_monotone_change_of_the_score_changes_nothing():
    target, score = scored(n=200)
    assert auc_interval(target, score, np.arange(200)) == auc_interval(target, score**3, np.arange(200))


def test_perfect_separation_has_a_lower_limit_that_rises_with_images():
    lows = []
    for n in (20, 200):
        found = auc_interval(np.repeat([0, 1], n), np.arange(2 * n), np.arange(2 * n))
        assert (found["value"], found["high"]) == (1.0, 1.0)
        lows.append(found["low"])
    assert 0.5 < lows[0] < lows[1] < 1


def test_too_few_groups_have_no_interval_and_a_reason():
    found = auc_interval([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], ["a", "a", "b", "b"])
    assert (found["value"], found["low"], found["high"]) == (1.0, None, None)
    assert "1 groups with a real face and 1 with a deepfake" in found["note"]


@pytest.mark.parametrize(("groups", "shift"), [(20, 1.0), (30, 3.3)])
def test_interval_covers_with_few_groups_that_are_alike(groups, shift):
    """A bootstrap of groups covers 67 to 90 % of these. The bound is four standard deviations below 95 %."""
    design = Design(200, groups, correlation=0.8, unequal=False, classes="apart", shift=shift)
    found = next(row for row in cover(design, part="ranked", runs=60) if row["figure"] == "auc")
    assert found["covers"] / found["shown"] >= 0.84


def test_difference_is_paired():
    target, score = scored(n=200, ties=False)
    groups = np.arange(200)
    assert auc_difference(target, score, score, groups) == {
        "value": 0.0,
        "low": 0.0,
        "high": 0.0,
        "p": 1.0,
    }
    worse = auc_difference(target, 1 - score, score, groups)
    assert worse["low"] <= worse["value"] <= worse["high"] < 0
    nearly = auc_difference(target, score + 0.05 * np.sin(np.arange(200)), score, groups)
    single = auc_interval(target, score, groups)
    assert nearly["high"] - nearly["low"] < (single["high"] - single["low"]) / 2


def test_difference_needs_both_classes_and_several_groups():
    none = auc_difference([0, 0], [0.1, 0.2], [0.1, 0.2], ["a", "b"])
    assert none == {"value": None, "low": None, "high": None, "p": None}
    few = auc_difference([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.2, 0.3], ["a", "a", "b", "b"])
    assert few["value"] is not None
    assert few["low"] is None


def test_two_perfect_scores_are_no_proof_that_they_are_alike():
    target, score = np.repeat([0, 1], 50), np.arange(100.0)
    found = auc_difference(target, score, np.sqrt(score), np.arange(100))
    assert found == {"value": 0.0, "low": None, "high": None, "p": None}


def test_a_difference_that_hangs_on_few_groups_has_no_interval():
    """Three images that two scores order differently say nothing of how often others would be."""
    target, base = np.repeat([0, 1], 100), np.arange(200.0)
    score = base.copy()
    score[[97, 98, 99]] += [5, 6, 7]
    found = auc_difference(target, score, base, np.arange(200))
    assert found["value"] < 0
    assert found["low"] is None
    score[60:100] += 50
    assert auc_difference(target, score, base, np.arange(200))["high"] < 0


def test_p_is_below_five_per_cent_where_the_interval_excludes_zero():
    generator = np.random.default_rng(0)
    target = np.arange(300) % 2
    base = target + generator.normal(size=300)
    for size in np.linspace(0, 1, 12):
        score = base + size * generator.normal(size=300)
        found = auc_difference(target, score, base, np.arange(300))
        if found["low"] is not None:
            assert (found["p"] < 0.05) == (found["low"] > 0 or found["high"] < 0)


def test_the_difference_of_several_scores_is_their_mean():
    generator = np.random.default_rng(0)
    target = np.arange(200) % 2
    base = target + generator.normal(size=200)
    several = base + generator.normal(size=(4, 200))
    whole = auc_difference(target, several, base, np.arange(200))
    single = [auc_difference(target, one, base, np.arange(200)) for one in several]
    assert whole["value"] == pytest.approx(np.mean([one["value"] for one in single]))
    width = [one["high"] - one["low"] for one in (whole, *single)]
    assert width[0] < min(width[1:])  # what comes of single scores averages out
