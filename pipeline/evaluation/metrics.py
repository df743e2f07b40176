"""How good scores are: arrays in, plain dicts of numbers out, intervals by group bootstrap.

Every weighted figure takes a matrix of row weights (resamples, n): a bootstrap resample is only the
number of times that each group was drawn, so no row is ever copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FPR_BOUNDS = {"1e-2": 1e-2, "5e-3": 5e-3, "1e-3": 1e-3}
RANKED = ("auc", *(f"tpr_at_fpr_{name}" for name in FPR_BOUNDS), "ap", "eer")
PROBABILISTIC = ("brier", "ece", "log_loss")
METRICS = RANKED + PROBABILISTIC
ECE_BINS = 15
SMALLEST = 1e-15  # probabilities are kept this far from 0 and 1 in the log loss
WEIGHTS_IN_MEMORY = 8_000_000  # weights held at once: 64 MB

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Counts above each distinct score, from none to all; one row per weighting.

    tps, fps : float64 (resamples, thresholds + 1), weighted positives and negatives at or above.
    """

    tps: Floats
    fps: Floats

    @property
    def positives(self) -> Floats:
        """Weighted number of positives, (resamples,)."""
        return self.tps[:, -1]

    @property
    def negatives(self) -> Floats:
        """Weighted number of negatives, (resamples,)."""
        return self.fps[:, -1]


def rank(target: ArrayLike, score: ArrayLike, weights: Floats | None = None) -> Ranking:
    """Cumulative counts by falling score, tied scores together.

    target : 0/1 (n,); score : finite (n,); weights : float64 (resamples, n), ones when None.
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    w = np.ones((1, len(y))) if weights is None else weights
    order = np.argsort(-s, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(s[order]) != 0, True)) if len(s) else np.array([], int)
    w, y = w[:, order], y[order]
    start = np.zeros((len(w), 1))
    tps, fps = (np.cumsum(w * side, axis=1)[:, ends] for side in (y, 1 - y))
    return Ranking(tps=np.hstack([start, tps]), fps=np.hstack([start, fps]))


def auc(target: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve of one set of rows, ties counted half; NaN without both classes."""
    return float(roc_area(rank(target, score))[0])


def roc_area(ranking: Ranking) -> Floats:
    """Area under the ROC curve, ties counted half; NaN without both classes. (resamples,)"""
    area = np.diff(ranking.fps) * (ranking.tps[:, 1:] + ranking.tps[:, :-1]) / 2
    return _divide(area.sum(1), ranking.positives * ranking.negatives)


def negatives_allowed(negatives: ArrayLike, bound: float) -> Floats:
    """How many negatives may be flagged at a false-positive rate of at most `bound`."""
    return np.floor(np.asarray(negatives, dtype=np.float64) * bound + 1e-9)


def tpr_at_fpr(ranking: Ranking, bound: float) -> Floats:
    """Highest TPR among the thresholds whose FPR is at most `bound`; no interpolation. (resamples,)"""
    allowed = negatives_allowed(ranking.negatives, bound)
    last = (ranking.fps <= allowed[:, None]).sum(1) - 1
    best = np.take_along_axis(ranking.tps, last[:, None], axis=1)[:, 0]
    return np.where(ranking.negatives > 0, _divide(best, ranking.positives), np.nan)


def average_precision(ranking: Ranking) -> Floats:
    """Sum of precision × step of recall over the distinct scores (not interpolated). (resamples,)"""
    flagged = ranking.tps + ranking.fps
    precision = np.divide(ranking.tps, flagged, out=np.zeros_like(flagged), where=flagged > 0)
    total = (np.diff(ranking.tps) * precision[:, 1:]).sum(1)
    return np.where(ranking.negatives > 0, _divide(total, ranking.positives), np.nan)


def equal_error_rate(ranking: Ranking) -> Floats:
    """Error where FPR = 1 - TPR, on the straight lines between the ROC points. (resamples,)"""
    fpr = _divide(ranking.fps, ranking.negatives[:, None])
    tpr = _divide(ranking.tps, ranking.positives[:, None])
    gap = fpr + tpr - 1  # from -1 to 1, never falling
    right = np.clip((gap < 0).sum(1), 1, max(gap.shape[1] - 1, 1))[:, None]
    if gap.shape[1] < 2:
        return np.full(len(gap), np.nan)
    before, after = (np.take_along_axis(gap, at, axis=1)[:, 0] for at in (right - 1, right))
    low, high = (np.take_along_axis(fpr, at, axis=1)[:, 0] for at in (right - 1, right))
    return low + (high - low) * _divide(-before, after - before)


def calibration_bins(score: ArrayLike, bins: int = ECE_BINS) -> NDArray[np.int64]:
    """Bin of each row, equally filled, by rank; tied scores share one bin. (n,)"""
    s = np.asarray(score, dtype=np.float64)
    _, where, counts = np.unique(s, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.minimum(middle * bins / max(len(s), 1), bins - 1).astype(np.int64)[where]


def _probabilistic(target: Floats, score: Floats, weights: Floats) -> dict[str, Floats]:
    """Brier score, ECE and log loss. The bins of the ECE are those of the whole sample."""
    total = weights.sum(1)
    member = np.eye(ECE_BINS)[calibration_bins(score)]
    gaps = np.abs(weights @ (member * (target - score)[:, None])).sum(1)
    p = np.clip(score, SMALLEST, 1 - SMALLEST)
    loss = -np.where(target == 1, np.log(p), np.log1p(-p))
    return {
        "brier": _divide(weights @ (score - target) ** 2, total),
        "ece": _divide(gaps, total),
        "log_loss": _divide(weights @ loss, total),
    }


def all_metrics(target: ArrayLike, score: ArrayLike, weights: Floats | None = None) -> dict[str, Floats]:
    """Every figure of `METRICS`, each (resamples,); NaN where a class has no weight."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    w = np.ones((1, len(y))) if weights is None else weights
    ranking = rank(y, s, w)
    found = {
        "auc": roc_area(ranking),
        **{f"tpr_at_fpr_{name}": tpr_at_fpr(ranking, bound) for name, bound in FPR_BOUNDS.items()},
        "ap": average_precision(ranking),
        "eer": equal_error_rate(ranking),
    }
    return found | _probabilistic(y, s, w)


def _divide(a: Floats, b: Floats) -> Floats:
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    return np.divide(a, b, out=np.full(shape, np.nan), where=np.asarray(b) != 0)


def group_weights(groups: ArrayLike, *, resamples: int, seed: int) -> Any:
    """Bootstrap weights by group, in chunks: yields float64 (some resamples, n).

    As many groups as there are are drawn with replacement; a row weighs as often as its group came.
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
    """95 % percentile interval; None where fewer than half of the resamples have a value."""
    known = values[np.isfinite(values)]
    if len(known) * 2 < len(values) or not len(known):
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def summary(
    target: ArrayLike, score: ArrayLike, groups: ArrayLike, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Counts and every figure with its 95 % interval, for one set of rows.

    target : 0/1 (n,); score : (n,), probabilities; groups : (n,), labels of what is drawn together.
    A figure is {value, low, high}, or None; then `reason` says why. TPR figures also say how many
    negatives the bound allows: with 0 they only count fakes above the highest real.
    """
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    positives, count = int(y.sum()), len(np.unique(np.asarray(groups, dtype=str)))
    found: dict[str, Any] = {"n": len(y), "positives": positives, "negatives": len(y) - positives}
    found |= {"groups": count, "reason": _reason(len(y), positives)}
    names = METRICS if found["reason"] is None else PROBABILISTIC if len(y) else ()
    point = all_metrics(y, s) if len(y) else {}
    drawn: dict[str, list[Floats]] = {name: [] for name in names}
    if count > 1:
        for weights in group_weights(groups, resamples=resamples, seed=seed):
            values = all_metrics(y, s, weights)
            for name in names:
                drawn[name].append(values[name])
    for name in METRICS:
        found[name] = _figure(point[name], drawn[name]) if name in names else None
    for name, bound in FPR_BOUNDS.items():
        if found[f"tpr_at_fpr_{name}"] is not None:
            allowed = int(negatives_allowed(found["negatives"], bound))
            found[f"tpr_at_fpr_{name}"]["negatives_allowed"] = allowed
    return found


def _figure(point: Floats, drawn: list[Floats]) -> dict[str, float | None]:
    low, high = interval(np.concatenate(drawn)) if drawn else (None, None)
    return {"value": float(point[0]), "low": low, "high": high}


def _reason(n: int, positives: int) -> str | None:
    if n == 0:
        return "no labelled image here"
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
    """AUC of `score` minus AUC of `base` on the same rows, with a paired 95 % interval."""
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
