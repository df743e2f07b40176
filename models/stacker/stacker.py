"""The stacker: LightGBM over named numbers, an expert per kind of fake, fused as a mixture, calibrated.

`models.stacker.training` trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp, softmax

from models.bundle_info import ExpertInfo, StackerInfo
from models.stacker.expert import Expert, Floats


@dataclass(frozen=True)
class Stacker:
    """One expert per kind of fake; a fake is a mixture of kinds, so one sure expert is enough.

    The likelihood ratio of "fake" is the weighted sum of the experts' ratios: the raw score is
    log sum_k w_k exp(r_k), and p = expit(slope * raw + offset) after calibration.

    Attributes
    ----------
    columns : list of str
        In the order of training.
    experts : list of Expert
    weights : list of float
        Of the kinds, adding up to 1.
    slope, offset : float
        Of the raw score.
    oof : float64 array, shape (n,)
        Out-of-fold probabilities of the training rows, calibrated out of fold; empty after `load`.
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

    def log_likelihood_ratios(self, features: pd.DataFrame) -> Floats:
        """Log-likelihood ratio of each expert.

        Parameters
        ----------
        features : float32 table, shape (n, d)

        Returns
        -------
        float64 array, shape (n, experts)

        Raises
        ------
        ValueError
            Where columns are missing, too many or out of order; the message names them.
        """
        self._check(features)
        if not len(features):
            return np.zeros((0, len(self.experts)))
        return np.stack([expert.raw(features) for expert in self.experts], axis=1)

    def raw(self, features: pd.DataFrame) -> Floats:
        """Log-likelihood ratio of the mixture before calibration.

        Parameters
        ----------
        features : float32 table, shape (n, d)

        Returns
        -------
        float64 array, shape (n,)
        """
        return mixture(self.log_likelihood_ratios(features), self.weights)

    def predict(self, features: pd.DataFrame) -> Floats:
        """Calibrated probability of fake.

        Parameters
        ----------
        features : float32 table, shape (n, d)

        Returns
        -------
        float64 array, shape (n,)
        """
        return self.probability(self.log_likelihood_ratios(features))

    def probability(self, log_likelihood_ratios: Floats) -> Floats:
        """Calibrated probability of fake from the experts' ratios.

        Parameters
        ----------
        log_likelihood_ratios : float64 array, shape (n, experts)

        Returns
        -------
        float64 array, shape (n,)
        """
        return np.asarray(
            expit(self.slope * mixture(log_likelihood_ratios, self.weights) + self.offset), dtype=np.float64
        )

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of the raw score.

        Tree SHAP [1]_ of each expert, weighed by its share in the row's mixture: what the experts that
        decided looked at.

        Parameters
        ----------
        features : float32 table, shape (n, d)

        Returns
        -------
        float64 array, shape (n, d + 1)
            The base value last; a row adds up to its `raw`.

        References
        ----------
        .. [1] Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for
           trees", doi:10.1038/s42256-019-0138-9
        """
        self._check(features)
        log_likelihood_ratios = self.log_likelihood_ratios(features)
        share = softmax(log_likelihood_ratios + np.log(self.weights), axis=1)
        weighed = [share[:, [k]] * expert.contributions(features) for k, expert in enumerate(self.experts)]
        total = np.sum(weighed, axis=0)
        total[:, -1] += mixture(log_likelihood_ratios, self.weights) - total.sum(1)
        return np.asarray(total)

    def _check(self, features: pd.DataFrame) -> None:
        columns = list(features.columns)
        if columns == self.columns:
            return
        missing = [c for c in self.columns if c not in set(columns)]
        extra = [c for c in columns if c not in set(self.columns)]
        raise ValueError(
            f"features do not fit the model: {len(missing)} columns missing {missing[:5]}, {len(extra)} unknown "
            f"{extra[:5]}{'' if missing or extra else ', order differs'}; compute the blocks that bundle.json names"
        )

    def save(self, folder: Path) -> StackerInfo:
        """Write `stacker_<kind>_fold<i>.txt`, LightGBM's text of each booster.

        Parameters
        ----------
        folder : Path

        Returns
        -------
        StackerInfo
            What a bundle's record keeps of it.
        """
        for expert in self.experts:
            for index, booster in enumerate(expert.boosters):
                booster.save_model(
                    folder / f"stacker_{expert.kind}_fold{index}.txt", num_iteration=booster.best_iteration
                )
        experts = [
            ExpertInfo(kind=e.kind, n_boosters=len(e.boosters), slope=e.slope, offset=e.offset, weight=w)
            for e, w in zip(self.experts, self.weights, strict=True)
        ]
        return StackerInfo(experts=experts, slope=self.slope, offset=self.offset, columns=self.columns)

    @classmethod
    def load(cls, folder: Path, info: StackerInfo) -> Stacker:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
        info : StackerInfo
            What `save` returned.

        Returns
        -------
        Stacker
            Without out-of-fold probabilities.
        """
        experts = []
        for e in info.experts:
            files = [folder / f"stacker_{e.kind}_fold{i}.txt" for i in range(e.n_boosters)]
            boosters = [lgb.Booster(model_file=file) for file in files]
            experts.append(Expert(e.kind, boosters, e.slope, e.offset))
        return cls(info.columns, experts, [e.weight for e in info.experts], info.slope, info.offset)


def mixture(log_likelihood_ratios: Floats, weights: Sequence[float]) -> Floats:
    """Log-likelihood ratio of a mixture of kinds: log sum_k w_k exp(r_k).

    Parameters
    ----------
    log_likelihood_ratios : float64 array, shape (n, kinds)
    weights : sequence of float, shape (kinds,)
        Adding up to 1.

    Returns
    -------
    float64 array, shape (n,)
    """
    return np.asarray(
        logsumexp(log_likelihood_ratios + np.log(np.asarray(weights)), axis=1), dtype=np.float64
    )
