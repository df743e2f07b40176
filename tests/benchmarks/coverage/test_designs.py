"""Drawn data are what the design says, and the truths are those of the normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

from benchmarks.coverage.designs import (
    TIMID,
    Design,
    designs,
    draw,
    forecast,
    probability,
    threshold_designs,
    too_sure,
    truth,
)
from pipeline.evaluation.metrics import TPR_BOUNDS, auc


@pytest.mark.parametrize("classes", ["apart", "both", "some"])
@pytest.mark.parametrize("unequal", [False, True])
def test_counts_and_groups(classes, unequal):
    design = Design(900, 30, correlation=0.5, unequal=unequal, classes=classes, shift=2.0)
    sample = draw(design, np.random.default_rng(0))
    assert np.bincount(sample.target).tolist() == [900, 900]
    real, fake = (set(sample.groups[sample.target == side]) for side in (0, 1))
    assert len(real | fake) == 30
    assert len(real & fake) == {"apart": 0, "both": 30, "some": 10}[classes]
    sizes = np.bincount(sample.groups[sample.target == 0])
    assert (len(set(sizes[sizes > 0])) > 1) == unequal


def test_truth_is_what_many_images_have():
    design = Design(1000, 1000, correlation=0.0, unequal=False, classes="both", shift=1.5)
    samples = [draw(design, np.random.default_rng(seed)) for seed in range(100)]
    target, score = (np.concatenate([getattr(s, name) for s in samples]) for name in ("target", "score"))
    p, known = probability(score, design), truth(design, TPR_BOUNDS)
    assert auc(target, score) == pytest.approx(known["auc"], abs=0.005)
    assert average_precision_score(target, score) == pytest.approx(known["ap"], abs=0.005)
    assert brier_score_loss(target, p) == pytest.approx(known["brier"], abs=0.002)
    assert log_loss(target, p) == pytest.approx(known["log_loss"], abs=0.005)
    assert known["tpr_at_fpr_1e-2"] == pytest.approx(norm.sf(norm.ppf(0.99) - 1.5))


def test_correlation_is_that_of_a_group():
    design = Design(2000, 1000, correlation=0.6, unequal=False, classes="both", shift=0.0)
    sample = draw(design, np.random.default_rng(0))
    pairs = sample.score[sample.target == 0].reshape(-1, 2)
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.6, abs=0.06)


def test_every_combination_or_one_of_nine():
    some, full = designs(full=False), designs(full=True)
    assert len(full) == 9 * len(some)
    assert set(some) < set(full)
    for field in ("classes", "shift"):
        assert {getattr(d, field) for d in some} == {getattr(d, field) for d in full}
    assert all(d.groups <= d.reals for d in [*full, *threshold_designs()])


def test_the_too_sure_and_the_timid_lose_the_same_on_average():
    design = Design(1000, 1000, correlation=0.0, unequal=False, classes="both", shift=1.5)
    samples = [draw(design, np.random.default_rng(seed)) for seed in range(100)]
    target, score = (np.concatenate([getattr(s, name) for s in samples]) for name in ("target", "score"))
    timid, sure, right = (
        log_loss(target, forecast(score, design, sureness=times)) for times in (TIMID, too_sure(design), 1.0)
    )
    assert sure == pytest.approx(timid, abs=0.005)
    assert right < timid - 0.02
