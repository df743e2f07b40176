"""What the command `predict` is asked: its options, and where its outputs go."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.bundle_info import FILE
from pipeline.dataset.lists import LabelError
from pipeline.runtime import paths
from pipeline.serving.containers import Packed
from pipeline.serving.priors import share
from pipeline.storage.outputs import NOWHERE, STDERR, is_streamed


def beside(out: Path) -> tuple[Path, Path, Path]:
    """Where scores, warnings and details go.

    Beside a file lie two others. Beside a pipe or a device there is no place for them: warnings go to standard error.
    """
    if is_streamed(out):
        return out, STDERR, NOWHERE
    issues, details = (out.with_name(f"{out.stem}_{name}.csv") for name in ("issues", "details"))
    return out, issues, details


def inputs(
    files: Sequence[tuple[str, str | Packed]], *, bundle: Path, listing: Path | None = None
) -> Iterator[str | Path]:
    """Every file that is read: the images, their list, the bundle."""
    yield from {source.container if isinstance(source, Packed) else source: None for _, source in files}
    if listing is not None:
        yield listing
    if (bundle / FILE).is_file():  # a wrong folder is not searched
        yield from bundle.rglob("*")


def named(text: str) -> Path:
    """A path of the command line."""
    if not text:
        raise LabelError("an empty name was given (an unset variable?); name a folder or a file")
    return Path(text)


def _at_least_none(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"is {text!r}, allowed are 0 (one per core), 1, 2, ...")
    return value


def parser(description: str | None) -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m pipeline.predict", description=description)
    add = command.add_argument
    add("folder", nargs="*", type=named, help="the same as --images")
    add(
        "--images",
        nargs="+",
        type=named,
        default=[],
        help="a folder (searched below), image files, or tar and Parquet files of images",
    )
    add("--list", type=named, help="file with the header img_name: which images, in which order")
    add("--bundle", type=named, default=paths.BUNDLE, help="folder of a trained model (default: %(default)s)")
    add(
        "--out",
        type=named,
        default=Path("scores.txt"),
        help="where the scores go (default: %(default)s); - for standard output, with the warnings on standard error",
    )
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    add("--workers", type=_at_least_none, default=0, help="processes on the CPU; 0 = one per core (default)")
    add("--scheduler", help="address of a Dask scheduler whose workers score the images")
    add(
        "--every-face", action="store_true", help="a row for each face found; further ones are NAME#2, NAME#3"
    )
    add("--prior", type=share, metavar="P", help="share of fakes to expect (default: that of training)")
    return command
