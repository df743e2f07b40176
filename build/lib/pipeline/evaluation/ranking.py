"""How well scores order images: counts above each threshold, and the figures that rest on the order alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Counts above each distinct score, from none to all; one row per weighting.

    Attributes
    ----------
    tps, fps : float64 arrays, shape (resamples, thresholds + 1)
        Weighted positives and negatives at or above each threshold.
    """

    tps: Floats
    fps: Floats

    @property
    def positives(self) -> Floats:
        """Weighted number of positives, (resamples,)."""
        return self.tps[:, -1]

    @property
    def negatives(self) -> Floats:
        """Weighted number of negatives, (resamples,)."""
        return self.fps[:, -1]


def rank(target: ArrayLike, score: ArrayLike, weights: Floats | None = None) -> Ranking:
    """Count positives and negatives by falling score, tied scores together.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Finite, higher for fakes.
    weights : float64 array, shape (resamples, n), optional
        Ones in a single row when None.

    Returns
    -------
    Ranking
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    w = np.ones((1, len(y))) if weights is None else weights
    order = np.argsort(-s, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(s[order]) != 0, True)) if len(s) else np.array([], int)
    w, y = w[:, order], y[order]
    start = np.zeros((len(w), 1))
    tps, fps = (np.cumsum(w * side, axis=1)[:, ends] for side in (y, 1 - y))
    return Ranking(tps=np.hstack([start, tps]), fps=np.hstack([start, fps]))


def roc_area(ranking: Ranking) -> Floats:
    """Area under the ROC curve for each weighting.

    Parameters
    ----------
    ranking : Ranking
        As `rank` returns it.

    Returns
    -------
    float64 array, shape (resamples,)
        By trapezoids, so that ties count half; NaN without both classes.
    """
    area = np.diff(ranking.fps) * (ranking.tps[:, 1:] + ranking.tps[:, :-1]) / 2
    return divide(area.sum(1), ranking.positives * ranking.negatives)


def negatives_allowed(negatives: ArrayLike, bound: float) -> Floats:
    """How many negatives may be flagged at a false-positive rate of at most `bound`.

    Parameters
    ----------
    negatives : array or number
        How many there are, weighted.
    bound : float
        Highest false-positive rate.
    """
    return np.floor(np.asarray(negatives, dtype=np.float64) * bound + 1e-9)


def tpr_at_fpr(ranking: Ranking, bound: float) -> Floats:
    """Highest TPR among the thresholds whose FPR is at most a bound; no interpolation.

    Parameters
    ----------
    ranking : Ranking
        As `rank` returns it.
    bound : float
        Highest false-positive rate.

    Returns
    -------
    float64 array, shape (resamples,)
        NaN without both classes.
    """
    allowed = negatives_allowed(ranking.negatives, bound)
    last = (ranking.fps <= allowed[:, None]).sum(1) - 1
    best = np.take_along_axis(ranking.tps, last[:, None], axis=1)[:, 0]
    return np.where(ranking.negatives > 0, divide(best, ranking.positives), np.nan)


def average_precision(ranking: Ranking) -> Floats:
    """Sum of precision × step of recall over the distinct scores, not interpolated.

    Parameters
    ----------
    ranking : Ranking
        As `rank` returns it.

    Returns
    -------
    float64 array, shape (resamples,)
        NaN without both classes.
    """
    flagged = ranking.tps + ranking.fps
    precision = np.divide(ranking.tps, flagged, out=np.zeros_like(flagged), where=flagged > 0)
    total = (np.diff(ranking.tps) * precision[:, 1:]).sum(1)
    return np.where(ranking.negatives > 0, divide(total, ranking.positives), np.nan)


def equal_error_rate(ranking: Ranking) -> Floats:
    """Error where FPR = 1 - TPR, on the straight lines between the ROC points.

    Parameters
    ----------
    ranking : Ranking
        As `rank` returns it.

    Returns
    -------
    float64 array, shape (resamples,)
        NaN without both classes.
    """
    fpr = divide(ranking.fps, ranking.negatives[:, None])
    tpr = divide(ranking.tps, ranking.positives[:, None])
    gap = fpr + tpr - 1  # from -1 to 1, never falling
    right = np.clip((gap < 0).sum(1), 1, max(gap.shape[1] - 1, 1))[:, None]
    if gap.shape[1] < 2:
        return np.full(len(gap), np.nan)
    before, after = (np.take_along_axis(gap, at, axis=1)[:, 0] for at in (right - 1, right))
    low, high = (np.take_along_axis(fpr, at, axis=1)[:, 0] for at in (right - 1, right))
    return low + (high - low) * divide(-before, after - before)


def divide(a: Floats, b: Floats) -> Floats:
    """Quotient of two arrays that broadcast, NaN where the divisor is 0."""
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    return np.divide(a, b, out=np.full(shape, np.nan), where=np.asarray(b) != 0)
