"""Time the product's parts side by side with the plain way, and print ratios with the machine's description."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.glue import predict
from benchmarks.speed.parts import PARTS, Asked, prepare
from benchmarks.speed.timing import machine
from pipeline.runtime import params
from pipeline.storage.images import SUFFIXES


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    add = made.add_argument
    add("--images", type=Path, nargs="+", required=True, help="folders of images, a table for each")
    add("--data", type=Path, help="a data set in the challenge's layout: also time the whole way to a score")
    add("--limit", type=int, default=64, help="images of each folder (default: %(default)s)")
    add("--parts", default=",".join(PARTS), help="of %(default)s")
    add("--rounds", type=int, default=5, help="of each comparison (default: %(default)s)")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parser().parse_args(arguments)
    names = asked.parts.split(",")
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser().error(f"--parts: {', '.join(unknown)} is unknown; known are {', '.join(PARTS)}")
    prepare()
    print(machine())
    for folder in asked.images:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)[: asked.limit]
        if not files:
            parser().error(f"--images {folder}: no image there")
        print(f"\n## {folder.name}: {len(files)} images")
        for name in names:
            print("\n" + PARTS[name](Asked(files, asked.rounds, params.load("faces"))), flush=True)
        if asked.data is not None:
            print("\n" + predict(files, asked.data, rounds=asked.rounds), flush=True)


if __name__ == "__main__":
    main()
