"""Figures against scikit-learn and hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from pipeline.evaluation import metrics
from tests.pipeline.evaluation.scored import one, scored


@pytest.mark.parametrize("ties", [True, False])
def test_agrees_with_scikit_learn(ties):
    target, score = scored(ties=ties)
    assert one("auc", target, score) == pytest.approx(reference.roc_auc_score(target, score), abs=1e-12)
    assert one("ap", target, score) == pytest.approx(
        reference.average_precision_score(target, score), abs=1e-12
    )
    mean = metrics.losses(target, score).mean()
    assert mean == pytest.approx(reference.log_loss(target, score), abs=1e-9)


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
    assert np.isfinite(metrics.losses([0, 1], [1.0, 0.0])).all()


def test_no_rows_have_no_ece():
    assert np.isnan(metrics.ece([], []))


def test_an_auc_without_both_classes_has_no_value():
    assert np.isnan(metrics.auc([1, 1], [0.1, 0.2]))
    assert metrics.auc([0, 1], [0.5, 0.5]) == 0.5
