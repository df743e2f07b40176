"""How uncertain a mean is whose values come in groups: its variance and what that variance is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, owens_t
from scipy.stats import rankdata
from scipy.stats import t as student

from pipeline.evaluation.ranking import Floats

COVERAGE = 0.95
MIN_DOF_OF_LOSSES = (
    14.0  # of a mean of losses or of their differences; with fewer, large errors may just not have been drawn
)


@dataclass(frozen=True)
class Spread:
    """Sampling error of a mean over rows that come in whole groups.

    Attributes
    ----------
    totals : float64 array, shape (groups,)
        What each group adds to the error; its squares add up to the variance.
    variance : float
        Of the mean.
    dof : float
        Degrees of freedom of the variance: independent groups of one size that would know it as well, less one.
    correlation : float
        Of two values of one group, 0 to 1.
    """

    totals: Floats
    variance: float
    dof: float
    correlation: float

    @property
    def dof_of_losses(self) -> float:
        """Degrees of freedom where few values are large: no more than the groups that make the variance, less one."""
        return min(self.dof, max(resting_on(self.totals) - 1, 0))


def resting_on(totals: Floats) -> float:
    """Groups of one size that would make a variance as surely as those with these totals: 1 where a single one makes it.

    Parameters
    ----------
    totals : float64 array, shape (groups,)
        What each group adds to the error, as `Spread` has it.
    """
    squares = np.square(totals)
    return float(squares.sum() ** 2 / max(float(np.square(squares).sum()), 1e-300))


def members(groups: ArrayLike) -> NDArray[np.int64]:
    """Number of each row's group, from 0; int64, shape (n,)."""
    labels = np.asarray(groups)
    labels = (
        labels if labels.dtype.kind == "i" else labels.astype(str)
    )  # whole numbers sort ten times as fast
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def spread(values: Floats, member: NDArray[np.int64], count: int) -> Spread:
    """Sampling error of the mean of values that come in groups.

    The squared sums of the groups' residuals are unbiased whatever the groups' sizes and the correlation within
    them (bias-reduced linearisation [1]_ under an exchangeable working correlation), and so are the degrees of
    freedom Satterthwaite's [2]_.

    Parameters
    ----------
    values : float64 array, shape (n,)
        What the mean is of.
    member : int64 array, shape (n,)
        Number of each value's group.
    count : int
        Groups there are, those without a value included.

    Returns
    -------
    Spread
        dof is 0 where fewer than two groups have values.

    References
    ----------
    .. [1] Bell and McCaffrey 2002, "Bias reduction in standard errors for linear regression with multi-stage
       samples", Survey Methodology 28(2), 169-181.
    .. [2] Satterthwaite 1946, doi:10.2307/3002019.
    """
    n = len(values)
    sizes = np.bincount(member, minlength=count).astype(np.float64)
    if np.count_nonzero(sizes) < 2:
        return Spread(np.zeros(count), 0.0, 0.0, 0.0)
    residual = values - values.mean()
    sums: Floats = np.bincount(member, weights=residual, minlength=count).astype(np.float64)
    correlation = _correlation(residual, sums, sizes)
    expected = sizes * (1 + (sizes - 1) * correlation)  # variance of a group's sum, in units of a value's
    share, total = sizes / n, expected.sum()
    kept = np.divide(share**2 * total, expected, out=np.zeros(count), where=expected > 0)
    scale = np.sqrt(np.maximum(1 - 2 * share + kept, 1e-12))
    totals = sums / n / scale
    return Spread(totals, float((totals**2).sum()), _dof(expected, share, scale), correlation)


def _correlation(residual: Floats, sums: Floats, sizes: Floats) -> float:
    """Correlation of two values of one group, by moments, kept within 0 and 1."""
    pairs, square = (sizes * (sizes - 1)).sum(), (residual**2).mean()
    if not pairs or not square:
        return 0.0
    return float(np.clip(((sums**2).sum() - (residual**2).sum()) / (pairs * square), 0, 1))


def _dof(expected: Floats, share: Floats, scale: Floats) -> float:
    """Satterthwaite's degrees of freedom of a sum of squared, correlated residuals: trace² / trace of the square."""
    total = expected.sum()
    a, b, own = share / scale, expected / scale, expected / scale**2
    ab, aa, bb = a @ b, a @ a, b @ b
    square = (own**2).sum() + 2 * (ab**2 + aa * bb) - 4 * total * ab * aa + (total * aa) ** 2
    square += 2 * (own * (total * a**2 - 2 * a * b)).sum()
    trace = (own - 2 * a * b + total * a**2).sum()
    return float(trace**2 / square)


def two_sided(dof: float) -> float:
    """Student's t beyond which `COVERAGE` is lost on both sides together."""
    return float(student.ppf((1 + COVERAGE) / 2, dof))


def two_sided_p(t: float, dof: float) -> float:
    """Chance that Student's t is at least as far from 0, on either side."""
    return float(2 * student.sf(abs(t), dof))


def latent_spread(score: Floats, member: NDArray[np.int64], count: int) -> Spread:
    """Spread of the normal scores of a score's ranks: how alike a group is, without a weight on the few odd images.

    Parameters
    ----------
    score : float64 array, shape (n,)
        Of the images of one class.
    member, count
        As in `spread`.
    """
    return spread(normal_scores(score), member, count)


def normal_scores(score: Floats) -> Floats:
    """Quantiles of the normal distribution at a score's ranks, float64, shape (n,); tied scores share one."""
    return np.asarray(ndtri((rankdata(score) - 0.5) / max(len(score), 1)), dtype=np.float64)


def effective_count(sizes: NDArray[np.integer], correlation: float) -> float:
    """Independent values whose mean is as sure as that of values in groups (Kish 1965, "Survey sampling").

    Parameters
    ----------
    sizes : int array, shape (groups,)
        Values of each group.
    correlation : float
        Of two values of one group.
    """
    m = sizes.astype(np.float64)
    return float(m.sum() ** 2 / max((m * (1 + (m - 1) * correlation)).sum(), 1))


def correlation_error(sizes: NDArray[np.integer], correlation: float) -> float:
    """Standard error of the correlation that `spread` finds within groups of these sizes, for normal values.

    The estimate is a ratio of quadratic forms; the error is that of its linear part. With groups of one size it is Fisher's
    [1]_.

    Parameters
    ----------
    sizes : int array, shape (groups,)
        Values of each group; 0 for a group without any.
    correlation : float

    References
    ----------
    .. [1] Fisher 1925, "Statistical methods for research workers", section 40.
    """
    m = sizes[sizes > 0].astype(np.float64)
    pairs = (m * (m - 1)).sum()
    if len(m) < 2 or not pairs:
        return 0.0
    by_variance = correlation * pairs / m.sum()
    along = (m - 1 - by_variance) * (1 + (m - 1) * correlation)  # the eigenvalues of each group's form
    across = (1 + by_variance) * (1 - correlation)
    return float(np.sqrt(2 * (along**2 + (m - 1) * across**2).sum()) / pairs)


def both_above(share: ArrayLike, correlation: ArrayLike) -> Floats:
    """Chance that two normal variables of a given correlation are both above the point that `share` of each exceeds.

    References
    ----------
    Owen 1956, doi:10.1214/aoms/1177728074.
    """
    p, r = np.asarray(share, dtype=np.float64), np.clip(np.asarray(correlation, np.float64), -1, 1)
    with np.errstate(divide="ignore"):
        slope = np.sqrt((1 - r) / (1 + r))
    return np.asarray(p - 2 * owens_t(ndtri(1 - p), slope), dtype=np.float64)


def tail_correlation(share: float, correlation: float) -> float:
    """Correlation of being among the `share` highest, of two normal variables that are correlated themselves."""
    p = float(np.clip(share, 1e-4, 1 - 1e-4))
    return float(np.clip((both_above(p, correlation) - p * p) / (p * (1 - p)), 0, 1))
