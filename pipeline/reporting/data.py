"""What the report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.evaluation import metrics
from pipeline.reporting.radial_spectrum import RadialSpectrum
from pipeline.reporting.worst_errors import WorstError

MANY = 6  # sources; beyond it the page shows all together and points to the file
LABELS = {
    "auc": "AUC",
    **{f"tpr_at_fpr_{name}": f"TPR @ FPR {name}" for name in metrics.FPR_BOUNDS},
    "ap": "AP",
    "eer": "EER",
    "brier": "Brier",
    "ece": "ECE",
    "log_loss": "log loss",
}


@dataclass(frozen=True)
class Facts:
    """Everything the page says.

    figures : evaluation.json; audit, manifest : their JSON; info : bundle.json; scores : scores.parquet;
    effects : ablation.csv; features, blocks : importance; explained : val rows behind importance;
    spectrum : None without the radial block; worst : errors, furthest first.
    """

    figures: dict[str, Any]
    audit: dict[str, Any]
    manifest: dict[str, Any]
    info: dict[str, Any]
    scores: pd.DataFrame
    effects: pd.DataFrame
    features: pd.DataFrame
    blocks: pd.DataFrame
    explained: int
    top: int
    spectrum: RadialSpectrum | None
    worst: list[WorstError]

    @property
    def val(self) -> pd.DataFrame:
        """Labelled, scored val rows."""
        known = ~self.scores["fold_out"] & self.scores["target"].notna() & self.scores["score"].notna()
        return self.scores[known]

    def parts(self) -> dict[str, pd.DataFrame]:
        """Val rows together and, where there are several but not many, by source."""
        val = self.val
        names = sorted(val["source"].unique())
        found = {"overall": val}
        if 1 < len(names) <= MANY:
            found |= {name: val[val["source"] == name] for name in names}
        return found
