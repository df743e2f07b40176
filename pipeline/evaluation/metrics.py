"""How good scores are: the figures of one set of rows, and of many weightings of it at once.

Every figure takes a matrix of row weights (resamples, n): a bootstrap resample is only the number of
times that each group was drawn, so no row is ever copied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.ranking import (
    Floats,
    average_precision,
    divide,
    equal_error_rate,
    rank,
    roc_area,
    tpr_at_fpr,
)

FPR_BOUNDS = {"1e-2": 1e-2, "5e-3": 5e-3, "1e-3": 1e-3}
RANKED = ("auc", *(f"tpr_at_fpr_{name}" for name in FPR_BOUNDS), "ap", "eer")
PROBABILISTIC = ("brier", "ece", "log_loss")
METRICS = RANKED + PROBABILISTIC
ECE_BINS = 15
SMALLEST = 1e-15  # probabilities are kept this far from 0 and 1 in the log loss


def auc(target: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve of one set of rows.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Higher for fakes.

    Returns
    -------
    float
        Probability that a fake scores above a real, ties counted half; NaN without both classes.

    References
    ----------
    Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    return float(roc_area(rank(target, score))[0])


def calibration_bins(score: ArrayLike, bins: int = ECE_BINS) -> NDArray[np.int64]:
    """Put scores into equally filled bins by their rank; tied scores share one bin.

    Parameters
    ----------
    score : array, shape (n,)
        Probabilities.
    bins : int
        How many bins.

    Returns
    -------
    int64 array, shape (n,)
        Bin of each row, from 0.
    """
    s = np.asarray(score, dtype=np.float64)
    _, where, counts = np.unique(s, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.minimum(middle * bins / max(len(s), 1), bins - 1).astype(np.int64)[where]


def _probabilistic(target: Floats, score: Floats, weights: Floats) -> dict[str, Floats]:
    """Brier score (Brier 1950), ECE (Naeini et al. 2015) and log loss. The bins of the ECE are the whole sample's."""
    total = weights.sum(1)
    member = np.eye(ECE_BINS)[calibration_bins(score)]
    gaps = np.abs(weights @ (member * (target - score)[:, None])).sum(1)
    p = np.clip(score, SMALLEST, 1 - SMALLEST)
    loss = -np.where(target == 1, np.log(p), np.log1p(-p))
    return {
        "brier": divide(weights @ (score - target) ** 2, total),
        "ece": divide(gaps, total),
        "log_loss": divide(weights @ loss, total),
    }


def all_metrics(target: ArrayLike, score: ArrayLike, weights: Floats | None = None) -> dict[str, Floats]:
    """Every figure of `METRICS`.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.
    weights : float64 array, shape (resamples, n), optional
        Ones in a single row when None.

    Returns
    -------
    dict of float64 arrays, shape (resamples,)
        By name; NaN where a class has no weight.

    References
    ----------
    Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2 (Brier score).
    Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602 (expected calibration error).
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    w = np.ones((1, len(y))) if weights is None else weights
    ranking = rank(y, s, w)
    ranked = {
        "auc": roc_area(ranking),
        **{f"tpr_at_fpr_{name}": tpr_at_fpr(ranking, bound) for name, bound in FPR_BOUNDS.items()},
        "ap": average_precision(ranking),
        "eer": equal_error_rate(ranking),
    }
    return ranked | _probabilistic(y, s, w)
