"""The stacker: LightGBM over named numbers, an expert per kind of fake, their evidence fused and calibrated.

`models.stacker.training` trains it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from models.bundle_info import ExpertInfo, StackerInfo
from models.stacker.booster_text import checked
from models.stacker.boosting import lightgbm
from models.stacker.expert import Expert, Floats
from models.stacker.fusion import Fusion

if TYPE_CHECKING:
    import lightgbm as lgb

_NO_GAP = 1e-9  # between ratio and base value: no column has a part in it


@dataclass(frozen=True)
class Stacker:
    """One expert per kind of fake, of which one that is sure is enough.

    `Fusion` makes a raw score of the experts' log-likelihood ratios; p = expit(slope * raw + offset) after calibration.

    Attributes
    ----------
    columns : list of str
        In the order of training.
    experts : list of Expert
    fusion : Fusion
    slope, offset : float
        Of the raw score.
    oof : float64 array, shape (n,)
        Out-of-fold probabilities of the training rows, calibrated out of fold; empty after `load`.
    """

    columns: list[str]
    experts: list[Expert]
    fusion: Fusion
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
        """The raw score, before calibration.

        Parameters
        ----------
        features : float32 table, shape (n, d)

        Returns
        -------
        float64 array, shape (n,)
        """
        return self.fusion(self.log_likelihood_ratios(features))

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
            expit(self.slope * self.fusion(log_likelihood_ratios) + self.offset), dtype=np.float64
        )

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of the raw score.

        Tree SHAP [1]_ of each expert's ratio, times what the expert adds to the raw score by unit of its ratio's distance
        from its base value (the rescale rule [2]_): what the experts that decided looked at.

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
        .. [2] Shrikumar, Greenside & Kundaje 2017, "Learning Important Features Through Propagating Activation
           Differences", arXiv:1704.02685
        """
        ratios = self.log_likelihood_ratios(features)
        parts = [expert.contributions(features) for expert in self.experts]
        bases = np.stack([part[:, -1] for part in parts], axis=1)
        rise = self.fusion.terms(ratios, bases)
        gap = ratios - bases
        slope = np.divide(rise, gap, out=np.zeros_like(rise), where=np.abs(gap) > _NO_GAP)
        total = np.sum([slope[:, [k]] * part for k, part in enumerate(parts)], axis=0)
        total[:, -1] = self.fusion(ratios) - total[:, :-1].sum(axis=1)
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
                text = booster.model_to_string(num_iteration=booster.best_iteration)
                path = folder / f"stacker_{expert.kind}_fold{index}.txt"
                path.write_text(text, encoding="utf-8")  # LightGBM's own writing does not tell a full disk
        experts = [
            ExpertInfo(
                kind=expert.kind,
                n_boosters=len(expert.boosters),
                slope=expert.slope,
                offset=expert.offset,
                logit_weights=dict(expert.weights),
                logit_means=dict(expert.means),
                share=float(share),
            )
            for expert, share in zip(self.experts, self.fusion.shares, strict=True)
        ]
        return StackerInfo(
            experts=experts,
            slope=self.slope,
            offset=self.offset,
            columns=self.columns,
        )

    @classmethod
    def load(cls, info: StackerInfo, *, read: Callable[[str], bytes]) -> Stacker:
        """Read what `save` wrote.

        Parameters
        ----------
        info : StackerInfo
            What `save` returned.
        read : callable
            The bytes of a file of the folder, by name.

        Returns
        -------
        Stacker
            Without out-of-fold probabilities.

        Raises
        ------
        ValueError
            Naming the file that is no booster over the columns, and why.
        """
        experts = []
        for e in info.experts:
            boosters = [_booster(name, read(name), info.columns) for name in e.files]
            experts.append(Expert(e.kind, boosters, e.slope, e.offset, e.logit_weights, e.logit_means))
        fusion = Fusion(np.array([e.share for e in info.experts]))
        return cls(info.columns, experts, fusion, info.slope, info.offset)


def _booster(name: str, data: bytes, columns: list[str]) -> lgb.Booster:
    try:
        return lightgbm().Booster(model_str=checked(data.decode("ascii"), columns=columns))
    except (ValueError, lightgbm().basic.LightGBMError) as error:
        raise ValueError(f"{name} is no booster that can be used: {error}") from None
