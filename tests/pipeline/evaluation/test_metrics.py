"""Figures against scikit-learn, hand-worked cases and materialised bootstrap resamples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipeline.evaluation import curves, metrics


def scored(n=400, seed=0, ties=True):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 2, n)
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + 1.2 * target - 0.6)))
    return target, np.round(score, 2) if ties else score


def one(name, target, score):
    return metrics.all_metrics(target, score)[name][0]


@pytest.mark.parametrize("ties", [True, False])
def test_agrees_with_scikit_learn(ties):
    target, score = scored(ties=ties)
    found = {name: values[0] for name, values in metrics.all_metrics(target, score).items()}
    assert found["auc"] == pytest.approx(reference.roc_auc_score(target, score), abs=1e-12)
    assert found["ap"] == pytest.approx(reference.average_precision_score(target, score), abs=1e-12)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(target, score), abs=1e-12)
    assert found["log_loss"] == pytest.approx(reference.log_loss(target, score), abs=1e-9)


@pytest.mark.parametrize("bound", metrics.FPR_BOUNDS.values())
def test_tpr_at_fpr_is_the_best_threshold_within_the_bound(bound):
    target, score = scored(n=1500, seed=3)
    fpr, tpr, _ = reference.roc_curve(target, score, drop_intermediate=False)
    expected = tpr[fpr <= bound].max()
    assert metrics.tpr_at_fpr(metrics.rank(target, score), bound)[0] == pytest.approx(expected)


def test_tpr_at_fpr_counts_allowed_negatives_without_rounding_down():
    # 1e-2 of 700 is 7.000000000000001 or 6.999…, as the machine likes; seven must be allowed.
    target = np.array([0] * 700 + [1] * 10)
    score = np.concatenate([np.arange(700) / 1000, np.full(10, 0.6925)])
    assert metrics.negatives_allowed(700, 1e-2) == 7
    assert one("tpr_at_fpr_1e-2", target, score) == 1.0
    score[-10:] = 0.6915  # now eight reals are above
    assert one("tpr_at_fpr_1e-2", target, score) == 0.0


def test_equal_error_rate_by_hand():
    assert one("eer", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) == 0.0
    assert one("eer", [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]) == 1.0
    assert one("eer", [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9]) == 0.5
    assert one("eer", [0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 0.5


def test_ece_is_the_gap_of_a_biased_forecast():
    target = np.tile([0, 1], 300)
    assert one("ece", target, np.full(600, 0.8)) == pytest.approx(0.3)
    assert one("ece", target, np.full(600, 0.5)) == pytest.approx(0.0)
    assert one("ece", target, target.astype(float)) == 0.0


def test_calibration_bins_are_equally_filled_and_keep_ties_together():
    bins = metrics.calibration_bins(np.linspace(0, 1, 150))
    assert np.bincount(bins).tolist() == [10] * 15
    assert len(set(metrics.calibration_bins([0.3] * 7 + [0.9] * 7)[:7])) == 1


def test_certain_and_wrong_is_a_finite_log_loss():
    assert np.isfinite(one("log_loss", [0, 1], [1.0, 0.0]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_weights_equal_repeated_rows(seed, n):
    generator = np.random.default_rng(seed)
    target = np.append(generator.integers(0, 2, n), [0, 1])
    score = np.round(generator.random(n + 2), 1)
    times = np.append(generator.integers(0, 4, n), [1, 1])
    weighted = metrics.all_metrics(target, score, times[None].astype(float))
    repeated = metrics.all_metrics(np.repeat(target, times), np.repeat(score, times))
    for name in metrics.METRICS:
        if name != "ece":  # its bins are those of the sample, not of the resample
            assert weighted[name][0] == pytest.approx(repeated[name][0], abs=1e-12), name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_ranked_figures_ignore_a_monotone_change_and_auc_flips(seed):
    target, score = scored(n=80, seed=seed, ties=False)
    for name in metrics.RANKED:
        assert one(name, target, score) == pytest.approx(one(name, target, score**3), abs=1e-12)
    assert one("auc", target, 1 - score) == pytest.approx(1 - one("auc", target, score), abs=1e-12)


def test_group_weights_draw_whole_groups():
    groups = np.array(["a", "b", "b", "c", "c", "c"])
    weights = np.vstack(list(metrics.group_weights(groups, resamples=300, seed=1)))
    assert weights.shape == (300, 6)
    assert (weights[:, 1] == weights[:, 2]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.15)


def test_chunks_do_not_change_the_draw(monkeypatch):
    groups = np.arange(50).astype(str)
    whole = np.vstack(list(metrics.group_weights(groups, resamples=20, seed=5)))
    monkeypatch.setattr(metrics, "WEIGHTS_IN_MEMORY", 150)
    parts = list(metrics.group_weights(groups, resamples=20, seed=5))
    assert len(parts) == 7
    assert np.array_equal(np.vstack(parts), whole)


def test_interval_holds_the_figure_and_widens_with_groups():
    target, score = scored(n=300, ties=False)
    alone = metrics.summary(target, score, np.arange(300), resamples=200, seed=0)
    # Ten copies of every image in one group: ten times the rows, no more knowledge.
    tied = metrics.summary(
        *(np.repeat(v, 10) for v in (target, score, np.arange(300))), resamples=200, seed=0
    )
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
        metrics.summary(target, score, np.arange(100), resamples=50, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_summary_says_how_many_negatives_the_bound_allows():
    target, score = scored(n=100)
    found = metrics.summary(target, score, np.arange(100), resamples=5, seed=0)
    assert found["tpr_at_fpr_1e-3"]["negatives_allowed"] == 0


@pytest.mark.parametrize(
    ("target", "reason"),
    [([], "no labelled image"), ([0, 0, 0], "no deepfake among the 3"), ([1], "no real face among the 1")],
)
def test_missing_class_is_null_with_a_reason(target, reason):
    found = metrics.summary(target, [0.2] * len(target), ["g"] * len(target), resamples=10, seed=0)
    assert reason in found["reason"]
    assert all(found[name] is None for name in metrics.RANKED)
    assert (found["brier"] is None) == (not target)


def test_one_group_has_no_interval():
    found = metrics.summary([0, 1, 1], [0.1, 0.7, 0.4], ["g"] * 3, resamples=10, seed=0)
    assert found["auc"] == {"value": 1.0, "low": None, "high": None}


def test_interval_needs_half_of_the_resamples():
    assert metrics.interval(np.array([0.5, np.nan, np.nan])) == (None, None)
    assert metrics.interval(np.array([0.5, 0.5, np.nan])) == (0.5, 0.5)


def test_auc_difference_is_paired():
    target, score = scored(n=200, ties=False)
    groups = np.arange(200)
    same = metrics.auc_difference(target, score, score, groups, resamples=50, seed=0)
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    worse = metrics.auc_difference(target, 1 - score, score, groups, resamples=50, seed=0)
    assert worse["low"] <= worse["value"] <= worse["high"] < 0
    none = metrics.auc_difference([0, 0], [0.1, 0.2], [0.1, 0.2], ["a", "b"], resamples=5, seed=0)
    assert none["value"] is None


def test_curves_have_at_most_500_points_and_keep_the_area():
    target, score = scored(n=20_000, ties=False)
    roc = curves.roc(target, score)
    assert len(roc) <= 500
    assert len(curves.precision_recall(target, score)) <= 500
    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    area = np.trapezoid(roc["tpr"], roc["fpr"]) if hasattr(np, "trapezoid") else None
    assert area is None or area == pytest.approx(one("auc", target, score), abs=2e-3)


def test_small_roc_drops_only_points_on_a_line():
    roc = curves.roc([1, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5])
    assert roc["fpr"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert roc["tpr"].tolist() == pytest.approx([0, 2 / 3, 2 / 3, 1, 1])


def test_curves_of_one_class_are_empty():
    assert curves.roc([1, 1], [0.1, 0.2]).empty
    assert curves.roc([], []).empty
    assert curves.precision_recall([0], [0.1]).empty
    assert curves.reliability([], []).empty


def test_reliability_and_histogram_count_every_image():
    target, score = scored(n=600, ties=False)
    table = curves.reliability(target, score)
    assert table["n"].sum() == 600
    assert len(table) == 15
    assert ((table["low"] <= table["share_fake"]) & (table["share_fake"] <= table["high"])).all()
    counts = curves.histogram(target, score)
    assert counts["real"].sum() == (target == 0).sum()
    assert counts["fake"].sum() == target.sum()
