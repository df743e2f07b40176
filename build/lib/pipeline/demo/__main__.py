"""Command line of the demo data: ``python -m pipeline.demo --out data/demo``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from pipeline.demo.dataset import MINIMUM_IMAGES, make_dataset
from pipeline.runtime.command import run


def _at_least(least: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"is {text!r}, allowed are whole numbers from {least}")
        return value

    return convert


def build_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.demo",
        description=(
            "Draws a labelled set of procedural faces and forgeries of them, in the challenge's "
            "layout: train_label.txt + trainset/ (65 %), val_label.txt + valset/ (25 %), "
            "test_list.txt + testset/ (10 %), groups.csv, and truth.csv with the forgery of "
            "every picture. For trying the software: figures measured on it say nothing about "
            "real deepfakes. The same options give the same bytes."
        ),
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write; must be new, empty or demo data"
    )
    parser.add_argument(
        "--images",
        type=_at_least(MINIMUM_IMAGES),
        default=400,
        help=f"number of pictures, half real and half fake, {MINIMUM_IMAGES} or more (default 400)",
    )
    parser.add_argument("--seed", type=_at_least(0), default=0, help="seed of all random choices (default 0)")
    parser.add_argument(
        "--workers",
        type=_at_least(1),
        default=None,
        help="processes; does not change the result (default: one per core)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace demo data already in --out; a folder of anything else is never deleted",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status. DemoDataError for a folder that must not be written."""
    options = build_parser().parse_args(arguments)
    written = make_dataset(
        options.out,
        images=options.images,
        seed=options.seed,
        workers=options.workers,
        force=options.force,
    )
    if written:
        print(f"{options.out}: {options.images} pictures drawn (seed {options.seed})")
    else:
        print(f"{options.out}: already holds this very set, nothing to do")
    return 0


if __name__ == "__main__":
    run("demo.__main__")
