"""Two scores of the same images: their figures, the differences with intervals, and an answer in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.evaluation.auc_interval import MIN_DOF_OF_DIFFERENCE, auc_difference
from pipeline.evaluation.calibration import mean_difference
from pipeline.evaluation.clustered import members, spread, two_sided
from pipeline.evaluation.intervals import group_weights
from pipeline.evaluation.metrics import FPR_BOUNDS, auc, losses
from pipeline.evaluation.ranking import Floats, Ranking, rank, roc_area, tpr_at_fpr
from pipeline.evaluation.tpr_interval import tpr_intervals

TPR = "tpr_at_fpr_1e-2"
BOUND = FPR_BOUNDS["1e-2"]
COMPARED = ("auc", TPR, "log_loss")
LOWER_IS_BETTER = ("log_loss",)


def compare(
    target: ArrayLike, first: ArrayLike, second: ArrayLike, groups: ArrayLike, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Figures of two scores of the same images, and the second minus the first, in pairs.

    Parameters
    ----------
    target : array, shape (n,)
        1 = fake, 0 = real.
    first, second : arrays, shape (n,)
        Probabilities of fake by one model and by the other.
    groups : array, shape (n,)
        Label of what is drawn together.
    resamples, seed : int
        Of the bootstrap of whole groups.

    Returns
    -------
    dict
        n, groups, negatives, positives : counts; same : whether all scores are equal. Each of `COMPARED` : first, second,
        difference {value, low, high}; the bounds are None where the images or groups are too few for an interval that
        covers. The AUC's difference is DeLong's by group; it also has `bootstrap`. That of the TPR is the bootstrap's, that
        of the log loss Student's t on the groups' sums.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595; Obuchowski 1997, doi:10.2307/2533958; Efron and
    Tibshirani 1993, "An introduction to the bootstrap".
    """
    y, a, b = (np.asarray(values, dtype=np.float64) for values in (target, first, second))
    member = members(groups)
    same, positives = bool(np.array_equal(a, b)), int(y.sum())
    result: dict[str, Any] = {"n": len(y), "groups": len(np.unique(member)), "same": same}
    result |= {"negatives": len(y) - positives, "positives": positives, **dict.fromkeys(COMPARED)}
    if not len(y):
        return result
    own = [losses(y, score) for score in (a, b)]
    result["log_loss"] = _figure(*(float(loss.mean()) for loss in own)) | {
        "difference": mean_difference(own[1] - own[0], member)
    }
    if not 0 < positives < len(y):
        return result
    drawn = _bootstrap(y, a, b, member, resamples=resamples, seed=seed)
    dof = _dof(y, b - a, member)
    result["auc"] = _figure(auc(y, a), auc(y, b)) | {
        "difference": auc_difference(y, b, a, member),
        "bootstrap": _interval(auc(y, b) - auc(y, a), drawn["auc"], dof=dof, same=same),
    }
    result[TPR] = _tpr(y, a, b, member, drawn[TPR], dof=dof)
    return result


def _figure(first: float | None, second: float | None) -> dict[str, Any]:
    return {"first": first, "second": second}


def _bootstrap(
    y: Floats, a: Floats, b: Floats, member: ArrayLike, *, resamples: int, seed: int
) -> dict[str, Floats]:
    """Differences in draws of whole groups, the same groups for both scores."""
    parts: dict[str, list[Floats]] = {"auc": [], TPR: []}
    for weights in group_weights(member, resamples=resamples, seed=seed):
        first, second = rank(y, a, weights), rank(y, b, weights)
        parts["auc"].append(roc_area(second) - roc_area(first))
        parts[TPR].append(_at_bound(second) - _at_bound(first))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _at_bound(ranking: Ranking) -> Floats:
    return tpr_at_fpr(ranking, BOUND)


def _dof(y: Floats, gap: Floats, member: ArrayLike) -> float:
    """Degrees of freedom of the class that has fewer."""
    numbers = np.asarray(member)
    count = int(numbers.max()) + 1
    return min(spread(gap[y == side], numbers[y == side], count).dof for side in (0, 1))


def _interval(value: float, drawn: Floats, *, dof: float, same: bool) -> dict[str, float | None]:
    """Student's t with the bootstrap's standard error: percentiles of few groups are too narrow."""
    if same:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    known = drawn[np.isfinite(drawn)]
    if dof < MIN_DOF_OF_DIFFERENCE or len(known) < 2 or not known.any():
        return {"value": value, "low": None, "high": None}
    half = two_sided(dof) * float(known.std(ddof=1))
    return {"value": value, "low": value - half, "high": value + half}


def _tpr(y: Floats, a: Floats, b: Floats, member: ArrayLike, drawn: Floats, *, dof: float) -> dict[str, Any]:
    """TPRs and their difference; no value where no real may be flagged, no interval where one of the TPRs has none."""
    first, second = (tpr_intervals(y, score, member, {TPR: BOUND})[TPR] for score in (a, b))
    figure = _figure(first["value"], second["value"])
    if first["value"] is None:
        return figure | {"difference": {"value": None, "low": None, "high": None}}
    is_sure = first["low"] is not None and second["low"] is not None
    gap = second["value"] - first["value"]
    same = bool(np.array_equal(a, b))
    return figure | {"difference": _interval(gap, drawn, dof=dof if is_sure else 0.0, same=same)}


def verdict(figure: dict[str, Any] | None, *, metric: str) -> str:
    """What a difference says.

    Parameters
    ----------
    figure : dict or None
        Of `compare`.
    metric : str
        One of `COMPARED`.

    Returns
    -------
    {"unknown", "none", "first", "second"}
        There is no interval; it holds 0; it lies on the side where the first, or the second, is better.
    """
    if figure is None or figure["difference"]["low"] is None:
        return "unknown"
    gap = figure["difference"]
    if gap["low"] <= 0 <= gap["high"]:
        return "none"
    return "second" if (gap["low"] > 0) != (metric in LOWER_IS_BETTER) else "first"
