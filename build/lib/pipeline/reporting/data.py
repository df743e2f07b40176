"""What the report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle_info import BundleInfo
from pipeline.evaluation import metrics
from pipeline.reporting.radial_spectrum import RadialSpectrum
from pipeline.reporting.worst_errors import WorstError

MAX_SOURCES = 6  # with more, the page shows all of them together and points to the file
METRIC_LABELS = {
    "auc": "AUC",
    **{f"tpr_at_fpr_{name}": f"TPR @ FPR {name}" for name in metrics.FPR_BOUNDS},
    "ap": "AP",
    "eer": "EER",
    "brier": "Brier",
    "ece": "ECE",
    "log_loss": "log loss",
}


@dataclass(frozen=True)
class ReportData:
    """Everything that the page shows.

    Attributes
    ----------
    evaluation, audit, manifest : dict
        reports/evaluation.json, audit.json (empty when the audit has not run) and manifest.json.
    info : BundleInfo
        The record of the bundle.
    scores : DataFrame
        cache/scores.parquet: an image a row, of val and, with `fold_out`, of train.
    effects, learning : DataFrame
        reports/ablation.csv and reports/learning_curve.csv.
    features, clusters, blocks, bands : DataFrame
        Importance by feature, by cluster of twins, by block and by band of frequency.
    dct_grid : float64 array, shape (8, 8), or None
        Importance of the 8×8 DCT's coefficients; None without that block or without val images.
    stability : DataFrame
        reports/importance_stability.csv.
    explained : int
        Val images that the importance rests on.
    top : int
        Clusters of features that the page shows.
    spectrum : RadialSpectrum or None
        None without the radial block or with one class only.
    worst : list of WorstError
        The furthest from its label first.
    """

    evaluation: dict[str, Any]
    audit: dict[str, Any]
    manifest: dict[str, Any]
    info: BundleInfo
    scores: pd.DataFrame
    effects: pd.DataFrame
    learning: pd.DataFrame
    features: pd.DataFrame
    clusters: pd.DataFrame
    blocks: pd.DataFrame
    bands: pd.DataFrame
    dct_grid: NDArray[np.float64] | None
    stability: pd.DataFrame
    explained: int
    top: int
    spectrum: RadialSpectrum | None
    worst: list[WorstError]

    @property
    def val(self) -> pd.DataFrame:
        """Labelled, scored val rows."""
        known = ~self.scores["fold_out"] & self.scores["target"].notna() & self.scores["score"].notna()
        return self.scores[known]

    def val_by_source(self) -> dict[str, pd.DataFrame]:
        """Group the val rows: `overall`, then each source where there are 2 to `MAX_SOURCES`."""
        val = self.val
        sources = sorted(val["source"].unique())
        groups = {"overall": val}
        if 1 < len(sources) <= MAX_SOURCES:
            groups |= {source: val[val["source"] == source] for source in sources}
        return groups
