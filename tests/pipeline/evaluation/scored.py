"""Random targets and scores, and one figure of them."""

from __future__ import annotations

import numpy as np

from pipeline.evaluation import metrics, ranking


def scored(n=400, seed=0, ties=True):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 2, n)
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + 1.2 * target - 0.6)))
    return target, np.round(score, 2) if ties else score


def one(name, target, score):
    if name in ("ece", "auc"):
        return getattr(metrics, name)(target, score)
    ranked = ranking.rank(target, score)
    if name in metrics.TPR_BOUNDS:
        return ranking.tpr_at_fpr(ranked, metrics.TPR_BOUNDS[name])[0]
    return {"ap": ranking.average_precision, "eer": ranking.equal_error_rate}[name](ranked)[0]
