"""An expert of the stacker: trees and net logits that know one kind of fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expert:
    """Log-likelihood ratio of one kind of fake against real: offset + slope * trees + sum_j w_j (logit_j - mean_j).

    A logit is one strong number. Trees use it together with the rest, but cut it into steps and so lose the order of the
    surest images; as a term of its own it keeps that.

    Attributes
    ----------
    kind : str
        Of fake.
    boosters : list of lightgbm.Booster
        One per fold; `trees` is the mean of their raw outputs.
    slope, offset : float
        Fitted out of fold, both classes weighed alike.
    weights : dict of str to float
        Of each net's logit, by column, at least 0.
    means : dict of str to float
        Of each logit over the rows that the expert learned from.
    """

    kind: str
    boosters: Sequence[lgb.Booster]
    slope: float
    offset: float
    weights: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)

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
        return np.asarray(
            self.slope * self._trees(features) + self.offset + self._logits(features).sum(axis=1)
        )

    def contributions(self, features: pd.DataFrame) -> Floats:
        """SHAP values of `raw`: Tree SHAP of the boosters; of a logit, its term.

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
        values[:, features.columns.get_indexer(list(self.weights))] += self._logits(features)
        values[:, -1] += self.offset
        return np.asarray(values)

    def _trees(self, features: pd.DataFrame) -> Floats:
        """Mean raw output of the boosters, (n,)."""
        outputs = [b.predict(features, raw_score=True, validate_features=True) for b in self.boosters]
        return np.mean(np.stack([np.asarray(o, dtype=np.float64) for o in outputs]), axis=0)

    def _logits(self, features: pd.DataFrame) -> Floats:
        """Terms of the logits, (n, logits)."""
        names = list(self.weights)
        means, weights = (np.array([table[name] for name in names]) for table in (self.means, self.weights))
        return (features[names].to_numpy(np.float64) - means) * weights
