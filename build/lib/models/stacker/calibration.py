"""From raw scores to probabilities: Platt's calibration, and logistic regression with weights of at least 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

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

    best = _minimum(loss, np.array([1.0, 0.0]), bounds=[(1e-3, None), (None, None)])
    return float(best[0]), float(best[1])


def at_prior(probability: Floats | float, *, trained: float, wanted: float) -> Floats:
    """Probabilities for another mix of the classes: the log-odds shift by those of the mixes [1]_.

    It holds where only the share of fakes differs, not what reals and fakes look like.

    Parameters
    ----------
    probability : float64 array of any shape, or float
        For the mix `trained`.
    trained, wanted : float
        Shares of fakes, between 0 and 1.

    Returns
    -------
    float64 array
        0 and 1 stay as they are, and so does the order.

    References
    ----------
    .. [1] Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446
    """
    shift = logit(wanted) - logit(trained)
    return np.asarray(expit(logit(probability) + shift), dtype=np.float64)


def nonnegative_logistic(
    terms: Floats, target: NDArray[np.integer], weight: Floats, *, ridge: float
) -> tuple[float, Floats]:
    """Logistic regression whose weights are at least 0, by penalised maximum likelihood.

    Parameters
    ----------
    terms : float64 array, shape (n, k)
        What may only raise the log-odds.
    target : int array, shape (n,)
        0 or 1.
    weight : float64 array, shape (n,)
        Of the rows.
    ridge : float
        Penalty of the squared weights, beside the mean loss: separable rows keep finite weights.

    Returns
    -------
    float
        The intercept.
    float64 array, shape (k,)
    """
    share = weight / weight.sum()

    def loss(theta: Floats) -> tuple[float, Floats]:
        raw = theta[0] + terms @ theta[1:]
        error = share * (expit(raw) - target)
        losses = share @ (np.logaddexp(0, raw) - target * raw) + ridge * (theta[1:] ** 2).sum() / 2
        gradient = np.concatenate([[error.sum()], error @ terms + ridge * theta[1:]])
        return float(losses), gradient

    start = np.concatenate([[0.0], np.full(terms.shape[1], 1 / max(terms.shape[1], 1))])
    bounds = [(None, None)] + [(0.0, None)] * terms.shape[1]
    best = _minimum(loss, start, bounds=bounds)
    return float(best[0]), np.asarray(best[1:], dtype=np.float64)


def _minimum(
    loss: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    *,
    bounds: Sequence[tuple[float | None, float | None]],
) -> Floats:
    """Where a loss, given with its gradient, is least."""
    from scipy.optimize import minimize  # takes a quarter of a second, and who scores needs it not

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=np.float64)
