"""Figures against scikit-learn, hand-worked cases and repeated rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipeline.evaluation import metrics
from tests.pipeline.evaluation.scored import one, scored


@pytest.mark.parametrize("ties", [True, False])
def test_agrees_with_scikit_learn(ties):
    target, score = scored(ties=ties)
    found = {name: values[0] for name, values in metrics.all_metrics(target, score).items()}
    assert found["auc"] == pytest.approx(reference.roc_auc_score(target, score), abs=1e-12)
    assert found["ap"] == pytest.approx(reference.average_precision_score(target, score), abs=1e-12)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(target, score), abs=1e-12)
    assert found["log_loss"] == pytest.approx(reference.log_loss(target, score), abs=1e-9)


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


def test_an_auc_without_both_classes_has_no_value():
    assert np.isnan(metrics.auc([1, 1], [0.1, 0.2]))
    assert metrics.auc([0, 1], [0.5, 0.5]) == 0.5
