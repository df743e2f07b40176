"""Forge real val faces inside known masks, and count how often the evidence map is higher inside than outside.

Prints a Markdown table. Each face is of another group, so its interval may take the faces as independent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks.evidence.kinds import KINDS
from benchmarks.evidence.measure import measure, table
from benchmarks.quality.portraits import Portrait
from benchmarks.quality.rows import read
from models.bundle import Bundle
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.storage.images import read_image


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    add = command_line.add_argument
    add("--bundle", type=Path, required=True, help="folder of a trained model")
    add(
        "--data",
        type=Path,
        required=True,
        help="data set in the project's layout; its real val faces are forged",
    )
    add("--images", type=int, default=40, help="real faces, one of each group at most (default: %(default)s)")
    add("--kinds", default=",".join(KINDS), help="of %(default)s (default: all)")
    add("--out", type=Path, default=None, help="CSV with a row for each forgery")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    return command_line


def portraits(bundle: Bundle, rows: pd.DataFrame, *, images: int) -> list[Portrait]:
    """Real val faces with landmarks, one of each group, the sources in turn."""
    real = rows[(rows["split"] == "val") & (rows["target"] == 0)].drop_duplicates("group")
    drawn = real.sample(frac=1, random_state=0)
    turn = drawn.groupby("source").cumcount()
    ordered = drawn.assign(turn=turn).sort_values("turn", kind="stable")
    found: list[Portrait] = []
    for path in ordered["path"]:
        pixels = read_image(path, max_pixels=bundle.max_pixels).pixels
        (face,) = bundle.detector.detect([pixels])
        if face.found:
            found.append(Portrait(pixels, face))
        if len(found) == images:
            break
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Forge, explain, count."""
    command_line = parser()
    args = command_line.parse_args(arguments)
    kinds = args.kinds.split(",")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        command_line.error(f"--kinds: {', '.join(unknown)} is unknown; known are {', '.join(KINDS)}")
    limit_threads(0)
    bundle = load_bundle(args.bundle, pick_device(args.device))
    if not bundle.evidence_nets:
        command_line.error(
            f"--bundle {args.bundle}: it has no net with logits, so no map; train one with finetune.nets"
        )
    faces = portraits(bundle, read(args.data), images=args.images)
    if len(faces) < 2:
        command_line.error(f"--data {args.data}: {len(faces)} real val faces were found, 2 are needed")
    work = measure(bundle, faces, kinds)
    rows = pd.DataFrame(tqdm(work, total=len(faces) * len(kinds), desc="forge", unit="img"))
    if rows.empty:
        command_line.error("no forgery has enough pixels inside and outside its mask, or no net tells places")
    if args.out is not None:
        rows.to_csv(args.out, index=False)
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
