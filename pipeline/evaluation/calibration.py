"""Whether scores are probabilities: the ECE that a perfect model would have, and log losses compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pipeline.evaluation.clustered import MIN_DOF_OF_LOSSES, members, spread, two_sided
from pipeline.evaluation.metrics import ECE_BINS, calibration_bins, losses
from pipeline.evaluation.ranking import Floats

DRAWS = 400  # of labels, for the floor


def ece_floor(score: ArrayLike, *, seed: int) -> dict[str, float]:
    """ECE of a perfect model with these scores: labels drawn with the scores as their probabilities.

    Labels are drawn independently; those of images in groups scatter more, so the true floor is not lower.

    Parameters
    ----------
    score : array, shape (n,), n > 0
        Probabilities of fake.
    seed : int
        Of the labels.

    Returns
    -------
    dict
        floor : mean ECE; floor_high : what a perfect model exceeds in 5 of 100 draws.

    References
    ----------
    Bröcker and Smith 2007, doi:10.1175/WAF993.1 (consistency resampling).
    """
    p = np.asarray(score, dtype=np.float64)
    generator, bins = np.random.default_rng(seed), calibration_bins(p)
    expected = np.bincount(bins, weights=p, minlength=ECE_BINS)
    drawn = np.empty(DRAWS)
    for index in range(DRAWS):
        fakes = np.bincount(bins[generator.random(len(p)) < p], minlength=ECE_BINS)
        drawn[index] = np.abs(fakes - expected).sum() / len(p)
    return {"floor": float(drawn.mean()), "floor_high": float(np.quantile(drawn, 0.95))}


def mean_difference(values: Floats, groups: ArrayLike) -> dict[str, float | None]:
    """Mean of differences of losses with a 95 % interval by whole groups: value, low, high.

    Student's t on the groups' sums, as `clustered.spread` has it. The last two are None where groups are too few or a few
    of them make most of the variance: a model that is too sure is better on nearly every image, and loses by errors so
    rare that they may not be among these.
    """
    member = members(groups)
    known = spread(values, member, int(member.max(initial=-1)) + 1)
    value = float(values.mean())
    if not values.any():
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    if known.dof_of_losses < MIN_DOF_OF_LOSSES:
        return {"value": value, "low": None, "high": None}
    half = two_sided(known.dof) * float(np.sqrt(known.variance))
    return {"value": value, "low": value - half, "high": value + half}


def log_loss_comparison(
    target: ArrayLike, score: ArrayLike, rivals: Mapping[str, ArrayLike], groups: ArrayLike
) -> dict[str, Any]:
    """Log loss of a score beside that of other forecasts of the same rows.

    The log loss is a proper score: only probabilities that are right make it least [1]_.

    Parameters
    ----------
    target : array, shape (n,), n > 0
        1 = fake, 0 = real.
    score : array, shape (n,)
        Probabilities of fake.
    rivals : mapping of str to array, shape (n,)
        Other probabilities by name. `base_rate`, the rows' own share of fakes as every row's forecast, is added.
    groups : array, shape (n,)
        Label of what is drawn together.

    Returns
    -------
    dict
        log_loss : of the score; by rival's name {log_loss, difference}, the difference being the score's log loss minus
        the rival's, {value, low, high}: below 0 the score is better.

    References
    ----------
    .. [1] Gneiting and Raftery 2007, doi:10.1198/016214506000001437.
    """
    y, own = np.asarray(target), losses(target, score)
    forecasts = {"base_rate": np.full(len(y), y.mean()), **rivals}
    results: dict[str, Any] = {"log_loss": float(own.mean())}
    for name, forecast in forecasts.items():
        other = losses(y, forecast)
        results[name] = {
            "log_loss": float(other.mean()),
            "difference": mean_difference(own - other, groups),
        }
    return results


def calibration(val: pd.DataFrame) -> dict[str, Any]:
    """Log loss of val's scores beside that of the base rate and of the scores before calibration.

    Parameters
    ----------
    val : DataFrame
        Columns target, score, uncalibrated, group, source; rows without a label are left out.

    Returns
    -------
    dict
        overall and, where there are several, each source: `log_loss_comparison`.
    """
    known = val[val["target"].notna()]
    scopes = {"overall": known, **{str(source): rows for source, rows in known.groupby("source")}}
    return {
        name: log_loss_comparison(
            rows["target"].to_numpy(np.int64),
            rows["score"],
            {"uncalibrated": rows["uncalibrated"]},
            rows["group"],
        )
        for name, rows in scopes.items()
        if len(rows) and (name == "overall" or len(scopes) > 2)
    }
