"""From the experts' log-likelihood ratios to one raw score: evidence for and against, each with a fitted weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.stacker.calibration import nonnegative_logistic

Floats = NDArray[np.float64]
_RIDGE = 1e-3


@dataclass(frozen=True)
class Fusion:
    """raw = bias + sum_k (f_k softplus(r_k) - a_k softplus(-r_k)), with f_k and a_k at least 0.

    An expert that sees nothing of its kind adds almost nothing, so one that is sure is enough; an expert that learned
    nothing gets no weight. Evidence against has a weight of its own: that an image shows no trace of one kind says
    little where it may be of another.

    Attributes
    ----------
    bias : float
        Log-odds of an image about which no expert says anything.
    evidence_for, evidence_against : float64 array, shape (experts,)
        f and a.
    """

    bias: float
    evidence_for: Floats
    evidence_against: Floats

    def __call__(self, log_likelihood_ratios: Floats) -> Floats:
        """Raw score, log-odds of fake.

        Parameters
        ----------
        log_likelihood_ratios : float64 array, shape (n, experts)

        Returns
        -------
        float64 array, shape (n,)
        """
        return np.asarray(self.bias + self.terms(log_likelihood_ratios).sum(axis=1), dtype=np.float64)

    def terms(self, log_likelihood_ratios: Floats) -> Floats:
        """What each expert adds to the raw score.

        Parameters
        ----------
        log_likelihood_ratios : float64 array, shape (n, experts)

        Returns
        -------
        float64 array, shape (n, experts)
            Rising with the expert's ratio.
        """
        up, down = _softplus(log_likelihood_ratios), _softplus(-log_likelihood_ratios)
        return np.asarray(self.evidence_for * up - self.evidence_against * down)

    @classmethod
    def fit(
        cls,
        log_likelihood_ratios: Floats,
        target: NDArray[np.integer],
        weight: Floats,
        *,
        speaks_against: NDArray[np.bool_],
    ) -> Fusion:
        """Logistic regression with weights of at least 0, by maximum likelihood.

        Parameters
        ----------
        log_likelihood_ratios : float64 array, shape (n, experts)
            Out of fold.
        target : int array, shape (n,)
            0 or 1.
        weight : float64 array, shape (n,)
            Of the rows.
        speaks_against : bool array, shape (experts,)
            Whose evidence against may count. That an image shows no trace of a made-up forgery says nothing about others.

        Returns
        -------
        Fusion
        """
        down = -_softplus(-log_likelihood_ratios[:, speaks_against])
        terms = np.hstack([_softplus(log_likelihood_ratios), down])
        bias, weights = nonnegative_logistic(terms, target, weight, ridge=_RIDGE)
        experts = log_likelihood_ratios.shape[1]
        against = np.zeros(experts)
        against[speaks_against] = weights[experts:]
        return cls(bias, weights[:experts], against)


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0, x), dtype=np.float64)
