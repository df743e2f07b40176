"""The stacker: LightGBM over named numbers, an expert per kind of fake, fused as a mixture, calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp, softmax

from models.folds import assign
from models.lessons import FAKES, REAL

Floats = NDArray[np.float64]
MONOTONE_PREFIX = "net_"  # a fine-tuned net's logit may only raise the score


class StackerOptions(Protocol):
    """What `fit` is told; the `train` section of params.yaml has it."""

    folds: int
    seed: int
    rounds: int
    early_stopping: int
    learning_rate: float
    num_leaves: int
    min_data_in_leaf: int
    feature_fraction: float
    bagging_fraction: float
    lambda_l2: float
    max_bin: int
    pseudo_weight: float


@dataclass(frozen=True)
class Expert:
    """Boosters that tell real faces from one kind of fake, and their calibration to log-likelihood ratios.

    slope, offset : of the boosters' mean raw score, fitted out of fold with both classes weighed alike.
    """

    kind: str
    boosters: list[lgb.Booster]
    slope: float
    offset: float

    def raw(self, features: pd.DataFrame) -> Floats:
        """Calibrated log-likelihood ratio of this kind against real, float64 (n,)."""
        outputs = [b.predict(features, raw_score=True, validate_features=True) for b in self.boosters]
        mean = np.mean(np.stack([np.asarray(o, dtype=np.float64) for o in outputs]), axis=0)
        return np.asarray(self.slope * mean + self.offset)

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of `raw`, float64 (n, columns + 1), the base value last."""
        parts = [np.asarray(b.predict(features, pred_contrib=True), dtype=np.float64) for b in self.boosters]
        values = self.slope * np.mean(np.stack(parts), axis=0)
        values[:, -1] += self.offset
        return np.asarray(values)


@dataclass(frozen=True)
class Stacker:
    """One expert per kind of fake; a fake is a mixture of kinds, so one sure expert is enough.

    The likelihood ratio of "fake" is the weighted sum of the experts' ratios: the raw score is
    log sum_k w_k exp(r_k), and p = expit(slope * raw + offset) after calibration.

    columns : in the order of training. weights : of the kinds, adding up to 1. oof : float64 (n,),
    calibrated out-of-fold probabilities of the training rows; empty after `load`.
    """

    columns: list[str]
    experts: list[Expert]
    weights: list[float]
    slope: float
    offset: float
    oof: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def boosters(self) -> list[lgb.Booster]:
        """The boosters of all experts."""
        return [booster for expert in self.experts for booster in expert.boosters]

    def ratios(self, features: pd.DataFrame) -> Floats:
        """Log-likelihood ratio of each expert, float64 (n, experts).

        Raises ValueError naming columns that are missing, too many or out of order.
        """
        self._check(features)
        if not len(features):
            return np.zeros((0, len(self.experts)))
        return np.stack([expert.raw(features) for expert in self.experts], axis=1)

    def raw(self, features: pd.DataFrame) -> Floats:
        """Log-likelihood ratio of the mixture before calibration, float64 (n,)."""
        return mixture(self.ratios(features), self.weights)

    def predict(self, features: pd.DataFrame) -> Floats:
        """Calibrated probability of fake, float64 (n,)."""
        return self.probability(self.ratios(features))

    def probability(self, ratios: Floats) -> Floats:
        """Calibrated probability of fake from the experts' `ratios`."""
        return np.asarray(expit(self.slope * mixture(ratios, self.weights) + self.offset), dtype=np.float64)

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of the raw score, float64 (n, columns + 1), the base value last.

        Tree SHAP (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9) of each expert, weighed by its
        share in the row's mixture: what the experts that decided looked at.
        """
        self._check(features)
        ratios = self.ratios(features)
        share = softmax(ratios + np.log(self.weights), axis=1)
        parts = [share[:, [k]] * expert.contributions(features) for k, expert in enumerate(self.experts)]
        total = np.sum(parts, axis=0)
        total[:, -1] += mixture(ratios, self.weights) - total.sum(1)
        return np.asarray(total)

    def _check(self, features: pd.DataFrame) -> None:
        found = list(features.columns)
        if found == self.columns:
            return
        missing = [c for c in self.columns if c not in set(found)]
        extra = [c for c in found if c not in set(self.columns)]
        raise ValueError(
            f"features do not fit the model: {len(missing)} columns missing {missing[:5]}, {len(extra)} unknown "
            f"{extra[:5]}{'' if missing or extra else ', order differs'}; compute the blocks that bundle.json names"
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Write stacker_<kind>_fold*.txt; returns what bundle.json has to keep of it."""
        for expert in self.experts:
            for index, booster in enumerate(expert.boosters):
                booster.save_model(
                    folder / f"stacker_{expert.kind}_fold{index}.txt", num_iteration=booster.best_iteration
                )
        experts = [
            {"kind": e.kind, "boosters": len(e.boosters), "slope": e.slope, "offset": e.offset, "weight": w}
            for e, w in zip(self.experts, self.weights, strict=True)
        ]
        return {"experts": experts, "slope": self.slope, "offset": self.offset, "columns": self.columns}

    @classmethod
    def load(cls, folder: Path, facts: dict[str, Any]) -> Stacker:
        """Read what `save` wrote; `facts` is what it returned."""
        experts = []
        for e in facts["experts"]:
            files = [folder / f"stacker_{e['kind']}_fold{i}.txt" for i in range(e["boosters"])]
            boosters = [lgb.Booster(model_file=file) for file in files]
            experts.append(Expert(e["kind"], boosters, float(e["slope"]), float(e["offset"])))
        weights = [float(e["weight"]) for e in facts["experts"]]
        return cls(list(facts["columns"]), experts, weights, float(facts["slope"]), float(facts["offset"]))


def mixture(ratios: Floats, weights: Sequence[float]) -> Floats:
    """log sum_k w_k exp(r_k), float64 (n,). ratios : (n, kinds); weights : (kinds,), adding up to 1."""
    return np.asarray(logsumexp(ratios + np.log(np.asarray(weights)), axis=1), dtype=np.float64)


def fit(
    features: pd.DataFrame,
    target: NDArray[np.integer],
    groups: NDArray[np.str_],
    *,
    sources: NDArray[np.str_] | None = None,
    kinds: NDArray[np.str_] | None = None,
    judged: NDArray[np.bool_] | None = None,
    options: StackerOptions,
) -> Stacker:
    """Train an expert per kind, boosters with early stopping on the fold left out, and calibrate on those.

    features : float32 (n, d). target : 0 or 1, (n,). groups, sources : (n,); folds keep groups whole
    and balance sources. kinds : (n,), `real` or the kind of fake, by target when None. judged : rows
    that the last calibration is fitted on (not pseudo-fakes or copies), all when None.
    Same input, same bytes, whatever the number of threads.
    """
    origin = np.full(len(target), "all") if sources is None else sources
    named = np.where(target == 1, FAKES, REAL) if kinds is None else kinds
    fold = assign(target, groups, origin, folds=options.folds, seed=options.seed)
    columns = list(features.columns)
    values = np.ascontiguousarray(features.to_numpy(np.float32))
    # Binned once, without a look at the target; every booster learns from a part of it.
    binned = lgb.Dataset(values, target, feature_name=columns, params=_dataset(options)).construct()
    found = sorted(set(named.tolist()) - {REAL}, key=lambda kind: (kind != FAKES, kind))
    experts, ratios = [], np.zeros((len(target), len(found)))
    for at, kind in enumerate(found):
        expert, ratios[:, at] = _expert(kind, values, binned, named, fold, options=options)
        experts.append(expert)
    share = options.pseudo_weight if len(found) > 1 else 0.0
    others = max(len(found) - 1, 1)
    weights = [1 - share if kind == FAKES or len(found) == 1 else share / others for kind in found]
    raw = mixture(ratios, weights)
    rows = np.ones(len(target), dtype=bool) if judged is None else judged
    slope, offset = platt(raw[rows], target[rows])
    return Stacker(columns, experts, weights, slope, offset, np.asarray(expit(slope * raw + offset)))


def _expert(
    kind: str,
    values: NDArray[np.float32],
    binned: lgb.Dataset,
    kinds: NDArray[np.str_],
    fold: NDArray[np.int64],
    *,
    options: StackerOptions,
) -> tuple[Expert, Floats]:
    """The expert of one kind, and its log-likelihood ratio of every row out of fold, float64 (n,)."""
    mine = (kinds == REAL) | (kinds == kind)
    target = (kinds == kind).astype(np.int64)
    weight = np.where(target == 1, 0.5 / target[mine].mean(), 0.5 / (1 - target[mine].mean()))
    boosters, oof = [], np.zeros(len(fold))
    for index in range(options.folds):
        kept, held = mine & (fold != index), mine & (fold == index)
        train, valid = (_part(binned, rows, target, weight) for rows in (kept, held))
        booster = lgb.train(
            _booster(options, binned.get_feature_name()),
            train,
            num_boost_round=options.rounds,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(options.early_stopping, verbose=False), lgb.log_evaluation(0)],
        )
        # The text is what is kept and served, so the text is what is measured.
        booster = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
        oof[fold == index] = booster.predict(values[fold == index], raw_score=True)
        boosters.append(booster)
    slope, offset = platt(oof[mine], target[mine], weight[mine])
    return Expert(kind, boosters, slope, offset), slope * oof + offset


def _part(
    binned: lgb.Dataset, rows: NDArray[np.bool_], target: NDArray[np.int64], weight: Floats
) -> lgb.Dataset:
    """Some rows of a binned table, with a target and weights of their own."""
    part = binned.subset(np.flatnonzero(rows).tolist()).construct()
    return part.set_label(target[rows]).set_weight(weight[rows])


def _dataset(options: StackerOptions) -> dict[str, Any]:
    return {"max_bin": options.max_bin, "min_data_in_leaf": options.min_data_in_leaf, "verbosity": -1}


def _booster(options: StackerOptions, columns: Sequence[str]) -> dict[str, Any]:
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
        "monotone_constraints": [int(c.startswith(MONOTONE_PREFIX)) for c in columns],
        "seed": options.seed,
        "deterministic": True,
        "force_row_wise": True,
    }


def platt(raw: Floats, target: NDArray[np.integer], weight: Floats | None = None) -> tuple[float, float]:
    """Slope and offset of Platt's logistic calibration (Platt 1999), by maximum likelihood.

    raw : log-odds, (n,). The targets are Platt's smoothed ones, so that separable data stay finite.
    weight : of the rows, ones when None. The slope is at least 1e-3, so that the order of the scores
    never changes.
    """
    w = np.ones(len(raw)) if weight is None else weight
    positives = int(target.sum())
    negatives = len(target) - positives
    goal = np.where(target == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(theta: Floats) -> tuple[float, Floats]:
        logit = theta[0] * raw + theta[1]
        error = w * (expit(logit) - goal)
        each = w * (np.logaddexp(0, logit) - goal * logit)
        return float(each.mean()), np.array([(error * raw).mean(), error.mean()])

    best = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    )
    return float(best.x[0]), float(best.x[1])
