"""Stage evaluate: scores of val and train, their figures, and what blocks and sources contribute.

Reads the feature table, cache/model, cache/oof.parquet and reports/audit.json. Writes
reports/metrics.json (the few figures that runs are compared by), reports/evaluation.json (all of
them), reports/plots/*.csv, reports/ablation.csv, reports/importance_stability.csv,
reports/learning_curve.csv,
reports/leave_one_source_out.csv and cache/scores.parquet.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import curves, scores, thresholds
from pipeline.evaluation.ablation import MAX_TRAIN_IMAGES, ablate
from pipeline.evaluation.calibration import calibration
from pipeline.evaluation.learning_curve import learning_curve
from pipeline.evaluation.refits import Bootstrap, Rows, quick
from pipeline.evaluation.source_holdout import as_table, leave_one_source_out
from pipeline.evaluation.stability import stability
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.paths import (
    ABLATION,
    AUDIT,
    BUNDLE,
    EVALUATION,
    LEARNING_CURVE,
    METRICS,
    OOF,
    REPORTS,
    SCORES,
    STABILITY,
)
from pipeline.samples.feature_table import read_table
from pipeline.serving.bundles import load_bundle
from pipeline.storage.files import made, read_json, write_csv, write_json


def write_plots(rows: pd.DataFrame, folder: Path) -> None:
    """ROC, DET, precision-recall, calibration and histogram of labelled, scored rows as CSV."""
    known = rows[rows["target"].notna()]
    target, score = known["target"].to_numpy(dtype=np.int64), known["score"].to_numpy()
    rates = curves.roc(target, score)
    write_csv(folder / "roc.csv", rates)
    write_csv(folder / "det.csv", pd.DataFrame({"fpr": rates["fpr"], "fnr": 1 - rates["tpr"]}))
    write_csv(folder / "pr.csv", curves.precision_recall(target, score))
    write_csv(folder / "calibration.csv", curves.reliability(target, score))
    write_csv(folder / "histogram.csv", curves.histogram(target, score))


def audit_verdict(path: Path) -> dict[str, Any]:
    """Verdict of the audit (ok, amber or red) and its red findings; empty when it has not run."""
    if not path.is_file():
        return {}
    audit = read_json(path)
    red = [finding["text"] for finding in audit["findings"] if finding["level"] == "red"]
    return {"verdict": audit["verdict"], "red": red}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    options, bundle = params.load("evaluate"), load_bundle(BUNDLE, "cpu")
    bootstrap = Bootstrap(resamples=options.bootstrap, seed=options.seed)
    blocks, sorts = bundle.info.blocks, bundle.info.sorts
    val, train = read_table(["val"], sorts), read_table(["train"], sorts)
    rows = scores.join(val.rows, bundle.predict(val.features), train.rows, pd.read_parquet(made(OOF)))
    rows.to_parquet(SCORES, index=False)
    of_val = rows[~rows["fold_out"]]
    write_plots(of_val, REPORTS / "plots")

    fitted = Rows.of(train.rows, train.features).sample(MAX_TRAIN_IMAGES, seed=options.seed)
    tested = Rows.of(val.rows, val.features)
    cheap = quick(params.load("train"), num_boost_round=options.ablation_num_boost_round)
    write_csv(ABLATION, ablate(fitted, tested, blocks, options=cheap))
    write_csv(STABILITY, stability(bundle.stacker, fitted, tested, blocks, options=cheap))
    write_csv(LEARNING_CURVE, learning_curve(fitted, tested, blocks, options=cheap, seed=options.seed))
    holdouts = leave_one_source_out(fitted, tested, blocks, options=cheap, bootstrap=bootstrap)
    write_csv(REPORTS / "leave_one_source_out.csv", as_table(holdouts))
    resampling = {"resamples": bootstrap.resamples, "seed": bootstrap.seed}
    evaluation = {
        "val": scores.summaries(of_val, **resampling),
        "train_oof": scores.summaries(rows[rows["fold_out"]], **resampling),
        "leave_one_source_out": holdouts,
        "novelty": scores.novelty(of_val),
        "calibration": calibration(of_val.assign(uncalibrated=bundle.uncalibrated(val.features))),
        "thresholds": thresholds.observed(bundle.info.thresholds, of_val),
        "audit": audit_verdict(AUDIT),
    }
    write_json(EVALUATION, evaluation)
    write_json(METRICS, scores.key_figures(evaluation))


if __name__ == "__main__":
    run("evaluate")
