"""Random targets and scores, and one figure of them."""

from __future__ import annotations

import numpy as np

from pipeline.evaluation import metrics


def scored(n=400, seed=0, ties=True):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 2, n)
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + 1.2 * target - 0.6)))
    return target, np.round(score, 2) if ties else score


def one(name, target, score):
    return metrics.all_metrics(target, score)[name][0]
