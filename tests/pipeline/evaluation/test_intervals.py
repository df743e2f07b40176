"""Every figure holds its value, or says in words why it has none; resamples draw whole groups and are seeded."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import intervals, metrics
from pipeline.evaluation.intervals import group_weights, of_mean, summary
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
    groups = np.arange(50)
    whole = np.vstack(list(group_weights(groups, resamples=20, seed=5)))
    monkeypatch.setattr(intervals, "WEIGHTS_IN_MEMORY", 150)
    parts = list(group_weights(groups, resamples=20, seed=5))
    assert len(parts) == 7
    assert np.array_equal(np.vstack(parts), whole)


def test_intervals_hold_the_figures_and_copies_are_no_knowledge():
    target, score = scored(n=1600, ties=False)
    alone = summary(target, score, np.arange(1600), resamples=100, seed=0)
    # Ten copies of every image in one group: ten times the rows, no more knowledge.
    tied = summary(*(np.repeat(v, 10) for v in (target, score, np.arange(1600))), resamples=100, seed=0)
    for name in metrics.METRICS:
        if name == "ece" or name in ("tpr_at_fpr_5e-3", "tpr_at_fpr_1e-3"):
            assert alone[name]["low"] is None
            continue
        figure, copied = alone[name], tied[name]
        assert figure["low"] <= figure["value"] <= figure["high"], name
        width = figure["high"] - figure["low"]
        assert copied["high"] - copied["low"] == pytest.approx(width, rel=0.15), name
    assert (tied["n"], tied["groups"], alone["warning"]) == (16_000, 1600, None)


def test_summary_is_seeded():
    target, score = scored(n=100)
    first, again, other = (
        summary(target, score, np.arange(100), resamples=50, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_no_number_where_no_real_may_be_flagged():
    target, score = scored(n=100)
    found = summary(target, score, np.arange(100), resamples=5, seed=0)["tpr_at_fpr_1e-3"]
    assert (found["negatives_allowed"], found["value"], found["low"]) == (0, None, None)
    assert "1000 are needed" in found["note"]


def test_few_groups_are_a_warning_and_thirty_of_each_class_are_none():
    target, score = np.tile([0, 1], 60), np.linspace(0, 1, 120)
    few = summary(target, score, np.arange(120) % 50, resamples=5, seed=0)
    assert "only 25 groups with a real face and 25 with a deepfake" in few["warning"]
    assert summary(target, score, np.arange(120) % 60, resamples=5, seed=0)["warning"] is None


@pytest.mark.parametrize(
    ("target", "reason"),
    [([], "no labelled image"), ([0, 0, 0], "no deepfake among the 3"), ([1], "no real face among the 1")],
)
def test_missing_class_is_null_with_a_reason(target, reason):
    found = summary(target, [0.2] * len(target), ["g"] * len(target), resamples=10, seed=0)
    assert reason in found["reason"]
    assert all(found[name] is None for name in metrics.RANKED)
    assert (found["brier"] is None) == (not target)


def test_one_group_has_values_and_reasons_but_no_interval():
    found = summary([0, 1, 1], [0.1, 0.7, 0.4], ["g"] * 3, resamples=10, seed=0)
    assert (found["auc"]["value"], found["auc"]["low"], found["auc"]["high"]) == (1.0, None, None)
    for name in ("auc", "ap", "eer", "brier", "log_loss"):
        assert "too few or too unequal in size" in found[name]["note"], name


def test_perfect_ranking_has_an_auc_interval_but_none_of_ap():
    target, score = np.repeat([0, 1], 40), np.linspace(0, 1, 80)
    found = summary(target, score, np.arange(80), resamples=10, seed=0)
    assert found["auc"]["high"] == 1.0
    assert 0.9 < found["auc"]["low"] < 1
    assert "too near 0 or 1" in found["ap"]["note"]


def test_a_mean_of_nothing_but_zeros_has_no_interval_and_says_why():
    found = of_mean(np.zeros(20), np.arange(20))
    assert found["low"] is None
    assert "every loss is 0" in found["note"]


def test_a_mean_that_hangs_on_a_few_groups_has_no_interval():
    values = np.random.default_rng(0).uniform(0.5, 1, 120)
    assert of_mean(values, np.arange(120))["low"] is not None
    values[:3] = 50.0
    found = of_mean(values, np.arange(120))
    assert (found["low"], found["high"]) == (None, None)
    assert "a few groups hold most of the error: they are worth 3.2, 15 are needed" in found["note"]
