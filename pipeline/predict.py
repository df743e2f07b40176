"""Score images with a trained bundle; without --images, stage `predict` for the test list (or val)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pandas as pd

from models.bundle import Bundle
from pipeline.dataset.lists import LabelError
from pipeline.runtime import paths
from pipeline.runtime.command import bounded, run
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.serving.command_line import beside, inputs, parser
from pipeline.serving.inputs import named_files
from pipeline.serving.prediction_files import write_predictions
from pipeline.serving.prediction_rows import BY_PRIOR, PredictionRow, by_model
from pipeline.serving.priors import with_prior
from pipeline.serving.python_api import score, score_many
from pipeline.serving.scoring import stream_rows
from pipeline.storage.face_schema import to_face
from pipeline.storage.file_names import original, readable
from pipeline.storage.files import made
from pipeline.storage.images import BadImage
from pipeline.storage.outputs import check_outputs, is_streamed

__all__ = ["BadImage", "main", "score", "score_many"]


def stored_rows(bundle: Bundle) -> Iterator[PredictionRow]:
    """Every listed row of the test split, or of val when there is none, from the feature store."""
    from pipeline.samples.feature_table import read_faces, read_table  # which scoring images does without

    manifest = pd.read_parquet(made(paths.MANIFEST))
    split = "test" if (manifest["split"] == "test").any() else "val"
    listed = manifest[manifest["split"] == split]
    table = read_table([split], bundle.info.sorts)
    predictions = dict(zip(table.rows["sha256"], bundle.predict(table.features), strict=True))
    rows, faces = read_faces([split])
    face_of = dict(zip(rows["sha256"], map(to_face, faces), strict=True))
    for row in listed.itertuples():
        name, detail = original(row.img_name), original(row.detail)
        if row.status == "ok" and row.sha256 in predictions:
            notes = [detail] if detail else []
            yield by_model(
                name,
                predictions[row.sha256],
                notes,
                face=face_of[row.sha256],
                precision=bundle.info.precision,
            )
        elif row.status == "ok":
            status, _, reason = table.left_out[row.sha256].partition(": ")
            yield PredictionRow(name, bundle.prior, BY_PRIOR, status, reason)
        else:
            yield PredictionRow(name, bundle.prior, BY_PRIOR, row.status, detail)


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
    args = parser(__doc__).parse_args(given)
    images = [*args.folder, *args.images]
    if not images:
        raise LabelError("--images is missing: name a folder or image files")
    outputs = beside(args.out)
    check_outputs(outputs)
    asked = named_files(images, args.list)
    check_outputs(outputs, inputs=inputs(asked.files, bundle=args.bundle, listing=args.list))
    for note in asked.notes:
        sys.stderr.write(f"note: {bounded(note)}\n")
    bundle = load_bundle(args.bundle, pick_device(args.device))
    engine = Engine("dask" if args.scheduler else "loky", args.workers, args.scheduler)
    scored = stream_rows(
        asked.readable, folder=args.bundle, device=args.device, engine=engine, every_face=args.every_face
    )
    rows = asked.rows(scored, prior=bundle.prior)
    if args.prior is not None:
        rows = with_prior(rows, trained=bundle.prior, wanted=args.prior)
    count, remarkable = write_predictions(rows, *outputs, kinds=bundle.kinds)
    out, issues, details = (readable(str(path)) for path in outputs)
    if is_streamed(args.out):
        sys.stderr.write(f"{count} rows; {remarkable} with warnings\n")
    else:
        print(
            f"{count} rows in {out}; {remarkable} with warnings in {issues}; novelty and kinds in {details}"
        )


if __name__ == "__main__":
    run("predict")
