"""Stage manifest: one checked row per listed image, with hashes, groups and near-duplicates.

Reads the lists and images under data.root. Checks every name and path of the settings first, and writes those in
force to cache/params.yaml. Writes cache/manifest.parquet,
cache/manifest_issues.csv, reports/manifest.json and cache/files/ (what is known of each file, so
that only changed files are read). Takes away the lists in cache/issues/ that name a file: what is
named there is read anew, and DVC runs the stage again that could not read it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.dataset.manifest_rows import COLUMNS, build
from pipeline.dataset.manifest_summary import issues, summarise
from pipeline.dataset.splits import refuse_one_class
from pipeline.runtime import effective_params, params, paths
from pipeline.runtime.command import run
from pipeline.storage.files import appearing, write_csv, write_json
from pipeline.storage.unmade import take_issues

MANIFEST = paths.MANIFEST
ISSUES = paths.MANIFEST_ISSUES
SUMMARY = paths.MANIFEST_SUMMARY


def write(rows: pd.DataFrame, origin: dict[str, Any]) -> None:
    """Write the stage's outputs; the manifest appears in one step, when it is whole."""
    write_csv(ISSUES, issues(rows))
    write_json(SUMMARY, summarise(rows, origin))
    with appearing(MANIFEST) as part:
        rows[list(COLUMNS)].astype(COLUMNS).to_parquet(part, index=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.manifest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    effective_params.write()
    doubted = take_issues(paths.ISSUES)
    settings = params.load("data"), params.load("manifest"), params.load("compute")
    rows, origin = build(*settings, doubted=doubted)
    write(rows, origin)
    for message in origin["warnings"]:
        sys.stderr.write(f"warning: {message}\n")
    refuse_one_class(rows)


if __name__ == "__main__":
    run("manifest")
