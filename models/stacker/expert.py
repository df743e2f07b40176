"""An expert of the stacker: boosters that know one kind of fake."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expert:
    """Boosters that tell real faces from one kind of fake, and their calibration to log-likelihood ratios.

    Attributes
    ----------
    kind : str
        Of fake.
    boosters : list of lightgbm.Booster
        One per fold.
    slope, offset : float
        Of the boosters' mean raw score, fitted out of fold with both classes weighed alike.
    """

    kind: str
    boosters: list[lgb.Booster]
    slope: float
    offset: float

    def raw(self, features: pd.DataFrame) -> Floats:
        """Calibrated log-likelihood ratio of this kind against real.

        Parameters
        ----------
        features : float32 table, shape (n, d)
            The columns of training, in order.

        Returns
        -------
        float64 array, shape (n,)
        """
        outputs = [b.predict(features, raw_score=True, validate_features=True) for b in self.boosters]
        mean = np.mean(np.stack([np.asarray(o, dtype=np.float64) for o in outputs]), axis=0)
        return np.asarray(self.slope * mean + self.offset)

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of `raw`.

        Parameters
        ----------
        features : float32 table, shape (n, d)

        Returns
        -------
        float64 array, shape (n, d + 1)
            The base value last; a row adds up to its `raw`.
        """
        by_booster = [
            np.asarray(b.predict(features, pred_contrib=True), dtype=np.float64) for b in self.boosters
        ]
        values = self.slope * np.mean(np.stack(by_booster), axis=0)
        values[:, -1] += self.offset
        return np.asarray(values)
