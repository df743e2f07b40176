"""An expert of the stacker: trees and net logits that know one kind of fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]
ROWS_PER_THREAD = 1000  # fewer rows are not worth waking a second thread of LightGBM's


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
        trees = self._predicted(features, raw_score=True).mean(axis=0)
        return np.asarray(self.slope * trees + self.offset + self._logits(features).sum(axis=1))

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
        values = self.slope * self._predicted(features, pred_contrib=True).mean(axis=0)
        values[:, features.columns.get_indexer(list(self.weights))] += self._logits(features)
        values[:, -1] += self.offset
        return np.asarray(values)

    def _predicted(
        self, features: pd.DataFrame, *, raw_score: bool = False, pred_contrib: bool = False
    ) -> Floats:
        """What each booster says, (boosters, n) or (boosters, n, d + 1).

        From an array and, for few rows, on one thread: of 27 ms for a row from a table all but 0.2 ms a booster
        went into the table and the threads. The bits are the same.
        """
        rows = np.ascontiguousarray(features.to_numpy(np.float32))
        threads = 1 if len(rows) < ROWS_PER_THREAD else 0
        return np.stack(
            [
                np.asarray(
                    booster.predict(
                        rows, raw_score=raw_score, pred_contrib=pred_contrib, num_threads=threads
                    ),
                    dtype=np.float64,
                )
                for booster in self.boosters
            ]
        )

    def _logits(self, features: pd.DataFrame) -> Floats:
        """Terms of the logits, (n, logits)."""
        names = list(self.weights)
        means, weights = (np.array([table[name] for name in names]) for table in (self.means, self.weights))
        logits = features.to_numpy(np.float32)[:, features.columns.get_indexer(names)]
        return (logits.astype(np.float64) - means) * weights
