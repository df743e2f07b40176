"""Stage audit: do the classes differ in something that has nothing to do with faces?

Reads cache/manifest.parquet and the images; writes reports/audit.json with a verdict,
findings (red, amber, ok), and the figures behind them. Three small models see only file history
(size in pixels, JPEG tables, container, EXIF), only byte counts, or only brightness, contrast and
sharpness of the train images; single values that one class alone has are named; and the files of val and test
are compared with those of train.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.dataset import leakage, purity, repeats, split_shift
from pipeline.dataset.manifest_rows import build
from pipeline.dataset.manifest_summary import sizes
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.engine import Engine
from pipeline.runtime.paths import AUDIT, ISSUES, MANIFEST
from pipeline.storage.feature_store import NotMadeError
from pipeline.storage.files import write_json
from pipeline.storage.unmade import Unmade, write_issues

MAX_PURE = (
    5  # values that one class alone has: those that most images have are named, all of them are in the file
)
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
    images = pd.concat([leakage.sample(rows, split) for split in ("train", "val", "test")])
    values, unmade = leakage.measure(images, engine=engine)
    train = images[(images["split"] == "train") & images.index.isin(values.index)]
    results = leakage.classes_by_file(train, values.loc[train.index])
    pure = purity.pure_values(train, values.loc[train.index])
    shifts = split_shift.compare_splits(images, values)
    findings = [leakage.describe(result) for result in results]
    findings += [purity.describe(result) for result in pure[:MAX_PURE]]
    findings += [split_shift.describe(result) for result in shifts]
    findings += repeats.across_splits(rows, "sha256", "exact copies")
    findings += repeats.across_splits(rows, "cluster", "near-duplicates")
    findings += repeats.groups_across_splits(rows)
    findings += repeats.under_both_labels(rows)
    findings.sort(key=lambda finding: ORDER[finding["level"]])
    report = {
        "verdict": findings[0]["level"],
        "findings": findings,
        "file_facts": results,
        "pure_values": pure,
        "split_shifts": shifts,
        "limits": {name: {"warn": warn, "leak": leak} for name, (warn, leak) in leakage.LIMITS.items()},
        "sizes": sizes(rows),
    }
    return report, unmade


def of_folder(root: Path) -> tuple[dict[str, Any], list[Unmade]]:
    """Audit a data set that no stage has read.

    Parameters
    ----------
    root : Path
        With the lists, as `data.root` of the parameters names it.

    Returns
    -------
    dict
    list of Unmade
        As of `audit`.

    Raises
    ------
    LabelError
        When the data set cannot be used as a whole.
    """
    data = params.Data.model_validate({"root": str(root)})
    manifest = params.Manifest.model_validate({"calibration": 0})
    compute = params.Compute.model_validate({})
    rows, _ = build(data, manifest, compute)
    return audit(rows, engine=compute.engine())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m pipeline.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--data", type=Path, help="a data set to look at before any stage has run: what is found is printed")
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage, or with --data look at a data set."""
    args = parser().parse_args(arguments)
    if args.data is not None:
        report, _ = of_folder(args.data)
        for finding in report["findings"]:
            print(f"{finding['level']:6}{finding['text']}")
        return
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
