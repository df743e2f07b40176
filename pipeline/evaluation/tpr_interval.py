"""How sure a true-positive rate at a bound of the false-positive rate is, when images come in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv

from pipeline.evaluation.clustered import (
    COVERAGE,
    correlation_error,
    effective_count,
    latent_spread,
    members,
    spread,
    tail_correlation,
)
from pipeline.evaluation.ranking import Floats, negatives_allowed

MIN_ALLOWED = 6.0  # independent reals that may be flagged; fewer come in clumps, so the threshold is a guess
MIN_GROUPS = 30  # of reals: with fewer, nobody knows how alike the images of a group are
_ERRORS_OF_ENOUGH = 1.645  # standard errors: 95 % on one side
_POINTS = 50  # of the distribution of the threshold
_HALVINGS = 20  # of the bracket of a limit: 1e-6


@dataclass(frozen=True)
class _Class:
    """Images of one class: scores, numbers of their groups, images by group, correlation of ranks within a group."""

    score: Floats
    member: NDArray[np.int64]
    sizes: NDArray[np.int64]
    correlation: float

    @classmethod
    def of(cls, score: Floats, member: NDArray[np.int64]) -> _Class:
        sizes = np.bincount(member)
        return cls(score, member, sizes, latent_spread(score, member, len(sizes)).correlation)

    @property
    def groups(self) -> int:
        return int(np.count_nonzero(self.sizes))

    def independent(self, flagged: NDArray[np.bool_], share: float, *, errors: float = 0.0) -> float:
        """Independent images that would know as well which share is flagged.

        Parameters
        ----------
        flagged : bool array, shape (n,)
        share : float
            Of the images that is meant to be flagged.
        errors : float
            By how many of its standard errors the correlation of ranks is taken to be higher than it was found.
        """
        seen = spread(flagged.astype(np.float64), self.member, len(self.sizes)).correlation
        alike = self.correlation + errors * correlation_error(self.sizes, self.correlation)
        correlation = max(seen, tail_correlation(share, min(alike, 1.0)))
        return min(effective_count(self.sizes, correlation), float(len(self.score)))


def tpr_intervals(
    target: ArrayLike, score: ArrayLike, groups: ArrayLike, bounds: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Highest TPR among the thresholds whose FPR is at most a bound, with a 95 % interval, for several bounds.

    Two things are uncertain: where the threshold is that the share `bound` of all reals exceeds, and the share of fakes
    above it. Both are binomial, so each has a beta distribution (Jeffreys' [1]_: the quantile's gives an interval of
    thresholds, Woodruff [2]_); the interval holds the middle 95 % of the mixture. Images of a group count as fewer
    independent ones (Korn and Graubard [3]_): their correlation in the tail is the observed one, or that of a normal
    distribution with the correlation of their ranks, if it is larger.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real; both are there.
    score : array, shape (n,)
        Higher for fakes.
    groups : array, shape (n,)
        Label of what is drawn together.
    bounds : mapping of str to float
        Highest false-positive rates, by name.

    Returns
    -------
    dict of dict
        By name: value, low, high, negatives_allowed. value is None where no real may be flagged, for the share of fakes above
        the highest real is another, larger figure; low and high are None where the reals are too few; `note` says so.

    References
    ----------
    .. [1] Brown, Cai and DasGupta 2001, doi:10.1214/ss/1009213286.
    .. [2] Woodruff 1952, doi:10.1080/01621459.1952.10483443.
    .. [3] Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts
       estimated from survey data", Survey Methodology 24(2), 193-201.
    """
    y, s, member = np.asarray(target), np.asarray(score, dtype=np.float64), members(groups)
    real, fake = (_Class.of(s[y == side], member[y == side]) for side in (0, 1))
    falling, rising = np.sort(real.score)[::-1], np.sort(fake.score)
    return {name: _at_bound(real, fake, falling, rising, bound) for name, bound in bounds.items()}


def _at_bound(real: _Class, fake: _Class, falling: Floats, rising: Floats, bound: float) -> dict[str, Any]:
    count = len(falling)
    allowed = int(negatives_allowed(count, bound))
    result: dict[str, Any] = {"value": None, "low": None, "high": None, "negatives_allowed": allowed}
    if not allowed:
        return result | {"note": f"no real face of {count} may be flagged; {round(1 / bound)} are needed"}
    threshold = falling[min(allowed, count - 1)]
    found = fake.score > threshold
    value = result["value"] = float(found.mean())
    flagged = real.score > threshold
    # Where few runs find enough of them, those have found too many: what is asked for is there with some certainty.
    at_least = real.independent(flagged, bound, errors=_ERRORS_OF_ENOUGH)
    if at_least * bound < MIN_ALLOWED or real.groups < MIN_GROUPS:
        return result | {"note": _too_few(count, at_least, real.groups, bound)}
    reals = real.independent(flagged, bound)
    low, high = _limits(falling, rising, reals=reals, fakes=fake.independent(found, value), bound=bound)
    return result | {"low": min(low, value), "high": max(high, value)}


def _limits(
    falling: Floats, rising: Floats, *, reals: float, fakes: float, bound: float
) -> tuple[float, float]:
    """Limits of the middle 95 % of the TPR.

    Parameters
    ----------
    falling, rising : float64 arrays
        Scores of the reals and of the fakes, sorted.
    reals, fakes : float
        Independent ones among them.
    bound : float
        False-positive rate.
    """
    quantiles = (np.arange(_POINTS) + 0.5) / _POINTS
    flagged = betaincinv(reals * bound + 0.5, reals * (1 - bound) + 0.5, quantiles) * len(falling)
    found = 1 - np.searchsorted(rising, falling, side="right") / len(
        rising
    )  # with i reals flagged, at i + 1/2
    at = np.interp(flagged, np.append(0, np.arange(len(falling)) + 0.5), np.append(0, found))
    a, b = at * fakes + 0.5, (1 - at) * fakes + 0.5
    goal = np.array([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    low, high = np.zeros(2), np.ones(2)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_short = betainc(a[:, None], b[:, None], middle).mean(0) < goal
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return float(low[0]), float(high[1])


def _too_few(count: int, independent: float, groups: int, bound: float) -> str:
    counted = f"{count} real faces in {groups} groups are surely worth {independent:.0f} independent ones"
    needed = f"{MIN_ALLOWED / bound:.0f} in {MIN_GROUPS} groups or more are needed for an interval"
    return f"{counted}; {needed}"
