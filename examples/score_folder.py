"""Score every image of a folder with a trained bundle, and print the most suspicious ones with their warnings.

Ends with status 0, and with 2 and one line on stderr where a folder or a bundle cannot be used. An image that cannot be
read is listed below the others and does not change the status.
"""

import argparse
import sys
from pathlib import Path

from models.errors import UserError
from pipeline.runtime import paths
from pipeline.serving.inputs import named_files
from pipeline.serving.prediction_rows import PredictionRow
from pipeline.serving.scoring import stream_rows


def describe(row: PredictionRow) -> str:
    """One line of the table: score, novelty, the kind of fake that the image looks most like, name, warnings."""
    if row.prediction is None:
        return f"{'-':>7}  {'-':>7}  {'-':<12}  {row.name}  ({row.status}: {row.warnings})"
    ratios = row.prediction.log_likelihood_ratios
    kind = max(ratios, key=ratios.__getitem__)
    # A ratio below 0 speaks against its kind: then the image looks like none of them.
    kind = kind if ratios[kind] > 0 else "none"
    warnings = f"  ({row.warnings})" if row.warnings else ""
    return f"{row.score:>7.3f}  {row.prediction.novelty:>7.3f}  {kind:<12}  {row.name}{warnings}"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="searched for images, folders below it included")
    parser.add_argument("--bundle", type=Path, default=paths.BUNDLE, help="default: %(default)s")
    parser.add_argument("--top", type=int, default=10, help="how many images to print (default: %(default)s)")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s"
    )
    options = parser.parse_args()
    if not options.folder.is_dir():
        raise UserError(f"{options.folder} is not a folder; name one that holds images")
    asked = named_files([options.folder], None)
    for note in asked.notes:
        sys.stderr.write(f"note: {note}\n")
    scored_files = stream_rows(asked.readable, folder=options.bundle, device=options.device)
    rows = [row for of_file in scored_files for row in of_file]
    scored = sorted((row for row in rows if row.prediction), key=lambda row: row.score, reverse=True)
    unread = [row for row in rows if row.prediction is None]
    print(f"{'score':>7}  {'novelty':>7}  {'looks like':<12}  image")
    for row in [*scored[: options.top], *unread]:
        print(describe(row))
    print(
        f"{len(rows)} images, {len(unread)} not readable, {sum(bool(row.warnings) for row in rows)} with warnings"
    )


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
