"""Stage evaluate: scores of val and train, their figures, and what blocks and sources contribute.

Reads the feature table, cache/model, cache/oof.parquet and reports/audit.json. Writes
reports/metrics.json, reports/plots/*.csv, reports/ablation.csv, reports/costs.csv,
reports/leave_one_source_out.csv and cache/scores.parquet.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import ablation, block_cost, curves, scores
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.samples.feature_table import read_table
from pipeline.serving.bundles import load_bundle
from pipeline.storage.feature_store import write_json

BUNDLE = Path("cache/model")
OOF = Path("cache/oof.parquet")
SCORES = Path("cache/scores.parquet")
REPORTS = Path("reports")


def write_plots(rows: pd.DataFrame, folder: Path) -> None:
    """ROC, precision-recall, calibration and histogram of labelled, scored rows as CSV."""
    known = rows[rows["target"].notna()]
    target, score = known["target"].to_numpy(dtype=np.int64), known["score"].to_numpy()
    folder.mkdir(parents=True, exist_ok=True)
    curves.roc(target, score).to_csv(folder / "roc.csv", index=False)
    curves.precision_recall(target, score).to_csv(folder / "pr.csv", index=False)
    curves.reliability(target, score).to_csv(folder / "calibration.csv", index=False)
    curves.histogram(target, score).to_csv(folder / "histogram.csv", index=False)


def audit_verdict(path: Path) -> dict[str, Any]:
    """Verdict of the audit (ok, amber or red) and its red findings; empty when it has not run."""
    if not path.is_file():
        return {}
    audit = json.loads(path.read_text(encoding="utf-8"))
    red = [finding["text"] for finding in audit["findings"] if finding["level"] == "red"]
    return {"verdict": audit["verdict"], "red": red}


def main_figures(overall: dict[str, Any], audit: dict[str, Any]) -> dict[str, Any]:
    """The few figures that DVC shows."""
    figures = {"images": overall["n"], "audit": audit.get("verdict", "not run")}
    for name in ("auc", "tpr_at_fpr_1e-2", "ece"):
        figures[name] = (overall.get(name) or {}).get("value")
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    options, bundle = params.load("evaluate"), load_bundle(BUNDLE, "cpu")
    bootstrap = ablation.Bootstrap(resamples=options.bootstrap, seed=options.seed)
    quick = ablation.quick(params.load("train"), num_boost_round=options.ablation_num_boost_round)
    blocks = {name: block.columns for name, block in bundle.info.blocks.items()}
    val, train = read_table(["val"], bundle.info.sorts), read_table(["train"], bundle.info.sorts)
    rows = scores.join(val.rows, bundle.predict(val.features), train.rows, pd.read_parquet(OOF))
    rows.to_parquet(SCORES, index=False)
    write_plots(rows[~rows["fold_out"]], REPORTS / "plots")

    learned = ablation.Rows.of(train.rows, train.features).sample(
        ablation.MAX_TRAIN_IMAGES, seed=options.seed
    )
    tested = ablation.Rows.of(val.rows, val.features)
    effects = ablation.ablate(learned, tested, blocks, options=quick, bootstrap=bootstrap)
    effects.to_csv(REPORTS / "ablation.csv", index=False)
    block_cost.measure(bundle, val.rows["path"].tolist()).to_csv(REPORTS / "costs.csv", index=False)
    held_out = ablation.leave_one_source_out(learned, tested, blocks, options=quick, bootstrap=bootstrap)
    ablation.as_table(held_out).to_csv(REPORTS / "leave_one_source_out.csv", index=False)
    draws = {"resamples": options.bootstrap, "seed": options.seed}
    found = {
        "val": scores.summaries(rows[~rows["fold_out"]], **draws),
        "train_oof": scores.summaries(rows[rows["fold_out"]], **draws),
        "leave_one_source_out": held_out,
        "novelty": scores.novelty(rows[~rows["fold_out"]]),
        "audit": audit_verdict(REPORTS / "audit.json"),
    }
    write_json(REPORTS / "evaluation.json", found)
    write_json(REPORTS / "metrics.json", main_figures(found["val"]["overall"], found["audit"]))


if __name__ == "__main__":
    run("evaluate")
