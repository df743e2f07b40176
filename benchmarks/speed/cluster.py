"""The same stages on this machine's cores by loky, on a Dask cluster, and on one that loses a worker.

`python -m benchmarks.speed.cluster --images FOLDER --work W [--size 1000] [--side 224]` compares time and bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from distributed import Client, LocalCluster
from ruamel.yaml import YAML

from benchmarks.speed.scaling import make_data, prepare, timed
from benchmarks.speed.timing import machine
from pipeline.dataset.image_folders import walk

MAPPED = ("faces", "spectral")  # the stages whose shards go to the workers
STAGE_OUTPUTS = ("cache/faces", "cache/features")


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that the stages have made, by path."""
    files = (path for name in STAGE_OUTPUTS for path in sorted((folder / name).rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def set_compute(folder: Path, compute: dict[str, Any]) -> None:
    """Change section `compute` of the run's params.yaml."""
    yaml = YAML()
    tree = yaml.load(folder / "params.yaml")
    tree["compute"].update(compute)
    yaml.dump(tree, folder / "params.yaml")


def run(base: Path, folder: Path, compute: dict[str, Any]) -> tuple[float, dict[str, str]]:
    """Seconds of the mapped stages, and what they made, in a copy of the folder `base`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    set_compute(folder, compute)
    seconds = sum(timed(folder, "--single-item", stage)[0] for stage in MAPPED)
    return seconds, contents(folder)


@contextmanager
def losing_a_worker(client: Client, *, after: float) -> Iterator[list[int]]:
    """Kill a worker's process (SIGKILL) so many seconds from now; yields the list of those killed."""
    killed: list[int] = []

    def kill() -> None:
        pids = client.run(os.getpid)
        killed.append(next(iter(pids.values())))
        os.kill(killed[0], signal.SIGKILL)

    timer = threading.Timer(after, kill)
    timer.start()
    try:
        yield killed
    finally:
        timer.cancel()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.cluster", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of face pictures")
    parser.add_argument("--work", type=Path, required=True, help="scratch folder")
    parser.add_argument("--size", type=int, default=1000, help="images (default: %(default)s)")
    parser.add_argument(
        "--side", type=int, default=224, help="px of the pictures drawn (default: %(default)s)"
    )
    args = parser.parse_args(arguments)
    sources = [args.images / name for name in walk(args.images).names]
    if not sources:
        parser.error(f"--images {args.images}: no image in it")
    shutil.rmtree(args.work, ignore_errors=True)
    make_data(args.work / "data", sources, images=args.size, side=args.side)
    base, cores = args.work / "base", joblib.cpu_count()
    prepare(base, args.work / "data")
    timed(base, "--single-item", "manifest")
    print(f"{machine()}; {args.size} pictures of {args.side} px, stages {', '.join(MAPPED)}", flush=True)
    plain, expected = run(base, args.work / "loky", {"backend": "loky", "workers": cores})
    print(f"loky, {cores} processes: {plain:.1f} s", flush=True)
    with LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=None) as cluster:
        compute = {"backend": "dask", "scheduler": cluster.scheduler_address}
        seconds, digests = run(base, args.work / "dask", compute)
        print(
            f"Dask, {cores} workers: {seconds:.1f} s, {plain / seconds:.0%} of loky's speed; {same(digests, expected)}"
        )
        with Client(cluster) as client, losing_a_worker(client, after=plain / 2) as killed:
            seconds, digests = run(base, args.work / "killed", compute)
        print(
            f"Dask, a worker killed after {plain / 2:.0f} s: {seconds:.1f} s, {len(killed)} killed; {same(digests, expected)}"
        )


def same(digests: dict[str, str], expected: dict[str, str]) -> str:
    """How many files are the same."""
    alike = sum(digests.get(path) == digest for path, digest in expected.items())
    return (
        f"{alike} of {len(expected)} files are the same bytes, {len(digests.keys() - expected.keys())} more"
    )


if __name__ == "__main__":
    main()
