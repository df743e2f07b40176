"""Score images with a trained bundle; without --images, stage `predict` for the test list (or val)."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from models.bundle import Bundle
from pipeline.dataset.entries import locate
from pipeline.dataset.lists import LabelError, parse
from pipeline.runtime.command import run
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import pick_device
from pipeline.samples.feature_table import read_table
from pipeline.serving.scoring import (
    BY_PRIOR,
    PredictionRow,
    by_model,
    load_bundle,
    score_files,
    score_many,
    write_predictions,
)
from pipeline.storage.images import SUFFIXES

BUNDLE = Path("cache/model")
OUT, ISSUES = Path("prediction.txt"), Path("reports/prediction_issues.csv")
DETAILS = Path("reports/prediction_details.csv")


def score(image: str | Path, *, bundle: str | Path = BUNDLE) -> float:
    """Probability that the face in an image file is a deepfake.

    The bundle is read at the first call. A file that cannot be read gives the training prior and a
    warning that says why.
    """
    result = score_files([(str(image), str(image))], load_bundle(Path(bundle), pick_device("auto")))[0]
    if result.source == BY_PRIOR:
        warnings.warn(f"{result.reason}; scored with the {BY_PRIOR}", stacklevel=2)
    return result.score


def scored_rows(bundle: Bundle) -> Iterator[PredictionRow]:
    """Every listed row of the test split, or of val when there is none, from the feature store."""
    manifest = pd.read_parquet("cache/manifest.parquet")
    split = "test" if (manifest["split"] == "test").any() else "val"
    listed = manifest[manifest["split"] == split]
    table = read_table([split], list(bundle.info["blocks"]))
    predictions = dict(zip(table.rows["sha256"], bundle.predict(table.features), strict=True))
    found = dict(zip(table.rows["sha256"], table.rows["found"], strict=True))
    for row in listed.itertuples():
        if row.status == "ok" and row.sha256 in predictions:
            notes = [row.detail] if row.detail else []
            yield by_model(row.img_name, predictions[row.sha256], notes, found=bool(found[row.sha256]))
        elif row.status == "ok":
            yield PredictionRow(
                row.img_name, bundle.prior, BY_PRIOR, "unreadable", "could be listed, but not be decoded"
            )
        else:
            yield PredictionRow(row.img_name, bundle.prior, BY_PRIOR, row.status, row.detail)


def named_files(
    images: Sequence[Path], listing: Path | None
) -> tuple[list[tuple[str, str]], dict[int, PredictionRow]]:
    """(name, path) of what the command line asks for, and rows that are already known to be bad.

    A folder gives every image below it, sorted, named relative to it; files are named as given; a
    list's names are looked for in the one folder. Raises LabelError.
    """
    if listing is not None:
        if len(images) != 1 or not images[0].is_dir():
            raise LabelError("--list needs --images to be the one folder that the list's names are in")
        rows = locate(parse(listing, split="test"), folders=[images[0]], root=images[0])
        bad = {
            i: PredictionRow(row.name, float("nan"), BY_PRIOR, row.status, row.detail)
            for i, row in enumerate(rows)
            if row.status != "ok"
        }
        return [(row.name, row.path) for row in rows], bad
    files: list[tuple[str, str]] = []
    for path in images:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            files += [(p.relative_to(path).as_posix(), str(p)) for p in inside]
        else:
            files.append((str(path), str(path)))
    if not files:
        kinds = ", ".join(sorted(SUFFIXES))
        raise LabelError(
            f"no image in {', '.join(map(str, images))}; files with these endings are read: {kinds}"
        )
    return files, {}


def in_order(
    files: Sequence[tuple[str, str]],
    bad: dict[int, PredictionRow],
    scored: Iterator[PredictionRow],
    prior: float,
) -> Iterator[PredictionRow]:
    """Scores with the rows that never became a file put back in their places."""
    for index in range(len(files)):
        if index in bad:
            row = bad[index]
            yield PredictionRow(row.name, prior, row.source, row.status, row.reason)
        else:
            yield next(scored)


def run_stage() -> None:
    """Write prediction.txt, and reports/prediction_issues.csv and prediction_details.csv."""
    bundle = Bundle.load(BUNDLE)
    write_predictions(scored_rows(bundle), OUT, ISSUES, DETAILS, kinds=bundle.kinds)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__)
    made.add_argument("--images", nargs="+", type=Path, help="a folder (searched below), or image files")
    made.add_argument("--list", type=Path, help="file with the header img_name: which images, in which order")
    made.add_argument(
        "--bundle", type=Path, default=BUNDLE, help="folder of a trained model (default: %(default)s)"
    )
    made.add_argument("--out", type=Path, default=OUT, help="where the scores go (default: %(default)s)")
    made.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s"
    )
    made.add_argument(
        "--workers", type=int, default=0, help="processes on the CPU; 0 = one per core (default)"
    )
    made.add_argument("--scheduler", help="address of a Dask scheduler whose workers score the images")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    asked = parser().parse_args(given)
    if asked.images is None:
        if given:
            raise LabelError("--images is missing: name a folder or image files")
        run_stage()
        return
    files, bad = named_files(asked.images, asked.list)
    bundle = load_bundle(asked.bundle, pick_device(asked.device))
    good = [file for index, file in enumerate(files) if index not in bad]
    engine = Engine("dask" if asked.scheduler else "loky", asked.workers, asked.scheduler)
    scored = score_many(good, folder=asked.bundle, device=asked.device, engine=engine)
    issues, details = (asked.out.with_name(f"{asked.out.stem}_{n}.csv") for n in ("issues", "details"))
    ordered = in_order(files, bad, iter(scored), bundle.prior)
    rows, said = write_predictions(ordered, asked.out, issues, details, kinds=bundle.kinds)
    print(f"{rows} rows in {asked.out}; {said} with remarks in {issues}; novelty and kinds in {details}")


if __name__ == "__main__":
    run("predict")
