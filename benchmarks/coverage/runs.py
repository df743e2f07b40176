"""Runs of one design: whether each interval that is shown holds the truth, and each threshold keeps its promise."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.coverage.designs import (
    TIMID,
    Design,
    Floats,
    Sample,
    draw,
    forecast,
    probability,
    too_sure,
    truth,
)
from models.bundle_info import OVERALL
from pipeline.evaluation import comparison
from pipeline.evaluation.auc_interval import auc_difference, auc_interval
from pipeline.evaluation.calibration import mean_difference
from pipeline.evaluation.intervals import bootstrapped, of_mean
from pipeline.evaluation.metrics import TPR_BOUNDS, losses
from pipeline.evaluation.thresholds import RATES, limits
from pipeline.evaluation.tpr_interval import tpr_intervals

RESAMPLES = 200  # of the bootstraps
Figure = dict[str, Any]


def ranked(sample: Sample, design: Design) -> dict[str, Figure]:
    """AUC, TPRs and the paired difference of two AUCs."""
    data = sample.target, sample.score
    return {
        "auc": auc_interval(*data, sample.groups),
        **tpr_intervals(*data, sample.groups, TPR_BOUNDS),
        "auc_difference": auc_difference(*data, sample.rival, sample.groups),
    }


def others(sample: Sample, design: Design) -> dict[str, Figure]:
    """AP, EER, Brier score and log loss."""
    y, p = sample.target.astype(np.float64), probability(sample.score, design)
    return {
        **bootstrapped(y, p, sample.groups, resamples=RESAMPLES, seed=0),
        "brier": of_mean((p - y) ** 2, sample.groups),
        "log_loss": of_mean(losses(y, p), sample.groups),
    }


def differences(sample: Sample, design: Design) -> dict[str, Figure]:
    """What `python -m pipeline.compare` says of two scores of the same quality."""
    scores = (probability(score, design) for score in (sample.score, sample.rival))
    found = comparison.compare(sample.target, *scores, sample.groups, resamples=RESAMPLES, seed=0)
    figures = {f"{name}_difference": found[name]["difference"] for name in comparison.COMPARED}
    return figures | {"auc_difference_bootstrap": found["auc"]["bootstrap"]}


def sureness(sample: Sample, design: Design) -> dict[str, Figure]:
    """The log losses of one score read as too timid and as too sure a forecast, which are the same on average."""
    timid, sure = (
        losses(sample.target, forecast(sample.score, design, sureness=times))
        for times in (TIMID, too_sure(design))
    )
    return {"log_loss_difference_of_the_too_sure": mean_difference(sure - timid, sample.groups)}


FIGURES: dict[str, Callable[[Sample, Design], dict[str, Figure]]] = {
    "ranked": ranked,
    "others": others,
    "differences": differences,
    "sureness": sureness,
}
NULLS = ("differences", "sureness")  # the true difference is 0


def cover(design: Design, *, part: str, runs: int) -> list[dict[str, Any]]:
    """Count how often each figure's interval is shown, and how often it then holds the truth.

    Parameters
    ----------
    design : Design
    part : str
        Key of `FIGURES`.
    runs : int
        Samples to draw.

    Returns
    -------
    list of dict
        The design's fields, figure, truth, and runs; shown, covers, above (the truth is above the interval): counts;
        width : mean of the intervals shown.
    """
    generator, right = _generator(design), truth(design, TPR_BOUNDS)
    right = defaultdict(float) if part in NULLS else right
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(runs):
        for name, figure in FIGURES[part](draw(design, generator), design).items():
            limits = found.setdefault(name, [])
            if figure["low"] is not None:
                limits.append((figure["low"], figure["high"]))
    return [
        vars(design) | {"figure": name, "truth": right[name], "runs": runs} | _counts(limits, right[name])
        for name, limits in found.items()
    ]


def _counts(limits: list[tuple[float, float]], right: float) -> dict[str, float]:
    low, high = np.array(limits).reshape(-1, 2).T
    return {
        "shown": len(limits),
        "covers": int(((low <= right) & (right <= high)).sum()),
        "above": int((right > high).sum()),
        "width": float((high - low).mean()) if len(limits) else float("nan"),
    }


def keep(design: Design, *, runs: int) -> list[dict[str, Any]]:
    """Count how often a threshold keeps its promise.

    Returns
    -------
    list of dict
        The design's fields, rate, and side (fake_above or real_below); given, kept : counts, and error, the mean true rate.
    """
    generator = _generator(design)
    rates: dict[tuple[float, str], list[float]] = {}
    for _ in range(runs):
        sample = draw(design, generator)
        real, fake = (_one_of_each_group(sample, side) for side in (0, 1))
        for rate in RATES:
            limit = limits(OVERALL, real, fake, rate)
            if limit.fake_above is not None:
                rates.setdefault((rate, "fake_above"), []).append(norm.sf(limit.fake_above))
            if limit.real_below is not None:
                error = norm.cdf(limit.real_below - design.shift)
                rates.setdefault((rate, "real_below"), []).append(error)
    return [
        vars(design)
        | {"rate": rate, "side": side, "given": len(errors), "kept": int((np.array(errors) <= rate).sum())}
        | {"error": float(np.mean(errors))}
        for (rate, side), errors in rates.items()
    ]


def _one_of_each_group(sample: Sample, side: int) -> Floats:
    of_class = sample.target == side
    return sample.score[of_class][np.unique(sample.groups[of_class], return_index=True)[1]]


def _generator(design: Design) -> np.random.Generator:
    """Seeded by the design, so that a table does not depend on which others are simulated."""
    digest = hashlib.sha256(repr(design).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
