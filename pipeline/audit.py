"""Stage audit: do the classes differ in something that has nothing to do with faces?

Reads cache/manifest.parquet and the train images; writes reports/audit.json with a verdict,
findings (red, amber, ok), and the figures behind them. Three small models see only file history
(size in pixels, JPEG tables, container, EXIF), only byte counts, or only brightness, contrast and
sharpness.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.dataset import leakage, repeats
from pipeline.dataset.manifest_summary import sizes
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.engine import Engine
from pipeline.runtime.paths import AUDIT, ISSUES, MANIFEST
from pipeline.storage.feature_store import NotMadeError
from pipeline.storage.files import write_json
from pipeline.storage.unmade import Unmade, write_issues

ORDER = {"red": 0, "amber": 1, "ok": 2}


def audit(rows: pd.DataFrame, *, engine: Engine) -> tuple[dict[str, Any], list[Unmade]]:
    """Audit a manifest.

    Parameters
    ----------
    rows : DataFrame
        Manifest rows.
    engine : Engine
        Where files are read.

    Returns
    -------
    dict
        verdict (the worst level), findings (worst first), and the figures behind them.
    list of Unmade
        Images that were left out because their file is not the one that stage manifest saw.
    """
    images = leakage.sample(rows)
    measured, unmade = leakage.measure(images, engine=engine)
    results = leakage.classes_by_file(images, measured)
    findings = [leakage.describe(result) for result in results]
    findings += repeats.across_splits(rows, "sha256", "exact copies")
    findings += repeats.across_splits(rows, "cluster", "near-duplicates")
    findings += repeats.under_both_labels(rows)
    findings.sort(key=lambda finding: ORDER[finding["level"]])
    report = {
        "verdict": findings[0]["level"],
        "findings": findings,
        "file_facts": results,
        "limits": {name: {"warn": warn, "leak": leak} for name, (warn, leak) in leakage.LIMITS.items()},
        "sizes": sizes(rows),
    }
    return report, unmade


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    compute = params.load("compute")
    if not MANIFEST.is_file():
        raise NotMadeError(f"{MANIFEST} is not here; run `dvc repro` first")
    rows = pd.read_parquet(MANIFEST)
    rows["split"] = rows["split"].replace("calibration", "train")  # of the same list
    report, unmade = audit(rows, engine=compute.engine())
    write_json(AUDIT, report)
    write_issues(ISSUES / "audit.csv", unmade)


if __name__ == "__main__":
    run("audit")
