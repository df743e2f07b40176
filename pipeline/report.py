"""Stage report: feature importance as CSV, and everything a reader needs as one HTML page.

Reads the val table, cache/model, cache/scores.parquet and the reports of manifest, audit and
evaluate. Writes reports/importance_features.csv, reports/importance_blocks.csv and
reports/report.html (self-contained: nothing is loaded, no script).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.bundle import Bundle
from pipeline.reporting import importance, page, worst_errors
from pipeline.reporting.data import Facts
from pipeline.reporting.radial_spectrum import mean_radial_spectrum
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.samples.feature_table import Table, read_table

REPORTS = Path("reports")
EXPLAINED = 5000  # val rows at most that permutation and SHAP are worked out on


def explain(bundle: Bundle, val: Table, options: params.Report) -> importance.Explained:
    """The model on its labelled val rows, a seeded sample of them where there are many."""
    known = np.flatnonzero(val.rows["target"].notna())
    known = known[importance.sample_rows(len(known), limit=EXPLAINED, seed=options.seed)]
    target = val.rows["target"].iloc[known].to_numpy(dtype=np.int64)
    return importance.Explained.of(bundle.stacker, val.features.iloc[known], target)


def _json(name: str) -> Any:
    return json.loads((REPORTS / name).read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    options, bundle = params.load("report"), Bundle.load(Path("cache/model"))
    val = read_table(["val"], list(bundle.info["blocks"]))
    explained = explain(bundle, val, options)
    repeated = {"repeats": options.permutation_repeats, "seed": options.seed}
    features = importance.by_feature(explained, top=options.top, **repeated)
    blocks = importance.by_block(explained, **repeated)
    features.to_csv(REPORTS / "importance_features.csv", index=False)
    blocks.to_csv(REPORTS / "importance_blocks.csv", index=False)
    scores = pd.read_parquet("cache/scores.parquet")
    use = features.set_index("feature")
    facts = Facts(
        figures=_json("evaluation.json"),
        audit=_json("audit.json"),
        manifest=_json("manifest.json"),
        info=bundle.info,
        scores=scores,
        effects=pd.read_csv(REPORTS / "ablation.csv", keep_default_na=False, na_values=[""]),
        features=features,
        blocks=blocks,
        explained=len(explained.target),
        top=options.top,
        spectrum=mean_radial_spectrum(val.rows, val.features, use["shap"].fillna(use["gain"])),
        worst=worst_errors.contact_sheet(scores[~scores["fold_out"]], options.errors),
    )
    (REPORTS / "report.html").write_text(page.render(facts), encoding="utf-8")


if __name__ == "__main__":
    run("report")
