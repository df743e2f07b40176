"""Time the spectral blocks of this checkout side by side with those of another revision, and compare their numbers."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module, invalidate_caches
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import features.spectral
import features.views
from benchmarks.speed.parts import Comparison, batches, prepare
from benchmarks.speed.timing import Times, machine, row, table
from features.views import Crop, Face, plan_crop
from pipeline.dataset.image_folders import walk
from pipeline.faces import detector
from pipeline.runtime import params

Cut = tuple[NDArray[np.uint8], Face, Crop]  # a picture, and where its face is
Blocks = Callable[[Cut, Sequence[str]], dict[str, NDArray[np.float32]]]


def here(cut: Cut, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Blocks of one face by this checkout."""
    return features.spectral.compute(features.views.cut_views(*cut), names)


def load(folder: Path) -> Blocks:
    """The package `features` of another folder, beside the one that is imported.

    Parameters
    ----------
    folder : Path
        The folder that holds `features`.

    Returns
    -------
    callable
        As `here`.
    """
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "features"}
    for name in ours:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    invalidate_caches()
    try:
        spectral, views = import_module("features.spectral"), import_module("features.views")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == "features"]:
            del sys.modules[name]
        sys.modules.update(ours)
    return lambda cut, names: spectral.compute(views.cut_views(*cut), names)  # type: ignore[no-any-return]


def extract(revision: str, folder: Path) -> None:
    """Write the package `features` of a git revision into a folder."""
    archive = subprocess.run(["git", "archive", revision, "features"], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def cuts(comparison: Comparison) -> list[Cut]:
    """Every picture with its face."""
    found: list[Cut] = []
    for batch in batches(comparison.pixels()):
        for pixels, face in zip(batch, detector(comparison.options, "cpu").detect(batch), strict=True):
            height, width = pixels.shape[:2]
            crop = plan_crop(face, height=height, width=width, **comparison.options.cuts())
            found.append((pixels, face, crop))
    return found


def differences(theirs: Blocks, faces: Sequence[Cut], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """How far the numbers of two revisions lie apart.

    Returns
    -------
    dict
        Block -> largest difference, and share of numbers that are equal bit by bit. A number that only one of the two
        has is infinitely far.
    """
    ours = [here(cut, names) for cut in faces]
    others = [theirs(cut, names) for cut in faces]
    result = {}
    for name in names:
        a, b = (np.stack([values[name] for values in rows]).astype(np.float64) for rows in (ours, others))
        distance = np.where(np.isnan(a) == np.isnan(b), np.abs(np.nan_to_num(a) - np.nan_to_num(b)), np.inf)
        result[name] = float(distance.max()), float((distance == 0).mean())
    return result


def in_turn(
    sides: dict[str, Blocks], *, faces: Sequence[Cut], names: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    """Processor time of this thread on all faces, in each round; the sides take turns at every face.

    So neither what other programs take from the machine nor a change of its pace falls on one side.
    """
    seconds: dict[str, list[float]] = {side: [0.0] * rounds for side in sides}
    for turn in range(-1, rounds):  # the first to warm up
        for cut in faces:
            for side, blocks in sides.items():
                start = time.thread_time()
                blocks(cut, names)
                if turn >= 0:
                    seconds[side][turn] += time.thread_time() - start
    return seconds


def compare(theirs: Blocks, faces: Sequence[Cut], *, rounds: int, revision: str) -> str:
    """Markdown of times and differences of every block that both have, and of all of them together."""
    names = list(features.spectral.blocks())
    apart = differences(theirs, faces, names)
    seconds: dict[str, list[float]] = {}
    for label, chosen in (*((name, [name]) for name in names), ("all", names)):
        seconds |= in_turn(
            {f"then {label}": theirs, f"now {label}": here}, faces=faces, names=chosen, rounds=rounds
        )
    times = Times(seconds)
    rows = []
    for label in (*names, "all"):
        far = f"; ±{apart[label][0]:.1e}, {apart[label][1]:.0%} equal" if label in apart else ""
        name, then, now, ratio = row(
            label, times, ours=f"now {label}", other=f"then {label}", images=len(faces)
        )
        rows.append((name, then, now, ratio + far))
    low, middle, high = np.quantile(
        np.array(times.seconds["now all"]) / np.array(times.seconds["then all"]), (0, 0.5, 1)
    )
    share = f"All blocks take {middle:.0%} of the time of {revision} ({low:.0%} to {high:.0%} over {rounds} rounds)."
    return table("Spectral blocks, one thread", revision, rows) + f"\n\n{share}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.speed.revision", description=__doc__)
    add = command_line.add_argument
    add("--images", type=Path, nargs="+", required=True, help="folders of images, a table for each")
    add("--revision", required=True, help="a git revision, such as HEAD~1")
    add("--limit", type=int, default=64, help="images of each folder (default: %(default)s)")
    add("--rounds", type=int, default=7, help="of each comparison (default: %(default)s)")
    args = command_line.parse_args(arguments)
    prepare()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        extract(args.revision, Path(scratch))
        theirs = load(Path(scratch))
        for folder in args.images:
            files = [folder / name for name in walk(folder).names[: args.limit]]
            if not files:
                command_line.error(f"--images {folder}: no image in it")
            faces = cuts(Comparison(files, args.rounds, params.load("faces")))
            print(f"\n## {folder.name}: {len(files)} images")
            print(f"\n{compare(theirs, faces, rounds=args.rounds, revision=args.revision)}", flush=True)


if __name__ == "__main__":
    main()
