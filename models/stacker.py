"""The stacker: LightGBM over named numbers, one booster per group-aware fold, calibrated."""

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
from scipy.special import expit

from models.folds import assign

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


@dataclass(frozen=True)
class Stacker:
    """Boosters whose raw scores are averaged, then calibrated: p = expit(slope * raw + offset).

    columns : in the order of training. oof : float64 (n,), calibrated out-of-fold probabilities of
    the training rows; empty after `load`.
    """

    columns: list[str]
    boosters: list[lgb.Booster]
    slope: float
    offset: float
    oof: Floats = field(default_factory=lambda: np.zeros(0))

    def raw(self, features: pd.DataFrame) -> Floats:
        """Mean log-odds of the boosters before calibration, float64 (n,).

        Raises ValueError naming columns that are missing, too many or out of order.
        """
        self._check(features)
        if not len(features):
            return np.zeros(0)
        outputs = [b.predict(features, raw_score=True, validate_features=True) for b in self.boosters]
        return np.mean(np.stack([np.asarray(o, dtype=np.float64) for o in outputs]), axis=0)

    def predict(self, features: pd.DataFrame) -> Floats:
        """Calibrated probability of fake, float64 (n,)."""
        return np.asarray(expit(self.slope * self.raw(features) + self.offset), dtype=np.float64)

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of the raw score, float64 (n, columns + 1), the base value last.

        Tree SHAP (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), averaged over the boosters.
        """
        self._check(features)
        parts = [np.asarray(b.predict(features, pred_contrib=True), dtype=np.float64) for b in self.boosters]
        return np.mean(np.stack(parts), axis=0)

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
        """Write stacker_fold*.txt; returns what bundle.json has to keep of it."""
        for index, booster in enumerate(self.boosters):
            booster.save_model(folder / f"stacker_fold{index}.txt", num_iteration=booster.best_iteration)
        return {
            "boosters": len(self.boosters),
            "slope": self.slope,
            "offset": self.offset,
            "columns": self.columns,
        }

    @classmethod
    def load(cls, folder: Path, facts: dict[str, Any]) -> Stacker:
        """Read what `save` wrote; `facts` is what it returned."""
        boosters = [lgb.Booster(model_file=folder / f"stacker_fold{i}.txt") for i in range(facts["boosters"])]
        return cls(list(facts["columns"]), boosters, float(facts["slope"]), float(facts["offset"]))


def fit(
    features: pd.DataFrame,
    target: NDArray[np.integer],
    groups: NDArray[np.str_],
    *,
    sources: NDArray[np.str_] | None = None,
    options: StackerOptions,
) -> Stacker:
    """Train one booster per fold with early stopping on the fold left out, then calibrate on those.

    features : float32 (n, d). target : 0 or 1, (n,). groups, sources : (n,); folds keep groups whole
    and balance sources. Same input, same bytes, whatever the number of threads.
    """
    origin = np.full(len(target), "all") if sources is None else sources
    fold = assign(target, groups, origin, folds=options.folds, seed=options.seed)
    columns = list(features.columns)
    values = np.ascontiguousarray(features.to_numpy(np.float32))
    boosters, oof = [], np.zeros(len(target))
    for index in range(options.folds):
        kept, held = fold != index, fold == index
        train = lgb.Dataset(values[kept], target[kept], feature_name=columns, params=_dataset(options))
        valid = lgb.Dataset(values[held], target[held], feature_name=columns, reference=train)
        booster = lgb.train(
            _booster(options, columns),
            train,
            num_boost_round=options.rounds,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(options.early_stopping, verbose=False), lgb.log_evaluation(0)],
        )
        # The text is what is kept and served, so the text is what is measured.
        booster = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
        oof[held] = booster.predict(features[held], raw_score=True)
        boosters.append(booster)
    slope, offset = platt(oof, target)
    return Stacker(columns, boosters, slope, offset, np.asarray(expit(slope * oof + offset)))


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


def platt(raw: Floats, target: NDArray[np.integer]) -> tuple[float, float]:
    """Slope and offset of Platt's logistic calibration (Platt 1999), by maximum likelihood.

    raw : log-odds, (n,). The targets are Platt's smoothed ones, so that separable data stay finite.
    The slope is at least 1e-3, so that the order of the scores never changes.
    """
    positives = int(target.sum())
    negatives = len(target) - positives
    goal = np.where(target == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(theta: Floats) -> tuple[float, Floats]:
        logit = theta[0] * raw + theta[1]
        error = expit(logit) - goal
        return float((np.logaddexp(0, logit) - goal * logit).mean()), np.array(
            [(error * raw).mean(), error.mean()]
        )

    best = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    )
    return float(best.x[0]), float(best.x[1])
