"""How good scores are: the names of the figures, and those that are one number of one set of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.ranking import Floats, rank, roc_area

FPR_BOUNDS = {"1e-2": 1e-2, "5e-3": 5e-3, "1e-3": 1e-3}
TPR_BOUNDS = {f"tpr_at_fpr_{name}": bound for name, bound in FPR_BOUNDS.items()}
RANKED = ("auc", *TPR_BOUNDS, "ap", "eer")
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


def ece(target: ArrayLike, score: ArrayLike) -> float:
    """Expected calibration error: mean gap of mean score and share of fakes over `ECE_BINS` equally filled bins.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.

    Returns
    -------
    float
        NaN without rows.

    References
    ----------
    Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602.
    """
    s = np.asarray(score, dtype=np.float64)
    if not len(s):
        return float("nan")
    gaps = np.bincount(calibration_bins(s), weights=np.asarray(target, dtype=np.float64) - s)
    return float(np.abs(gaps).sum() / len(s))


def losses(target: ArrayLike, score: ArrayLike) -> Floats:
    """Log loss of each row.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake; kept `SMALLEST` from 0 and 1.

    Returns
    -------
    float64 array, shape (n,)
    """
    p = np.clip(np.asarray(score, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return np.asarray(-np.where(np.asarray(target) == 1, np.log(p), np.log1p(-p)), dtype=np.float64)
