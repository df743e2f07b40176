"""Intervals hold their figure, widen with groups and are seeded."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import intervals, metrics
from pipeline.evaluation.intervals import auc_difference, group_weights, interval, summary
from tests.pipeline.evaluation.scored import scored


def test_group_weights_draw_whole_groups():
    groups = np.array(["a", "b", "b", "c", "c", "c"])
    weights = np.vstack(list(group_weights(groups, resamples=300, seed=1)))
    assert weights.shape == (300, 6)
    assert (weights[:, 1] == weights[:, 2]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.15)


def test_chunks_do_not_change_the_draw(monkeypatch):
    groups = np.arange(50).astype(str)
    whole = np.vstack(list(group_weights(groups, resamples=20, seed=5)))
    monkeypatch.setattr(intervals, "WEIGHTS_IN_MEMORY", 150)
    parts = list(group_weights(groups, resamples=20, seed=5))
    assert len(parts) == 7
    assert np.array_equal(np.vstack(parts), whole)


def test_interval_holds_the_figure_and_widens_with_groups():
    target, score = scored(n=300, ties=False)
    alone = summary(target, score, np.arange(300), resamples=200, seed=0)
    # Ten copies of every image in one group: ten times the rows, no more knowledge.
    tied = summary(*(np.repeat(v, 10) for v in (target, score, np.arange(300))), resamples=200, seed=0)
    for name in metrics.METRICS:
        figure = alone[name]
        if name != "ece":  # the ECE of a resample is biased upwards
            assert figure["low"] <= figure["value"] <= figure["high"], name
    assert (tied["n"], tied["groups"]) == (3000, 300)
    widths = [s["auc"]["high"] - s["auc"]["low"] for s in (alone, tied)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_summary_is_seeded():
    target, score = scored(n=100)
    first, again, other = (
        summary(target, score, np.arange(100), resamples=50, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_summary_says_how_many_negatives_the_bound_allows():
    target, score = scored(n=100)
    found = summary(target, score, np.arange(100), resamples=5, seed=0)
    assert found["tpr_at_fpr_1e-3"]["negatives_allowed"] == 0


@pytest.mark.parametrize(
    ("target", "reason"),
    [([], "no labelled image"), ([0, 0, 0], "no deepfake among the 3"), ([1], "no real face among the 1")],
)
def test_missing_class_is_null_with_a_reason(target, reason):
    found = summary(target, [0.2] * len(target), ["g"] * len(target), resamples=10, seed=0)
    assert reason in found["reason"]
    assert all(found[name] is None for name in metrics.RANKED)
    assert (found["brier"] is None) == (not target)


def test_one_group_has_no_interval():
    found = summary([0, 1, 1], [0.1, 0.7, 0.4], ["g"] * 3, resamples=10, seed=0)
    assert found["auc"] == {"value": 1.0, "low": None, "high": None}


def test_interval_needs_half_of_the_resamples():
    assert interval(np.array([0.5, np.nan, np.nan])) == (None, None)
    assert interval(np.array([0.5, 0.5, np.nan])) == (0.5, 0.5)


def test_auc_difference_is_paired():
    target, score = scored(n=200, ties=False)
    groups = np.arange(200)
    same = auc_difference(target, score, score, groups, resamples=50, seed=0)
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    worse = auc_difference(target, 1 - score, score, groups, resamples=50, seed=0)
    assert worse["low"] <= worse["value"] <= worse["high"] < 0
    none = auc_difference([0, 0], [0.1, 0.2], [0.1, 0.2], ["a", "b"], resamples=5, seed=0)
    assert none["value"] is None
