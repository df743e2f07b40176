"""Figures of the order of scores: thresholds by hand, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipeline.evaluation import metrics
from pipeline.evaluation.ranking import (
    average_precision,
    equal_error_rate,
    negatives_allowed,
    rank,
    roc_area,
    tpr_at_fpr,
)
from tests.pipeline.evaluation.scored import one, scored


@pytest.mark.parametrize("bound", metrics.FPR_BOUNDS.values())
def test_tpr_at_fpr_is_the_best_threshold_within_the_bound(bound):
    target, score = scored(n=1500, seed=3)
    fpr, tpr, _ = reference.roc_curve(target, score, drop_intermediate=False)
    expected = tpr[fpr <= bound].max()
    assert tpr_at_fpr(rank(target, score), bound)[0] == pytest.approx(expected)


def test_tpr_at_fpr_counts_allowed_negatives_without_rounding_down():
    # 1e-2 of 700 is 7.000000000000001 or 6.999…, as the machine likes; seven must be allowed.
    target = np.array([0] * 700 + [1] * 10)
    score = np.concatenate([np.arange(700) / 1000, np.full(10, 0.6925)])
    assert negatives_allowed(700, 1e-2) == 7
    assert one("tpr_at_fpr_1e-2", target, score) == 1.0
    score[-10:] = 0.6915  # now eight reals are above
    assert one("tpr_at_fpr_1e-2", target, score) == 0.0


def test_equal_error_rate_by_hand():
    assert one("eer", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) == 0.0
    assert one("eer", [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]) == 1.0
    assert one("eer", [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9]) == 0.5
    assert one("eer", [0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 0.5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_ranked_figures_ignore_a_monotone_change_and_auc_flips(seed):
    target, score = scored(n=80, seed=seed, ties=False)
    for name in metrics.RANKED:
        assert one(name, target, score) == pytest.approx(one(name, target, score**3), abs=1e-12)
    assert one("auc", target, 1 - score) == pytest.approx(1 - one("auc", target, score), abs=1e-12)


def test_tied_scores_are_one_threshold():
    ranking = rank([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1])
    assert ranking.tps.tolist() == [[0, 1, 2, 2]]
    assert ranking.fps.tolist() == [[0, 0, 1, 2]]
    assert (ranking.positives, ranking.negatives) == (2, 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_weights_equal_repeated_rows(seed, n):
    generator = np.random.default_rng(seed)
    target = np.append(generator.integers(0, 2, n), [0, 1])
    score = np.round(generator.random(n + 2), 1)
    times = np.append(generator.integers(0, 4, n), [1, 1])
    weighted = rank(target, score, times[None].astype(float))
    repeated = rank(np.repeat(target, times), np.repeat(score, times))
    for figure in (roc_area, average_precision, equal_error_rate, lambda r: tpr_at_fpr(r, 0.1)):
        assert figure(weighted)[0] == pytest.approx(figure(repeated)[0], abs=1e-12)
