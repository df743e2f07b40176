"""Scored images: val by the model, train out of fold, and their figures by source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.bundle import Prediction
from pipeline.evaluation.intervals import summary
from pipeline.evaluation.metrics import auc

KEY_METRICS = ("auc", "tpr_at_fpr_1e-2", "tpr_at_fpr_1e-3", "ece", "brier")
MAX_UNSEEN = 5  # sources among the key figures, the weakest ones: with the others a dozen numbers


def summaries(rows: pd.DataFrame, *, resamples: int, seed: int) -> dict[str, Any]:
    """Figures of scored rows, overall and by source.

    Parameters
    ----------
    rows : DataFrame
        Columns target, source, group, score; rows without a label or score are left out.
    resamples : int
        How many resamples the intervals rest on.
    seed : int
        Of the resamples.

    Returns
    -------
    dict
        overall : `intervals.summary`; by_source : the same by name.
    """
    known = rows[rows["target"].notna() & rows["score"].notna()]

    def figures(scope: pd.DataFrame) -> dict[str, Any]:
        target = scope["target"].to_numpy(dtype=np.int64)
        return summary(target, scope["score"], scope["group"], resamples=resamples, seed=seed)

    sources = sorted(known["source"].unique())
    return {
        "overall": figures(known),
        "by_source": {s: figures(known[known["source"] == s]) for s in sources},
    }


def novelty(val: pd.DataFrame) -> dict[str, Any]:
    """How well novelty tells which images are on the wrong side of 0.5.

    Parameters
    ----------
    val : DataFrame
        Columns target, score, novelty, source; rows without a label are left out.

    Returns
    -------
    dict
        overall and by source: wrong : images on the wrong side; n : images; auc : of novelty as a sign of
        the wrong ones, None when all or none are wrong.
    """
    known = val[val["target"].notna()]
    scopes = {"overall": known, **{str(source): rows for source, rows in known.groupby("source")}}
    results: dict[str, Any] = {}
    for name, scope in scopes.items():
        wrong = ((scope["score"] >= 0.5) != (scope["target"] == 1)).to_numpy(np.int64)
        area = auc(wrong, scope["novelty"]) if len(scope) else float("nan")
        results[name] = {
            "wrong": int(wrong.sum()),
            "n": len(scope),
            "auc": area if np.isfinite(area) else None,
        }
    return results


def join(
    val: pd.DataFrame, predictions: Sequence[Prediction], train: pd.DataFrame, oof: pd.DataFrame
) -> pd.DataFrame:
    """Join val rows with their predictions and train rows with their out-of-fold scores.

    Parameters
    ----------
    val, train : DataFrame
        Manifest columns.
    predictions : sequence of Prediction
        Of the val rows, in their order.
    oof : DataFrame
        Columns img_name, sha256, score.

    Returns
    -------
    DataFrame
        val, then train, with score and fold_out (whether the score is out of fold); novelty and llr_<kind>
        of val alone.
    """
    keys = ["img_name", "sha256"]
    known = oof.drop_duplicates(keys).set_index(keys)["score"]
    out = known.reindex(pd.MultiIndex.from_frame(train[keys])).to_numpy()
    kinds = list(predictions[0].log_likelihood_ratios) if predictions else []
    columns = {
        "score": [p.score for p in predictions],
        "novelty": [p.novelty for p in predictions],
        **{f"llr_{kind}": [p.log_likelihood_ratios[kind] for p in predictions] for kind in kinds},
    }
    return pd.concat(
        [val.assign(**columns, fold_out=False), train.assign(score=out, fold_out=True)], ignore_index=True
    )


def key_figures(evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The few numbers of an evaluation that runs are compared by.

    Parameters
    ----------
    evaluation : dict
        As the stage writes it to reports/evaluation.json.

    Returns
    -------
    dict of dict of float
        At most a dozen: val (auc, two TPRs, ece, brier, auc of the weakest source), train_oof (auc) and
        leave_one_source_out (auc without labels of the weakest sources); what has no value is absent.
    """
    overall, by_source = evaluation["val"]["overall"], evaluation["val"]["by_source"]
    val = {name: _value(overall.get(name)) for name in KEY_METRICS}
    val["weakest_source_auc"] = min(
        (v for s in by_source.values() if (v := _value(s["auc"])) is not None), default=None
    )
    unseen = {
        source: area
        for source, result in evaluation["leave_one_source_out"].items()
        if (area := _value(result["label_free"].get("auc"))) is not None
    }
    weakest = sorted(unseen, key=lambda source: (unseen[source], source))[:MAX_UNSEEN]
    figures: dict[str, dict[str, float | None]] = {
        "val": val,
        "train_oof": {"auc": _value(evaluation["train_oof"]["overall"]["auc"])},
        "leave_one_source_out": {source: unseen[source] for source in sorted(weakest)},
    }
    known = {name: {k: v for k, v in group.items() if v is not None} for name, group in figures.items()}
    return {name: group for name, group in known.items() if group}


def _value(figure: dict[str, float] | None) -> float | None:
    return None if figure is None else figure["value"]
