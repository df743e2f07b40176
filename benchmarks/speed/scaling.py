"""Time, memory and files of the stages up to the spectral features, over the number of images.

`python -m benchmarks.speed.scaling --images FOLDER --work W [--sizes 1000,10000] [--side 112]` makes that many
different pictures out of those in FOLDER, and for each number runs the stages through DVC: from nothing, with
nothing to do, and with one image in a hundred added.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from tqdm import tqdm

from benchmarks.speed.timing import machine
from pipeline.dataset.image_folders import walk
from pipeline.runtime.engine import Engine

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = ("features", "models", "pipeline", "dvc.yaml", "params.yaml")
STAGES = ("manifest", "faces", "spectral")
ADDED = 0.01
BATCH = 200  # pictures made by a worker at a time
EVERY = 0.5  # seconds between two looks at the memory
U8 = NDArray[np.uint8]


def vary(picture: U8, number: int, *, side: int) -> U8:
    """Another picture of the same face, uint8 (side, side, 3): turned, scaled, moved, its tones changed.

    picture : uint8 (H, W, 3). The same `number` gives the same picture.
    """
    rng = np.random.default_rng(number)
    height, width = picture.shape[:2]
    scale = side / min(height, width) * rng.uniform(0.95, 1.25)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-15, 15), scale)
    matrix[:, 2] += side / 2 - np.array([width, height]) / 2 + rng.uniform(-0.06, 0.06, 2) * side
    if rng.integers(2):
        picture = np.ascontiguousarray(picture[:, ::-1])
    turned = cv2.warpAffine(
        picture, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
    )
    tones = 255 * (np.arange(256) / 255) ** rng.uniform(0.7, 1.4)
    grain = rng.normal(0, rng.uniform(1, 4), turned.shape)
    return np.clip(cv2.LUT(turned, tones.astype(np.float32)) + grain, 0, 255).astype(np.uint8)


def write_batch(numbers: range, *, sources: Sequence[Path], folder: Path, side: int) -> int:
    """Write these pictures as JPEG files; returns how many."""
    for number in numbers:
        picture = cv2.imread(str(sources[number % len(sources)]))
        code = cv2.imencode(".jpg", vary(picture, number, side=side), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        (folder / f"{number:07d}.jpg").write_bytes(code.tobytes())
    return len(numbers)


def make_data(root: Path, sources: Sequence[Path], *, images: int, side: int) -> None:
    """A data set of so many pictures; those that are there stay. Labels mean nothing."""
    folder = root / "trainset"
    folder.mkdir(parents=True, exist_ok=True)
    first = len(list(folder.iterdir()))
    batches = [range(i, min(i + BATCH, images)) for i in range(first, images, BATCH)]
    work = partial(write_batch, sources=sources, folder=folder, side=side)
    with tqdm(total=images - first, desc="make images", unit="img", mininterval=1.0) as bar:
        for count in Engine().map(work, batches, ordered=False):
            bar.update(count)
    lines = [f"{number:07d}.jpg,{number % 2}" for number in range(images)]
    (root / "train_label.txt").write_text("\n".join(["img_name,target", *lines]) + "\n", encoding="utf-8")


def prepare(folder: Path, data: Path) -> None:
    """A folder of its own in which the stages run: the code, the parameters, DVC without Git."""
    folder.mkdir(parents=True)
    for name in CODE:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, folder / name)
    yaml = YAML()
    tree = yaml.load(folder / "params.yaml")
    tree["data"]["root"] = str(data.resolve())
    tree["variants"] = {"degraded": 0, "pseudo_fakes": {}}
    yaml.dump(tree, folder / "params.yaml")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)


def family(pid: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from family(int(child))


def proportional(pid: int) -> int:
    """Memory of a process in KiB, shared pages divided among those who share them; 0 once it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """A list whose only entry is the peak memory in MiB of the process and its children."""
    peak, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            try:
                peak[0] = max(peak[0], sum(map(proportional, family(pid))) / 1024)
            except (FileNotFoundError, ProcessLookupError):
                continue

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def timed(folder: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and peak MiB of `dvc repro` with these arguments. CalledProcessError when it fails."""
    paths = {
        "PYTHONPATH": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", *arguments]
    start = time.monotonic()
    with (
        subprocess.Popen(command, cwd=folder, env={**os.environ, **paths}) as process,
        watched(process.pid) as peak,
    ):
        code = process.wait()
    if code:
        raise subprocess.CalledProcessError(code, command)
    return time.monotonic() - start, peak[0]


def measure(work: Path, sources: Sequence[Path], *, images: int, side: int) -> list[str]:
    """Lines of the table for one number of images."""
    data, folder = work / f"data-{images}", work / f"run-{images}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    make_data(data, sources, images=images, side=side)
    prepare(folder, data)
    lines, total = [], 0.0
    for stage in STAGES:
        seconds, peak = timed(folder, "--single-item", stage)
        total += seconds
        lines.append(f"| {images} | {stage} | {seconds:.1f} | {1000 * seconds / images:.2f} | {peak:.0f} |")
    idle, peak = timed(folder, STAGES[-1])
    lines.append(f"| {images} | nothing to do | {idle:.1f} | | {peak:.0f} |")
    make_data(data, sources, images=images + max(round(images * ADDED), 1), side=side)
    more, peak = timed(folder, STAGES[-1])
    share = (more - idle) / total
    lines.append(
        f"| {images} | {ADDED:.0%} more images: {share:.1%} more than nothing | {more:.1f} | | {peak:.0f} |"
    )
    files = sum(path.is_file() for path in (folder / "cache").rglob("*"))
    lines.append(f"| {images} | files in cache/: {files} | | | |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.scaling", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of face pictures")
    parser.add_argument("--work", type=Path, required=True, help="scratch folder, some 10 kB an image")
    parser.add_argument("--sizes", default="1000,10000", help="numbers of images (default: %(default)s)")
    parser.add_argument(
        "--side", type=int, default=112, help="px of the pictures drawn (default: %(default)s)"
    )
    args = parser.parse_args(arguments)
    sources = [args.images / name for name in walk(args.images).names]
    if not sources:
        parser.error(f"--images {args.images}: no image in it")
    print(f"{machine()}; pictures of {args.side} px, no variants")
    print("| images | stage | s | ms an image | peak MiB |\n|---|---|---|---|---|", flush=True)
    for images in map(int, args.sizes.split(",")):
        lines = measure(args.work, sources, images=images, side=args.side)
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
