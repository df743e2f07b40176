"""Count planted near-duplicates that the audit finds, and the pairs that it finds among images of different groups.

`python -m benchmarks.near_duplicates --data FOLDER` takes images of different groups from a data set in the challenge's
layout, copies some of them in every way of `plants.PLANTS`, and looks for look-alikes among all of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from benchmarks.near_duplicates.plants import PLANTS, QUALITY, compressed
from pipeline.dataset.look_alikes import look_alikes
from pipeline.dataset.sketches import sketch
from pipeline.runtime.engine import Engine


def distinct(root: Path, count: int, seed: int) -> pd.DataFrame:
    """At most `count` images of different groups, drawn at random."""
    table = pd.read_csv(root / "groups.csv", dtype=str, keep_default_na=False)
    chosen = table.sample(frac=1, random_state=seed).drop_duplicates("group").head(count)
    places = [
        next(p for p in (root / f / name for f in ("trainset", "valset")) if p.is_file())
        for name in chosen["img_name"]
    ]
    return chosen.assign(path=places)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    command = argparse.ArgumentParser(
        prog="python -m benchmarks.near_duplicates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--data", type=Path, required=True, help="a data set with groups.csv")
    command.add_argument(
        "--images", type=int, default=2000, help="of different groups (default: %(default)s)"
    )
    command.add_argument("--plants", type=int, default=50, help="copies of each kind (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "--pairs", type=Path, help="a picture of what was found among images of different groups"
    )
    args = command.parse_args(arguments)
    images = distinct(args.data, args.images, args.seed)
    pictures = [cv2.imread(str(path)) for path in images["path"]]
    rng = np.random.default_rng(args.seed)
    sketches = [sketch(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)) for picture in pictures]
    truth: list[tuple[str, int]] = []
    for kind, plant in PLANTS.items():
        for original in rng.choice(len(pictures), args.plants, replace=False):
            copy = compressed(np.ascontiguousarray(plant(pictures[original], rng)), QUALITY)
            sketches.append(sketch(cv2.cvtColor(copy, cv2.COLOR_BGR2GRAY)))
            truth.append((kind, int(original)))
    start = time.perf_counter()
    pairs = look_alikes(np.stack(sketches), engine=Engine())
    seconds = time.perf_counter() - start
    found = {(pair.first, pair.second): pair.correlation for pair in pairs}
    for kind in PLANTS:
        mine = [(original, len(pictures) + i) for i, (k, original) in enumerate(truth) if k == kind]
        least = min((found[pair] for pair in mine if pair in found), default=float("nan"))
        print(
            f"{kind:14} {sum(pair in found for pair in mine)} of {len(mine)}, correlations from {least:.3f}"
        )
    others = [pair for pair in pairs if pair.second < len(pictures)]
    print(f"{len(others)} pairs among {len(pictures):,} images of different groups; {seconds:.1f} s")
    print("their correlations:", ", ".join(f"{pair.correlation:.3f}" for pair in others))
    if args.pairs and others:
        rows = [
            np.hstack([cv2.resize(pictures[i], (128, 128)) for i in (pair.first, pair.second)])
            for pair in others
        ]
        rows += [np.zeros_like(rows[0])] * (-len(rows) % 5)
        cv2.imwrite(str(args.pairs), np.vstack([np.hstack(rows[i : i + 5]) for i in range(0, len(rows), 5)]))


if __name__ == "__main__":
    main(sys.argv[1:])
