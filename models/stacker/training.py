"""Training of the stacker: boosters fold by fold for every kind of fake, and their calibration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from models.folds import assign
from models.kinds import LABELLED, REAL
from models.stacker.stacker import Expert, Stacker, mixture

Floats = NDArray[np.float64]
_CORRECTION = (0.25, 0.5)  # how far slope and offset of the mean of nets are expected from 1 and 0


class StackerOptions(Protocol):
    """What `fit` is told; the `train` section of params.yaml has it."""

    folds: int
    seed: int
    num_boost_round: int
    early_stopping: int
    learning_rate: float
    num_leaves: int
    min_data_in_leaf: int
    feature_fraction: float
    bagging_fraction: float
    lambda_l2: float
    max_bin: int
    pseudo_weight: float


def fit(
    features: pd.DataFrame,
    target: NDArray[np.integer],
    groups: NDArray[np.str_],
    *,
    sources: NDArray[np.str_] | None = None,
    kinds: NDArray[np.str_] | None = None,
    is_original: NDArray[np.bool_] | None = None,
    rising: Collection[str] = (),
    options: StackerOptions,
) -> Stacker:
    """Train an expert per kind, boosters with early stopping on the fold left out, and calibrate on those.

    features : float32 (n, d). target : 0 or 1, (n,). groups, sources : (n,); folds keep groups whole
    and balance sources. kinds : (n,), `real` or the kind of fake, by target when None. judged : rows
    that are images as they are (not pseudo-fakes or copies), all when None: the last calibration is
    fitted on them, and pseudo-fakes, which were drawn and saved anew, are told from copies of real
    faces, for which that is as true.
    rising : columns that may only raise the score, as a fine-tuned net's logit.
    Same input, same bytes, whatever the number of threads.
    """
    origin = np.full(len(target), "all") if sources is None else sources
    named = np.where(target == 1, LABELLED, REAL) if kinds is None else kinds
    fold = assign(target, groups, origin, folds=options.folds, seed=options.seed)
    columns = list(features.columns)
    values = np.ascontiguousarray(features.to_numpy(np.float32))
    # Binned once, without a look at the target; every booster learns from a part of it.
    binned = lgb.Dataset(values, target, feature_name=columns, params=_dataset(options)).construct()
    found = sorted(set(named.tolist()) - {REAL}, key=lambda kind: (kind != LABELLED, kind))
    rows = np.ones(len(target), dtype=bool) if is_original is None else is_original
    copies = ~rows & (named == REAL)
    experts, log_likelihood_ratios = [], np.zeros((len(target), len(found)))
    for at, kind in enumerate(found):
        negatives = copies if kind != LABELLED and copies.any() else named == REAL
        in_task = negatives | (named == kind)
        expert, log_likelihood_ratios[:, at] = _expert(
            kind, values, binned, named, in_task, fold, rising=rising, options=options
        )
        experts.append(expert)
    share = options.pseudo_weight if len(found) > 1 else 0.0
    others = max(len(found) - 1, 1)
    weights = [1 - share if kind == LABELLED or len(found) == 1 else share / others for kind in found]
    raw = mixture(log_likelihood_ratios, weights)
    slope, offset = platt(raw[rows], target[rows])
    return Stacker(columns, experts, weights, slope, offset, np.asarray(expit(slope * raw + offset)))


def recalibrated(
    stacker: Stacker, features: pd.DataFrame, target: NDArray[np.integer], *, prior: float
) -> Stacker:
    """The stacker with its last calibration corrected on images that no net and no tree has seen.

    features : as for `Stacker.predict`, (n, d). target : 0 or 1, (n,); both have to be there, else ValueError.
    prior : share of fakes in training, which the images are weighed to. Out of fold a score comes from
    one net and one booster; in use, and on these images, from the mean of them. `oof` stays as it was.
    """
    share = float(target.mean())
    if not 0 < share < 1:
        raise ValueError("both classes are needed to calibrate on")
    raw = stacker.slope * stacker.raw(features) + stacker.offset
    weight = np.where(target == 1, prior / share, (1 - prior) / (1 - share))
    slope, offset = platt(raw, target, weight, spread=_CORRECTION)
    return replace(stacker, slope=slope * stacker.slope, offset=slope * stacker.offset + offset)


def _expert(
    kind: str,
    values: NDArray[np.float32],
    binned: lgb.Dataset,
    kinds: NDArray[np.str_],
    in_task: NDArray[np.bool_],
    fold: NDArray[np.int64],
    *,
    rising: Collection[str],
    options: StackerOptions,
) -> tuple[Expert, Floats]:
    """The expert of one kind, learned from the rows `in_task`, and its log-likelihood ratio of every row, (n,).

    The ratios are out of fold.
    """
    target = (kinds == kind).astype(np.int64)
    weight = np.where(target == 1, 0.5 / target[in_task].mean(), 0.5 / (1 - target[in_task].mean()))
    boosters, oof = [], np.zeros(len(fold))
    for index in range(options.folds):
        kept, valid_rows = in_task & (fold != index), in_task & (fold == index)
        train, valid = (_part(binned, rows, target, weight) for rows in (kept, valid_rows))
        booster = lgb.train(
            _booster(options, binned.get_feature_name(), rising),
            train,
            num_boost_round=options.num_boost_round,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(options.early_stopping, verbose=False), lgb.log_evaluation(0)],
        )
        # The text is what is kept and served, so the text is what is measured.
        booster = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
        oof[fold == index] = booster.predict(values[fold == index], raw_score=True)
        boosters.append(booster)
    slope, offset = platt(oof[in_task], target[in_task], weight[in_task])
    return Expert(kind, boosters, slope, offset), slope * oof + offset


def _part(
    binned: lgb.Dataset, rows: NDArray[np.bool_], target: NDArray[np.int64], weight: Floats
) -> lgb.Dataset:
    """Some rows of a binned table, with a target and weights of their own."""
    part = binned.subset(np.flatnonzero(rows).tolist()).construct()
    return part.set_label(target[rows]).set_weight(weight[rows])


def _dataset(options: StackerOptions) -> dict[str, Any]:
    return {"max_bin": options.max_bin, "min_data_in_leaf": options.min_data_in_leaf, "verbosity": -1}


def _booster(options: StackerOptions, columns: Sequence[str], rising: Collection[str]) -> dict[str, Any]:
    return {
        **_dataset(options),
        "objective": "binary",
        "metric": ["binary_logloss"],
        "learning_rate": options.learning_rate,
        "num_leaves": options.num_leaves,
        "feature_fraction": options.feature_fraction,
        "bagging_fraction": options.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": options.lambda_l2,
        "monotone_constraints": [int(column in rising) for column in columns],
        "seed": options.seed,
        "deterministic": True,
        "force_row_wise": True,
    }


def platt(
    raw: Floats,
    target: NDArray[np.integer],
    weight: Floats | None = None,
    *,
    spread: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Slope and offset of Platt's logistic calibration (Platt 1999), by maximum likelihood.

    raw : log-odds, (n,). weight : of the rows, ones when None. spread : standard deviations of a normal
    prior about slope 1 and offset 0 (maximum a posteriori, so that few rows correct little). Without one the
    targets are Platt's smoothed ones, so that separable data stay finite. The slope is at least 1e-3, so
    that the order of the scores never changes.
    """
    w = np.ones(len(raw)) if weight is None else weight
    positives = int(target.sum())
    negatives = len(target) - positives
    goal = np.where(target == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    tight = np.zeros(2)
    if spread is not None:
        goal, tight = target.astype(np.float64), 1 / np.square(spread) / max(len(raw), 1)

    def loss(theta: Floats) -> tuple[float, Floats]:
        logit = theta[0] * raw + theta[1]
        error = w * (expit(logit) - goal)
        each = w * (np.logaddexp(0, logit) - goal * logit)
        away = theta - (1.0, 0.0)
        slopes = np.array([(error * raw).mean(), error.mean()]) + tight * away
        return float(each.mean() + (tight * away**2).sum() / 2), slopes

    best = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    )
    return float(best.x[0]), float(best.x[1])
