"""How sure an AUC is, and the difference of two on the same images, when images come in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from pipeline.evaluation.clustered import (
    Spread,
    both_above,
    members,
    normal_scores,
    resting_on,
    spread,
    two_sided,
    two_sided_p,
)
from pipeline.evaluation.ranking import Floats

# Below it, degrees of freedom that are themselves a guess decide the width, and t covers too much; with ten groups of an AUC
# near 1 it covers 90 %.
MIN_DOF = 9.5
MIN_DOF_OF_DIFFERENCE = 12.0
# Groups that a difference rests on at least: where one or two of them make most of its variance, t holds every difference.
MIN_GROUPS_OF_DIFFERENCE = 10.0
# How many degrees of freedom the binormal variance is worth where the data say more, and where they say less.
RAISED_DOF, LOWERED_DOF = 10.0, 40.0
_GRID = expit(np.linspace(-9, 9, 721))  # AUCs that an interval is sought among


@dataclass(frozen=True)
class _Sides:
    """Real and fake images, each with the number of its group; `sizes` has their counts by group."""

    scores: tuple[Floats, Floats]
    member: tuple[NDArray[np.int64], NDArray[np.int64]]
    sizes: tuple[NDArray[np.int64], NDArray[np.int64]]

    @classmethod
    def of(cls, target: ArrayLike, score: ArrayLike, groups: ArrayLike) -> _Sides:
        y, s, member = np.asarray(target), np.asarray(score, dtype=np.float64), members(groups)
        count = int(member.max(initial=-1)) + 1
        of_class = [member[y == side] for side in (0, 1)]
        return cls(
            scores=(s[y == 0], s[y == 1]),
            member=(of_class[0], of_class[1]),
            sizes=(np.bincount(of_class[0], minlength=count), np.bincount(of_class[1], minlength=count)),
        )

    @property
    def count(self) -> int:
        return len(self.sizes[0])


def auc_interval(target: ArrayLike, score: ArrayLike, groups: ArrayLike) -> dict[str, Any]:
    """AUC with a 95 % interval that whole groups and values near 1 do not spoil.

    The interval holds every AUC from which the observed one is less than t standard errors away, the error being that
    which this AUC would have (a score interval, as Newcombe [1]_ has it): so it is not symmetric, and has a width even
    where all fakes are above all reals. The error is that of two normal distributions with the groups' sizes and the
    correlations within them, which the ranks' normal scores give, drawn towards the variance of the observed placements
    (DeLong et al. [2]_, by group Obuchowski [3]_) the more, the more groups there are. t has Satterthwaite's degrees of
    freedom.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real; both are there.
    score : array, shape (n,)
        Higher for fakes.
    groups : array, shape (n,)
        Label of what is drawn together.

    Returns
    -------
    dict
        value, low, high; the last two are None where the groups are too few or too unequal, and `note` says so.

    References
    ----------
    .. [1] Newcombe 2006, doi:10.1002/sim.2324 (method 5).
    .. [2] DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595.
    .. [3] Obuchowski 1997, doi:10.2307/2533958.
    """
    sides = _Sides.of(target, score, groups)
    placements = _placements(sides)
    value = float(placements[1].mean())
    model = _Binormal(sides)
    dof = min(_joint_dof(*model.parts(np.clip(value, 0.5, _GRID[-1])), model.latent), sides.count - 1.0)
    if dof < MIN_DOF:
        return {"value": value, "low": None, "high": None, "note": too_few_groups(sides.sizes, dof)}
    expected = model.variance(np.clip(value, _GRID[0], _GRID[-1]))
    scale = _scale(float(_placement_variance(sides, placements) / expected), dof, value)
    grid = np.sort(np.append(_GRID, value))
    errors = (grid - value) / np.sqrt(scale * model.variance(grid))
    low, high = _crossings(grid, errors, two_sided(dof))
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def _crossings(grid: Floats, errors: Floats, reach: float) -> tuple[float, float]:
    """AUCs at which the observed one is `reach` standard errors away, between points of the grid by a straight line.

    Parameters
    ----------
    grid : float64 array, shape (points,)
        AUCs in rising order, the observed one among them.
    errors : float64 array, shape (points,)
        How many standard errors each lies above the observed one.
    reach : float

    Returns
    -------
    low, high : float
        0 and 1 where no point of the grid is so far away.
    """
    inside = np.flatnonzero(np.abs(errors) <= reach)
    first, last = inside[0], inside[-1]
    low, high = 0.0, 1.0
    if first > 0:
        low = float(np.interp(-reach, errors[first - 1 : first + 1], grid[first - 1 : first + 1]))
    if last < len(grid) - 1:
        high = float(np.interp(reach, errors[last : last + 2], grid[last : last + 2]))
    return low, high


def _scale(ratio: float, dof: float, value: float) -> float:
    """How far the binormal variance is drawn towards the observed one, `ratio` times as large.

    Where the observed one is smaller, groups with errors may merely not have been drawn: it is trusted less, and the less
    the nearer the AUC is to 0 or 1.
    """
    known, worth = (dof, RAISED_DOF) if ratio > 1 else (4 * value * (1 - value) * dof, LOWERED_DOF)
    return (worth + known * ratio) / (worth + known)


def auc_difference(target: ArrayLike, score: ArrayLike, base: ArrayLike, groups: ArrayLike) -> dict[str, Any]:
    """AUC of one score minus that of another on the same images, with its paired 95 % interval.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,) or (repeats, n)
        Higher for fakes; of several, the mean of their AUCs counts.
    base : array, shape (n,)
        The other score.
    groups : array, shape (n,)
        Label of what is drawn together.

    Returns
    -------
    dict
        value, low, high, and p of the two-sided test that there is no difference: None where an AUC has no value, or the
        groups that differ are too few for an interval.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595, with the groups' sums of Obuchowski 1997,
    doi:10.2307/2533958, and Student's t with Satterthwaite's degrees of freedom.
    """
    repeats, other = np.atleast_2d(np.asarray(score, dtype=np.float64)), _Sides.of(target, base, groups)
    if not all(len(scores) for scores in other.scores):
        return _difference(None)
    if (repeats == np.asarray(base)).all():
        return _difference(0.0, half=0.0, p=1.0)
    gaps = _mean_gaps([_Sides.of(target, one, groups) for one in repeats], other)
    value = float(gaps[1].mean())
    if not any(gap.any() for gap in gaps):
        return _difference(0.0)  # both find the same, as where both are perfect: that says nothing of others
    parts = [spread(gap, member, other.count) for gap, member in zip(gaps, other.member, strict=True)]
    dof = min(_joint_dof(parts[0].variance, parts[1].variance, parts), other.count - 1.0)
    totals = parts[1].totals + parts[0].totals
    if dof < MIN_DOF_OF_DIFFERENCE or resting_on(totals) < MIN_GROUPS_OF_DIFFERENCE:
        return _difference(value)
    error = float(np.linalg.norm(totals))
    return _difference(value, half=two_sided(dof) * error, p=two_sided_p(value / error, dof))


def _difference(value: float | None, *, half: float | None = None, p: float | None = None) -> dict[str, Any]:
    if value is None or half is None:
        return {"value": value, "low": None, "high": None, "p": None}
    return {"value": value, "low": value - half, "high": value + half, "p": p}


def _mean_gaps(repeats: list[_Sides], base: _Sides) -> tuple[Floats, Floats]:
    """Placements of the reals and of the fakes less those of the base, mean over the repeats."""
    known = _placements(base)
    placed = [_placements(sides) for sides in repeats]
    real, fake = (np.mean([one[side] for one in placed], axis=0) - known[side] for side in (0, 1))
    return real, fake


def too_few_groups(sizes: tuple[NDArray[np.int64], NDArray[np.int64]], dof: float) -> str:
    """Why there is no interval, in words."""
    real, fake = (int(np.count_nonzero(side)) for side in sizes)
    return (
        f"{real} groups with a real face and {fake} with a deepfake are too few or too unequal in size for an interval: "
        f"{max(dof, 0):.1f} degrees of freedom, {MIN_DOF:.0f} are needed"
    )


def _placements(sides: _Sides) -> tuple[Floats, Floats]:
    """Of each real the share of fakes above it, of each fake the share of reals below it; ties count half."""
    real, fake = sides.scores
    above = 1 - _below(np.sort(fake), real)
    return above, _below(np.sort(real), fake)


def _below(ordered: Floats, values: Floats) -> Floats:
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))  # type: ignore[call-overload]
    return np.asarray((left + right) / 2 / len(ordered), dtype=np.float64)


def _placement_variance(sides: _Sides, placements: tuple[Floats, Floats]) -> float:
    """Variance of the AUC from how the groups' placements vary, shared groups included."""
    parts = [
        spread(values, member, sides.count) for values, member in zip(placements, sides.member, strict=True)
    ]
    return float(np.square(parts[0].totals + parts[1].totals).sum())


def _joint_dof(real: float, fake: float, parts: list[Spread]) -> float:
    """Satterthwaite's degrees of freedom of the sum of two variances."""
    if min(part.dof for part in parts) <= 0:
        return 0.0
    return float((real + fake) ** 2 / max(real**2 / parts[0].dof + fake**2 / parts[1].dof, 1e-300))


class _Binormal:
    """Variance that an AUC would have if the scores of both classes were normal, in groups of these sizes."""

    def __init__(self, sides: _Sides) -> None:
        latent = [normal_scores(score) for score in sides.scores]
        known = list(zip(latent, sides.member, strict=True))
        self.latent = [spread(scores, member, sides.count) for scores, member in known]
        real, fake = (size.astype(np.float64) for size in sides.sizes)
        self.n = real.sum(), fake.sum()
        self.pairs = (real * (real - 1)).sum(), (fake * (fake - 1)).sum()
        self.shared = (real * fake).sum()
        self.within = self.latent[0].correlation, self.latent[1].correlation
        sums = [np.bincount(member, weights=scores, minlength=sides.count) for scores, member in known]
        between = (sums[0] * sums[1]).sum() / max(self.shared, 1)
        self.between = float(np.clip(between, 0, np.sqrt(self.within[0] * self.within[1])))

    def parts(self, value: ArrayLike) -> tuple[Any, Any]:
        """Variance at an AUC by the draw of the reals, and by that of the fakes."""
        miss = 1 - np.asarray(value, dtype=np.float64)
        single = both_above(miss, 0.5) - miss**2
        real, fake = (
            (n * single + pairs * (both_above(miss, within / 2) - miss**2)) / n**2
            for n, pairs, within in zip(self.n, self.pairs, self.within, strict=True)
        )
        return real, fake

    def variance(self, value: ArrayLike) -> Floats:
        """Variance at an AUC, shared groups included."""
        miss = 1 - np.asarray(value, dtype=np.float64)
        together = both_above(miss, -self.between / 2) - miss**2
        both = sum(self.parts(value)) + 2 * self.shared * together / (self.n[0] * self.n[1])
        return np.asarray(np.maximum(both, 1e-15), dtype=np.float64)
