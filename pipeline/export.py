"""Write scores and slices of the finished run as CSV, for data browsers and spreadsheets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.evaluation.slices import scored_images, slice_figures
from pipeline.runtime import paths
from pipeline.runtime.command import run
from pipeline.serving.command_line import named
from pipeline.storage.files import made, write_csv
from pipeline.storage.outputs import check_outputs


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the two tables."""
    command = argparse.ArgumentParser(prog="python -m pipeline.export", description=__doc__)
    command.add_argument(
        "--out", type=named, default=Path("export"), help="folder of the tables (default: %(default)s)"
    )
    folder = command.parse_args(arguments).out
    images, slices = folder / "scores.csv", folder / "slices.csv"
    stored = made(paths.SCORES)
    check_outputs([images, slices])
    scores = pq.read_table(stored).to_pandas()
    write_csv(images, scored_images(scores))
    table = slice_figures(scores[~scores["fold_out"]])
    write_csv(slices, table)
    sys.stdout.write(f"{len(scores)} images in {images}, {len(table)} slices of val in {slices}\n")


if __name__ == "__main__":
    run("export")
