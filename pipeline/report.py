"""Stage report: feature importance as CSV, and everything a reader needs as one HTML page.

Reads the val table, cache/model, cache/scores.parquet and the reports of manifest, audit and
evaluate. Writes reports/importance_*.csv and report.html, with --technical technical.html.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.bundle import Bundle
from pipeline.evaluation.refits import Rows
from pipeline.reporting import importance, page, rendering, technical_page, worst_errors
from pipeline.reporting.data import ReportData
from pipeline.reporting.language import LANGUAGES
from pipeline.reporting.radial_spectrum import mean_radial_spectrum
from pipeline.reporting.run_record import read_record
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.samples.feature_table import Table, read_table
from pipeline.serving.bundles import load_bundle
from pipeline.storage.files import made, read_json, write_csv
from pipeline.storage.unmade import write_issues

IMPORTANCE_FEATURES = paths.REPORTS / "importance_features.csv"
IMPORTANCE_CLUSTERS = paths.REPORTS / "importance_clusters.csv"
IMPORTANCE_BLOCKS = paths.REPORTS / "importance_blocks.csv"
MAX_EXPLAINED = 5000  # val images at most that permutation and SHAP are worked out on


def explain(bundle: Bundle, val: Table, options: params.Report) -> importance.Explained:
    """Explain the model on its labelled val rows, a seeded sample of them where there are many.

    Parameters
    ----------
    bundle : Bundle
    val : Table
    options : params.Report
        Its `seed` is that of the sample.

    Returns
    -------
    importance.Explained
    """
    labelled = Rows.of(val.rows, val.features)
    sample = np.zeros(len(labelled.target), dtype=bool)
    sample[importance.sample_rows(len(sample), limit=MAX_EXPLAINED, seed=options.seed)] = True
    return importance.Explained.of(bundle.stacker, labelled.take(sample))


def collect(bundle: Bundle, val: Table, options: params.Report) -> ReportData:
    """Bring together what the page shows.

    Parameters
    ----------
    bundle : Bundle
        The model.
    val : Table
        Its val images.
    options : params.Report
        How much of it the page shows.

    Returns
    -------
    ReportData
        Importance, and what manifest, audit and evaluate have written. Thumbnails without a file are named in the issues.
    """
    explained = explain(bundle, val, options)
    repeated = {"repeats": options.permutation_repeats, "seed": options.seed}
    features = importance.by_feature(explained)
    use = features.set_index("feature")
    scores = pd.read_parquet(made(paths.SCORES))
    worst, unmade = worst_errors.contact_sheet(scores[~scores["fold_out"]], options.errors)
    write_issues(paths.ISSUES / "report.csv", unmade)
    return ReportData(
        evaluation=read_json(made(paths.EVALUATION)),
        audit=read_json(made(paths.AUDIT)),
        manifest=read_json(made(paths.MANIFEST_SUMMARY)),
        info=bundle.info,
        scores=scores,
        effects=pd.read_csv(made(paths.ABLATION), keep_default_na=False, na_values=[""]),
        learning=pd.read_csv(made(paths.LEARNING_CURVE)),
        features=features,
        clusters=importance.by_cluster(explained, top=options.top, **repeated),
        blocks=importance.by_block(explained, **repeated),
        bands=importance.by_band(explained),
        dct_grid=importance.on_dct_grid(features),
        stability=pd.read_csv(made(paths.STABILITY)),
        explained=len(explained.rows.target),
        top=options.top,
        spectrum=mean_radial_spectrum(val.rows, val.features, use["shap"].fillna(use["gain"])),
        worst=worst,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    command = argparse.ArgumentParser("python -m pipeline.report", description=__doc__)
    command.add_argument("--technical", action="store_true", help="the technical report instead")
    command.add_argument("--lang", choices=LANGUAGES, default="en", help="language shown first")
    args = command.parse_args(arguments)
    options, bundle = params.load("report"), load_bundle(paths.BUNDLE, "cpu")
    val = read_table(["val"], bundle.info.sorts)
    data = collect(bundle, val, options)
    if args.technical:
        record = read_record(bundle, val.rows["path"].tolist())
        rendering.write(paths.TECHNICAL, technical_page.compose(data, record), args.lang)
        return
    write_csv(IMPORTANCE_FEATURES, data.features)
    write_csv(IMPORTANCE_CLUSTERS, data.clusters)
    write_csv(IMPORTANCE_BLOCKS, data.blocks)
    rendering.write(paths.REPORT, page.compose(data), args.lang)


if __name__ == "__main__":
    run("report")
