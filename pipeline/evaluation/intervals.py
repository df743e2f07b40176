"""The figures of one set of rows, each with a 95 % interval that covers, or with the reason why it has none.

`python -m benchmarks.coverage` measures by simulation how often the intervals hold the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from pipeline.evaluation.auc_interval import auc_interval
from pipeline.evaluation.calibration import ece_floor
from pipeline.evaluation.clustered import MIN_DOF_OF_LOSSES, Spread, members, spread, two_sided
from pipeline.evaluation.metrics import METRICS, TPR_BOUNDS, ece, losses
from pipeline.evaluation.ranking import Floats, average_precision, equal_error_rate, rank
from pipeline.evaluation.tpr_interval import tpr_intervals

MIN_DOF = 9.5  # of AP and EER; with ten groups that are much alike they cover 90 %
FEW_GROUPS = 30  # of a class; below it a warning stands beside the figures
WEIGHTS_IN_MEMORY = 8_000_000  # weights held at once: 64 MB


def group_weights(groups: ArrayLike, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw bootstrap weights by group: as many groups as there are, with replacement.

    Parameters
    ----------
    groups : array, shape (n,)
        Label of each row's group.
    resamples : int
        How many draws.
    seed : int
        Of the draws; how they are divided among the chunks changes nothing.

    Yields
    ------
    float64 array, shape (some resamples, n)
        How often each row's group was drawn.

    References
    ----------
    Efron and Tibshirani 1993, "An introduction to the bootstrap"; whole groups as in Field and Welsh 2007,
    doi:10.1111/j.1467-9868.2007.00593.x.
    """
    member = members(groups)
    count = int(member.max()) + 1 if len(member) else 0
    generator = np.random.default_rng(seed)
    step = max(1, min(resamples, WEIGHTS_IN_MEMORY // max(len(member), 1)))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, max(count, 1), size=(size, count))
        flat = (drawn + np.arange(size)[:, None] * count).ravel()
        times = np.bincount(flat, minlength=size * count).reshape(size, count)
        yield times.astype(np.float64)[:, member]


def summary(
    target: ArrayLike, score: ArrayLike, groups: ArrayLike, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Counts and every figure with its 95 % interval, for one set of rows.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.
    groups : array, shape (n,)
        Label of what is drawn together.
    resamples : int
        How many resamples the intervals of AP and EER rest on.
    seed : int
        Of the resamples, and of the floor of the ECE.

    Returns
    -------
    dict
        n, positives, negatives, groups : counts; groups_real, groups_fake : groups with an image of the class. Each of
        `METRICS` : {value, low, high}, or None; then `reason` says why. A figure without a value or an interval has a
        `note` that says why. TPR figures also have negatives_allowed, the ECE the floor of a perfect model in place of an
        interval. warning : what to know before the intervals are read, or None.
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    labels = members(groups)
    positives, by_class = int(y.sum()), [len(np.unique(labels[y == side])) for side in (0, 1)]
    result: dict[str, Any] = {"n": len(y), "positives": positives, "negatives": len(y) - positives}
    result |= {"groups": len(np.unique(labels)), "groups_real": by_class[0], "groups_fake": by_class[1]}
    result |= {"reason": _reason(len(y), positives), "warning": None, **dict.fromkeys(METRICS)}
    if not len(y):
        return result
    if result["reason"] is None:
        result["warning"] = _warning(*by_class)
        result["auc"] = auc_interval(y, s, labels)
        result |= tpr_intervals(y, s, labels, TPR_BOUNDS)
        result |= bootstrapped(y, s, labels, resamples=resamples, seed=seed)
    result["brier"] = of_mean((s - y) ** 2, labels)
    result["log_loss"] = of_mean(losses(y, s), labels)
    result["ece"] = {"value": ece(y, s), "low": None, "high": None, **ece_floor(s, seed=seed)}
    return result


def of_mean(values: Floats, groups: ArrayLike) -> dict[str, Any]:
    """Mean of values of at least 0, with its interval: Student's t on the logarithm, by whole groups.

    Parameters
    ----------
    values : float64 array, shape (n,), n > 0
    groups : array, shape (n,)
        Label of what is drawn together.

    Returns
    -------
    dict
        value, low, high; the last two are None with a `note` where the groups are too few, too unequal, or a few hold most of the error.
    """
    member = members(groups)
    known, mean = spread(values, member, int(member.max()) + 1), float(values.mean())
    unsure = _unsure(known, mean)
    if unsure is not None:
        return {"value": mean, "low": None, "high": None, "note": unsure}
    factor = float(np.exp(two_sided(known.dof) * np.sqrt(known.variance) / mean))
    return {"value": mean, "low": mean / factor, "high": mean * factor}


def bootstrapped(
    y: Floats, s: Floats, groups: ArrayLike, *, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """AP and EER with intervals: Student's t on the log-odds, with the standard error of a bootstrap of groups.

    Parameters
    ----------
    y, s : float64 arrays, shape (n,)
        Labels, of both classes, and scores.
    groups : array, shape (n,)
        Label of what is drawn together.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    dict of dict
        ap and eer: value, low, high, and a `note` where there is no interval.
    """
    whole = rank(y, s)
    point = {"ap": float(average_precision(whole)[0]), "eer": float(equal_error_rate(whole)[0])}
    drawn: dict[str, list[Floats]] = {"ap": [], "eer": []}
    for weights in group_weights(groups, resamples=resamples, seed=seed):
        ranking = rank(y, s, weights)
        drawn["ap"].append(average_precision(ranking))
        drawn["eer"].append(equal_error_rate(ranking))
    member = members(groups)
    count = int(member.max()) + 1
    dof = min(spread(s[y == side], member[y == side], count).dof for side in (0, 1))
    return {
        name: {"value": point[name], **_on_log_odds(point[name], np.concatenate(parts), dof)}
        for name, parts in drawn.items()
    }


def _on_log_odds(value: float, drawn: Floats, dof: float) -> dict[str, Any]:
    inside = drawn[np.isfinite(drawn) & (drawn > 0) & (drawn < 1)]
    if dof < MIN_DOF:
        return {"low": None, "high": None, "note": _unequal(dof, needed=MIN_DOF)}
    if not 0 < value < 1 or len(inside) < 2 or len(inside) * 2 < len(drawn):
        return {"low": None, "high": None, "note": "too near 0 or 1 for an interval"}
    half = two_sided(dof) * float(logit(inside).std(ddof=1))
    return {"low": float(expit(logit(value) - half)), "high": float(expit(logit(value) + half))}


def _unsure(known: Spread, mean: float) -> str | None:
    """Why a mean of losses has no interval; None where it has one."""
    if not mean:
        return "every loss is 0: errors may just not have been drawn"
    if known.dof < MIN_DOF_OF_LOSSES:
        return _unequal(known.dof, needed=MIN_DOF_OF_LOSSES)
    if known.dof_of_losses < MIN_DOF_OF_LOSSES:
        return (
            f"a few groups hold most of the error: they are worth {known.dof_of_losses + 1:.1f}, "
            f"{MIN_DOF_OF_LOSSES + 1:.0f} are needed for an interval"
        )
    return None


def _unequal(dof: float, *, needed: float) -> str:
    return (
        f"groups are too few or too unequal in size for an interval: {dof:.1f} degrees of freedom, "
        f"{needed:.0f} are needed"
    )


def _warning(real: int, fake: int) -> str | None:
    if min(real, fake) >= FEW_GROUPS:
        return None
    return (
        f"only {real} groups with a real face and {fake} with a deepfake; with fewer than {FEW_GROUPS} of each, figures "
        "hang on single groups"
    )


def _reason(n: int, positives: int) -> str | None:
    if n == 0:
        return "no labelled image"
    if positives == 0:
        return f"no deepfake among the {n} labelled images, so nothing can be ranked"
    if positives == n:
        return f"no real face among the {n} labelled images, so nothing can be ranked"
    return None
