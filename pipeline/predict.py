"""Score images with a trained bundle; without --images, stage `predict` for the test list (or val)."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from models.bundle import Bundle
from pipeline.dataset.lists import LabelError
from pipeline.runtime import paths
from pipeline.runtime.command import run
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import pick_device
from pipeline.samples.feature_table import read_table
from pipeline.serving.bundles import load_bundle
from pipeline.serving.inputs import in_order, named_files
from pipeline.serving.scoring import (
    BY_PRIOR,
    PredictionRow,
    by_model,
    score_files,
    score_many,
    write_predictions,
)


def score(image: str | Path, *, bundle: str | Path = paths.BUNDLE) -> float:
    """Probability that the face in an image file is a deepfake.

    The bundle is read at the first call. A file that cannot be read gives the training prior and a
    warning that says why.
    """
    row = score_files([(str(image), str(image))], load_bundle(Path(bundle), pick_device("auto")))[0]
    if row.source == BY_PRIOR:
        warnings.warn(f"{row.warnings}; scored with the {BY_PRIOR}", stacklevel=2)
    return row.score


def stored_rows(bundle: Bundle) -> Iterator[PredictionRow]:
    """Every listed row of the test split, or of val when there is none, from the feature store."""
    manifest = pd.read_parquet(paths.MANIFEST)
    split = "test" if (manifest["split"] == "test").any() else "val"
    listed = manifest[manifest["split"] == split]
    table = read_table([split], bundle.info.sorts)
    predictions = dict(zip(table.rows["sha256"], bundle.predict(table.features), strict=True))
    found = dict(zip(table.rows["sha256"], table.rows["found"], strict=True))
    for row in listed.itertuples():
        if row.status == "ok" and row.sha256 in predictions:
            notes = [row.detail] if row.detail else []
            yield by_model(row.img_name, predictions[row.sha256], notes, found=bool(found[row.sha256]))
        elif row.status == "ok":
            status, _, reason = table.left_out[row.sha256].partition(": ")
            yield PredictionRow(row.img_name, bundle.prior, BY_PRIOR, status, reason)
        else:
            yield PredictionRow(row.img_name, bundle.prior, BY_PRIOR, row.status, row.detail)


def _at_least_none(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"is {text!r}, allowed are 0 (one per core), 1, 2, ...")
    return value


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__)
    add = command.add_argument
    add("folder", nargs="*", type=Path, help="the same as --images")
    add("--images", nargs="+", type=Path, default=[], help="a folder (searched below), or image files")
    add("--list", type=Path, help="file with the header img_name: which images, in which order")
    add("--bundle", type=Path, default=paths.BUNDLE, help="folder of a trained model (default: %(default)s)")
    add("--out", type=Path, default=Path("scores.txt"), help="where the scores go (default: %(default)s)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    add("--workers", type=_at_least_none, default=0, help="processes on the CPU; 0 = one per core (default)")
    add("--scheduler", help="address of a Dask scheduler whose workers score the images")
    return command


def run_stage() -> None:
    """Write prediction.txt, and reports/prediction_issues.csv and prediction_details.csv."""
    bundle = load_bundle(paths.BUNDLE, "cpu")
    files = paths.PREDICTION, paths.PREDICTION_ISSUES, paths.PREDICTION_DETAILS
    write_predictions(stored_rows(bundle), *files, kinds=bundle.kinds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Score what the command line names; without any argument, run the stage."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given:
        run_stage()
        return
    args = parser().parse_args(given)
    images = [*args.folder, *args.images]
    if not images:
        raise LabelError("--images is missing: name a folder or image files")
    files, bad = named_files(images, args.list)
    bundle = load_bundle(args.bundle, pick_device(args.device))
    good = [file for index, file in enumerate(files) if index not in bad]
    engine = Engine("dask" if args.scheduler else "loky", args.workers, args.scheduler)
    scored = score_many(good, folder=args.bundle, device=args.device, engine=engine)
    issues, details = (args.out.with_name(f"{args.out.stem}_{name}.csv") for name in ("issues", "details"))
    rows = in_order(files, bad, scored, bundle.prior)
    count, remarkable = write_predictions(rows, args.out, issues, details, kinds=bundle.kinds)
    print(
        f"{count} rows in {args.out}; {remarkable} with warnings in {issues}; novelty and kinds in {details}"
    )


if __name__ == "__main__":
    run("predict")
