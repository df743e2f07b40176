"""Training of the stacker: boosters fold by fold for every kind of fake, and their calibration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from models.errors import UserError
from models.folds import assign
from models.kinds import LABELLED, REAL
from models.stacker.calibration import nonnegative_logistic, platt
from models.stacker.expert import Expert, Floats
from models.stacker.fusion import Fusion
from models.stacker.stacker import Stacker

_RIDGE = 1e-3  # of the weights of trees and logits in an expert
_CORRECTION_SPREAD = (0.25, 0.5)  # how far slope and offset of the mean of nets are expected from 1 and 0


class StackerOptions(Protocol):
    """Options of `fit`; section `train` of the parameters has them."""

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
    unlabelled_share: float


def fit(
    features: pd.DataFrame,
    target: NDArray[np.integer],
    groups: NDArray[np.str_],
    *,
    sources: NDArray[np.str_] | None = None,
    kinds: NDArray[np.str_] | None = None,
    is_original: NDArray[np.bool_] | None = None,
    partner_of: NDArray[np.str_] | None = None,
    logits: Collection[str] = (),
    options: StackerOptions,
) -> Stacker:
    """Train an expert per kind in two steps, fuse them, and calibrate.

    First boosters, with early stopping on the fold left out; then, on their outputs out of fold and the logits, a logistic
    regression with weights of at least 0.

    Same input, same bytes, whatever the number of threads.

    Parameters
    ----------
    features : float32 table, shape (n, d)
        NaN where a number is missing.
    target : int array, shape (n,)
        0 or 1.
    groups, sources : str array, shape (n,)
        Folds keep groups whole and balance sources; one source without it.
    kinds : str array, shape (n,), optional
        `real` or the kind of fake; by target without it.
    is_original : bool array, shape (n,), optional
        Rows that are images as they are, not pseudo-fakes or copies; all without it. The last calibration is
        fitted on them.
    partner_of : str array, shape (n,), optional
        Of a real partner of pseudo-fakes: their kind, else empty. A kind that has partners is told from them, which went
        the same way in all but the forgery, and from copies of real images; no other kind sees them.
    logits : collection of str
        Columns of fine-tuned nets, out of fold: higher means more like a fake, and may only raise the score.
    options : StackerOptions

    Returns
    -------
    Stacker
        With the out-of-fold probabilities of the rows.

    Raises
    ------
    UserError
        Where a class, or a kind of fake, has fewer groups than there are folds.
    """
    strata = np.full(len(target), "all") if sources is None else sources
    row_kinds = np.where(target == 1, LABELLED, REAL) if kinds is None else kinds
    fold = assign(target, groups, strata, folds=options.folds, seed=options.seed)
    _refuse_few_groups(row_kinds, groups, folds=options.folds)
    table = _Table(
        features, logits=[c for c in features.columns if c in set(logits)], target=target, options=options
    )
    fake_kinds = sorted(set(row_kinds.tolist()) - {REAL}, key=lambda kind: (kind != LABELLED, kind))
    originals = np.ones(len(target), dtype=bool) if is_original is None else is_original
    partners = np.full(len(target), "") if partner_of is None else partner_of
    experts, log_likelihood_ratios = [], np.zeros((len(target), len(fake_kinds)))
    for column, kind in enumerate(fake_kinds):
        is_partner = partners == kind
        negatives = (row_kinds == REAL) & (is_partner | ((partners == "") & ~(is_partner.any() & originals)))
        in_task = negatives | (row_kinds == kind)
        expert, log_likelihood_ratios[:, column] = _expert(
            kind, table, row_kinds, in_task, fold, options=options
        )
        experts.append(expert)
    fusion = Fusion.of(fake_kinds, unlabelled_share=options.unlabelled_share)
    raw = fusion(log_likelihood_ratios)
    slope, offset = platt(raw[originals], target[originals])
    return Stacker(
        list(features.columns), experts, fusion, slope, offset, np.asarray(expit(slope * raw + offset))
    )


def _refuse_few_groups(kinds: NDArray[np.str_], groups: NDArray[np.str_], *, folds: int) -> None:
    """Raise UserError for a kind of fake that is not in every fold: its expert would learn without it, and be measured on it.

    Fakes of other kinds hide that from the count of the class.
    """
    for kind in sorted(set(kinds.tolist()) - {REAL}):
        count = len(np.unique(groups[kinds == kind]))
        if count < folds:
            remedy = (
                "groups.csv has to say which images belong together, not which class they are, or more images are needed"
                if kind == LABELLED
                else f"give {kind} a larger share in variants.pseudo_fakes or none, or more images are needed"
            )
            raise UserError(
                f"all {int((kinds == kind).sum())} fakes of kind {kind} among the training images are of {count} "
                f"group{'s' if count > 1 else ''}, fewer than the {folds} folds (train.folds); {remedy}"
            )


def recalibrated(
    stacker: Stacker, features: pd.DataFrame, target: NDArray[np.integer], *, prior: float
) -> Stacker:
    """The stacker with its last calibration corrected on images that no net and no tree has seen.

    Out of fold a score comes from one net and one booster; in use, and on these images, from the mean of them.

    Parameters
    ----------
    stacker : Stacker
    features : float32 table, shape (n, d)
        As for `Stacker.predict`.
    target : int array, shape (n,)
        0 or 1.
    prior : float
        Share of fakes in training, which the images are weighed to.

    Returns
    -------
    Stacker
        Its `oof` stays as it was.

    Raises
    ------
    ValueError
        Where a class is absent.
    """
    share = float(target.mean())
    if not 0 < share < 1:
        raise ValueError("both classes are needed to calibrate on")
    raw = stacker.slope * stacker.raw(features) + stacker.offset
    weight = np.where(target == 1, prior / share, (1 - prior) / (1 - share))
    slope, offset = platt(raw, target, weight, spread=_CORRECTION_SPREAD)
    return replace(stacker, slope=slope * stacker.slope, offset=slope * stacker.offset + offset)


class _Table:
    """The columns of training, binned once, and the logits among them."""

    def __init__(
        self,
        features: pd.DataFrame,
        *,
        logits: Sequence[str],
        target: NDArray[np.integer],
        options: StackerOptions,
    ) -> None:
        self.logit_names = list(logits)
        self.logits = features[self.logit_names].to_numpy(np.float64)
        self.columns = list(features.columns)
        self.values = np.ascontiguousarray(features.to_numpy(np.float32))
        # Binned once, without a look at the target; every booster learns from some of its rows.
        self.binned = lgb.Dataset(
            self.values, target, feature_name=self.columns, params=_dataset_params(options)
        ).construct()


def _expert(
    kind: str,
    table: _Table,
    kinds: NDArray[np.str_],
    in_task: NDArray[np.bool_],
    fold: NDArray[np.int64],
    *,
    options: StackerOptions,
) -> tuple[Expert, Floats]:
    """The expert of one kind, learned from the rows `in_task`, and its log-likelihood ratio of every row, (n,).

    The ratios are out of fold.
    """
    target = (kinds == kind).astype(np.int64)
    weight = np.where(target == 1, 0.5 / target[in_task].mean(), 0.5 / (1 - target[in_task].mean()))
    boosters, trees = _boosters(table, target, weight, in_task, fold, options=options)
    means = table.logits[in_task].mean(axis=0)
    terms = np.hstack([trees[:, None], table.logits - means])
    offset, weights = nonnegative_logistic(terms[in_task], target[in_task], weight[in_task], ridge=_RIDGE)
    expert = Expert(
        kind,
        boosters,
        slope=float(weights[0]),
        offset=offset,
        weights=dict(zip(table.logit_names, weights[1:].tolist(), strict=True)),
        means=dict(zip(table.logit_names, means.tolist(), strict=True)),
    )
    return expert, offset + terms @ weights


def _boosters(
    table: _Table,
    target: NDArray[np.int64],
    weight: Floats,
    in_task: NDArray[np.bool_],
    fold: NDArray[np.int64],
    *,
    options: StackerOptions,
) -> tuple[list[lgb.Booster], Floats]:
    """A booster per fold, and the raw output out of fold of every row, (n,)."""
    boosters: list[lgb.Booster] = []
    oof = np.zeros(len(fold))
    for index in range(options.folds):
        rows_of_fold = in_task & (fold != index), in_task & (fold == index)
        train, valid = (_subset(table.binned, rows, target, weight) for rows in rows_of_fold)
        booster = lgb.train(
            _booster_params(options, rising=[name in table.logit_names for name in table.columns]),
            train,
            num_boost_round=options.num_boost_round,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(options.early_stopping, verbose=False), lgb.log_evaluation(0)],
        )
        # The text is what is kept and served, so the text is what is measured.
        booster = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
        oof[fold == index] = booster.predict(table.values[fold == index], raw_score=True)
        boosters.append(booster)
    return boosters, oof


def _subset(
    binned: lgb.Dataset, rows: NDArray[np.bool_], target: NDArray[np.int64], weight: Floats
) -> lgb.Dataset:
    """Some rows of a binned table, with the target and weights of one task."""
    subset = binned.subset(np.flatnonzero(rows).tolist()).construct()
    return subset.set_label(target[rows]).set_weight(weight[rows])


def _dataset_params(options: StackerOptions) -> dict[str, Any]:
    return {"max_bin": options.max_bin, "min_data_in_leaf": options.min_data_in_leaf, "verbosity": -1}


def _booster_params(options: StackerOptions, *, rising: Sequence[bool]) -> dict[str, Any]:
    return {
        **_dataset_params(options),
        "objective": "binary",
        "metric": ["binary_logloss"],
        "learning_rate": options.learning_rate,
        "num_leaves": options.num_leaves,
        "feature_fraction": options.feature_fraction,
        "bagging_fraction": options.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": options.lambda_l2,
        "monotone_constraints": [int(may_only_rise) for may_only_rise in rising],
        "seed": options.seed,
        "deterministic": True,
        "force_row_wise": True,
    }
