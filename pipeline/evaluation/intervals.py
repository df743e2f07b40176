"""How sure a figure is: every figure with its 95 % interval, by a bootstrap of whole groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.evaluation.metrics import FPR_BOUNDS, METRICS, PROBABILISTIC, all_metrics, auc
from pipeline.evaluation.ranking import Floats, negatives_allowed, rank, roc_area

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
    _, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    count = int(member.max()) + 1 if len(member) else 0
    generator = np.random.default_rng(seed)
    step = max(1, min(resamples, WEIGHTS_IN_MEMORY // max(len(member), 1)))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, max(count, 1), size=(size, count))
        flat = (drawn + np.arange(size)[:, None] * count).ravel()
        times = np.bincount(flat, minlength=size * count).reshape(size, count)
        yield times.astype(np.float64)[:, member]


def interval(values: Floats) -> tuple[float | None, float | None]:
    """95 % percentile interval of a bootstrapped figure.

    Parameters
    ----------
    values : float64 array, shape (resamples,)
        The figure in each resample, NaN where it has none.

    Returns
    -------
    low, high : float or None
        None where fewer than half of the resamples have a value.
    """
    known = values[np.isfinite(values)]
    if len(known) * 2 < len(values) or not len(known):
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


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
        How many resamples the intervals rest on.
    seed : int
        Of the resamples.

    Returns
    -------
    dict
        n, positives, negatives, groups : counts. Each of `METRICS` : {value, low, high}, or None; then
        `reason` says why. TPR figures also have negatives_allowed: with 0 they only count fakes above the
        highest real.
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    positives, count = int(y.sum()), len(np.unique(np.asarray(groups, dtype=str)))
    result: dict[str, Any] = {"n": len(y), "positives": positives, "negatives": len(y) - positives}
    result |= {"groups": count, "reason": _reason(len(y), positives)}
    names = METRICS if result["reason"] is None else PROBABILISTIC if len(y) else ()
    point = all_metrics(y, s) if len(y) else {}
    drawn: dict[str, list[Floats]] = {name: [] for name in names}
    if count > 1:
        for weights in group_weights(groups, resamples=resamples, seed=seed):
            values = all_metrics(y, s, weights)
            for name in names:
                drawn[name].append(values[name])
    for name in METRICS:
        result[name] = _figure(point[name], drawn[name]) if name in names else None
    for name, bound in FPR_BOUNDS.items():
        if result[f"tpr_at_fpr_{name}"] is not None:
            allowed = int(negatives_allowed(result["negatives"], bound))
            result[f"tpr_at_fpr_{name}"]["negatives_allowed"] = allowed
    return result


def _figure(point: Floats, drawn: list[Floats]) -> dict[str, float | None]:
    low, high = interval(np.concatenate(drawn)) if drawn else (None, None)
    return {"value": float(point[0]), "low": low, "high": high}


def _reason(n: int, positives: int) -> str | None:
    if n == 0:
        return "no labelled image"
    if positives == 0:
        return f"no deepfake among the {n} labelled images, so nothing can be ranked"
    if positives == n:
        return f"no real face among the {n} labelled images, so nothing can be ranked"
    return None


def auc_difference(
    target: ArrayLike,
    score: ArrayLike,
    base: ArrayLike,
    groups: ArrayLike,
    *,
    resamples: int,
    seed: int,
) -> dict[str, float | None]:
    """AUC of one score minus that of another on the same rows.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    score, base : arrays, shape (n,)
        The two scores, each higher for fakes.
    groups : array, shape (n,)
        Label of what is drawn together.
    resamples : int
        How many resamples the interval rests on.
    seed : int
        Of the resamples.

    Returns
    -------
    dict
        value, and low and high of the paired 95 % interval; None where an AUC has no value.
    """
    y = np.asarray(target, dtype=np.float64)
    gap = auc(y, score) - auc(y, base) if len(y) else float("nan")
    if not np.isfinite(gap):
        return {"value": None, "low": None, "high": None}
    drawn = [
        roc_area(rank(y, score, weights)) - roc_area(rank(y, base, weights))
        for weights in group_weights(groups, resamples=resamples, seed=seed)
    ]
    low, high = (
        interval(np.concatenate(drawn)) if len(np.unique(np.asarray(groups, str))) > 1 else (None, None)
    )
    return {"value": gap, "low": low, "high": high}
