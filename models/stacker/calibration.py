"""From raw scores to probabilities: Platt's calibration, with or without a prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.float64]


def platt(
    raw: Floats,
    target: NDArray[np.integer],
    weight: Floats | None = None,
    *,
    spread: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Platt's logistic calibration [1]_: p = expit(slope * raw + offset), by maximum likelihood.

    Parameters
    ----------
    raw : float64 array, shape (n,)
        Log-odds.
    target : int array, shape (n,)
        0 or 1.
    weight : float64 array, shape (n,), optional
        Of the rows; ones without it.
    spread : tuple of 2 floats, optional
        Standard deviations of a normal prior about slope 1 and offset 0 (maximum a posteriori, so that few
        rows correct little). Without it the targets are Platt's smoothed ones, so that separable data stay
        finite.

    Returns
    -------
    slope, offset : float
        The slope is at least 1e-3, so that the order of the scores never changes.

    References
    ----------
    .. [1] Platt 1999, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized
       Likelihood Methods"
    """
    weights = np.ones(len(raw)) if weight is None else weight
    positives = int(target.sum())
    negatives = len(target) - positives
    goal = np.where(target == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    precision = np.zeros(2)
    if spread is not None:
        goal, precision = target.astype(np.float64), 1 / np.square(spread) / max(len(raw), 1)

    def loss(theta: Floats) -> tuple[float, Floats]:
        logit = theta[0] * raw + theta[1]
        error = weights * (expit(logit) - goal)
        losses = weights * (np.logaddexp(0, logit) - goal * logit)
        shift = theta - (1.0, 0.0)
        gradient = np.array([(error * raw).mean(), error.mean()]) + precision * shift
        return float(losses.mean() + (precision * shift**2).sum() / 2), gradient

    best = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    )
    return float(best.x[0]), float(best.x[1])
