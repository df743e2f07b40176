"""From the experts' log-likelihood ratios to one raw score: a mixture of the kinds that a fake may be of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.kinds import LABELLED

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """raw = log sum_k shares_k exp(r_k): the log-likelihood ratio of a fake whose kind is not known.

    By Bayes' rule for fakes of several kinds, one expert that is sure is enough, and what an expert says of reals and fakes
    alike moves no order.

    Attributes
    ----------
    shares : float64 array, shape (experts,)
        Of the kinds among all fakes, above 0; they add up to 1.
    """

    shares: Floats

    @classmethod
    def of(cls, kinds: Sequence[str], *, unlabelled_share: float) -> Fusion:
        """Shares of kinds: nobody knows which of those without a label comes, so all of them have the same.

        Parameters
        ----------
        kinds : sequence of str
            Of the experts.
        unlabelled_share : float
            Of all other kinds than the labelled fakes together, between 0 and 1; without labelled ones they have all.
        """
        others = sum(kind != LABELLED for kind in kinds)
        rest = unlabelled_share if others < len(kinds) else 1.0
        labelled = 1 - rest if others else 1.0
        return cls(np.array([labelled if kind == LABELLED else rest / others for kind in kinds]))

    def __call__(self, log_likelihood_ratios: Floats) -> Floats:
        """Raw score, log-odds of fake where real and fake are alike frequent.

        Parameters
        ----------
        log_likelihood_ratios : float64 array, shape (n, experts)

        Returns
        -------
        float64 array, shape (n,)
            Rising with every ratio; 0 where all of them are.
        """
        parts = log_likelihood_ratios + np.log(self.shares)
        return np.asarray(np.logaddexp.reduce(parts, axis=1), dtype=np.float64)

    def terms(self, log_likelihood_ratios: Floats, base: ArrayLike = 0.0) -> Floats:
        """What each expert adds to the raw score that the base values have.

        Shapley's value [1]_ of each expert in the game whose players change from base value to ratio, over all 2^experts
        coalitions.

        Parameters
        ----------
        log_likelihood_ratios : float64 array, shape (n, experts)
        base : array that broadcasts to that shape
            What each expert would say else; that it knows nothing by default.

        Returns
        -------
        float64 array, shape (n, experts)
            A row adds up to the raw score less that of its base values.

        References
        ----------
        .. [1] Shapley 1953, "A value for n-person games", doi:10.1515/9781400881970-018
        """
        without = np.broadcast_to(np.asarray(base, dtype=np.float64), log_likelihood_ratios.shape)
        experts = len(self.shares)
        scores = {
            chosen: self(np.where(chosen, log_likelihood_ratios, without))
            for chosen in product((False, True), repeat=experts)
        }
        terms = np.zeros(log_likelihood_ratios.shape)
        for chosen, score in scores.items():
            size = sum(chosen)
            for k in range(experts):
                if chosen[k]:
                    weight = factorial(size - 1) * factorial(experts - size) / factorial(experts)
                    terms[:, k] += weight * (score - scores[(*chosen[:k], False, *chosen[k + 1 :])])
        return terms
