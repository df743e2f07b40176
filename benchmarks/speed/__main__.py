"""Time the product's steps side by side with the plain way, and print ratios with the machine's description."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed import blocks
from benchmarks.speed.glue import predict
from benchmarks.speed.parts import PARTS, Comparison, prepare
from benchmarks.speed.timing import machine
from models.bundle import Bundle
from pipeline.dataset.image_folders import walk
from pipeline.runtime import params

BLOCKS = "blocks"  # the part that needs a bundle


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    add = command_line.add_argument
    add("--images", type=Path, nargs="+", required=True, help="folders of images, a table for each")
    add("--data", type=Path, help="a data set in the challenge's layout: also time the whole way to a score")
    add(
        "--bundle",
        type=Path,
        help="a trained bundle, such as cache/model: also time each of its blocks alone",
    )
    add("--limit", type=int, default=64, help="images of each folder (default: %(default)s)")
    add("--parts", help=f"of {','.join([*PARTS, BLOCKS])}; {BLOCKS} needs --bundle (default: all possible)")
    add("--rounds", type=int, default=5, help="of each comparison (default: %(default)s)")
    return command_line


def parts_of(text: str | None, *, bundle: Path | None) -> list[str]:
    """Names of the parts to time.

    Parameters
    ----------
    text : str or None
        Names with commas between; None for all possible.
    bundle : Path or None
        The bundle, without which its blocks cannot be timed.

    Raises
    ------
    ValueError
        Naming the unknown parts, or the option that is missing.
    """
    known = [*PARTS, BLOCKS]
    names = text.split(",") if text is not None else known if bundle is not None else list(PARTS)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"--parts: {', '.join(unknown)} is unknown; known are {', '.join(known)}")
    if BLOCKS in names and bundle is None:
        raise ValueError(f"--parts {BLOCKS}: name a trained bundle with --bundle, such as cache/model")
    return names


def time_blocks(comparison: Comparison, bundle: Path) -> str:
    """Cost of each block of the bundle on the comparison's images."""
    return blocks.table(blocks.measure(Bundle.load(bundle), comparison.pixels(), rounds=comparison.rounds))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    args = parser().parse_args(arguments)
    try:
        names = parts_of(args.parts, bundle=args.bundle)
    except ValueError as error:
        parser().error(str(error))
    prepare()
    print(machine())
    for folder in args.images:
        files = [folder / name for name in walk(folder).names[: args.limit]]
        if not files:
            parser().error(f"--images {folder}: no image in it")
        print(f"\n## {folder.name}: {len(files)} images")
        comparison = Comparison(files, args.rounds, params.load("faces"))
        for name in names:
            text = time_blocks(comparison, args.bundle) if name == BLOCKS else PARTS[name](comparison)
            print(f"\n{text}", flush=True)
        if args.data is not None:
            print("\n" + predict(files, args.data, rounds=args.rounds), flush=True)


if __name__ == "__main__":
    main()
