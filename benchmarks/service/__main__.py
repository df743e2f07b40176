"""The service beside `predict`: throughput by turns, waiting at half load, overload, and an end under load.

    python -m benchmarks.service --bundle cache/model --images FOLDER --overload 600 --results service.json

Service and `predict` take turns on the same images, because a busy machine slows each: what counts is their ratio. At half
load and at five times the capacity requests come when they are due, and waiting is counted from then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.service.figures import counts, drift, latency, plan, table
from benchmarks.service.load import OpenLoop, sampled, throughput
from benchmarks.service.process import Service
from pipeline.runtime.engine import Engine
from pipeline.serving.scoring import stream_rows

IMAGES = 128  # of a turn at least: with few, a last batch that is not full counts for much
OVERLOAD = 5  # times the capacity


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m benchmarks.service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--bundle", type=Path, required=True)
    add("--images", type=Path, required=True, help="folder of image files")
    add("--count", type=int, default=IMAGES, help="images of a turn (default and least: %(default)s)")
    add("--clients", type=int, default=32, help="of a turn (default: %(default)s)")
    add("--rounds", type=int, default=5, help="turns of each side (default: %(default)s)")
    add(
        "--half", type=float, default=120, metavar="S", help="at half load (default: %(default)s; 0 for none)"
    )
    add("--overload", type=float, default=60, metavar="S", help="default: %(default)s; 0 for none")
    add(
        "--end",
        type=float,
        default=20,
        metavar="S",
        help="overload with SIGTERM in its middle (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="of when requests come (default: %(default)s)")
    add("--audit", type=Path, default=Path("audit.jsonl"), help="default: %(default)s; made anew")
    add("--results", type=Path, help="file for the figures as JSON")
    return command


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    paths = sorted(path for path in args.images.iterdir() if path.is_file())
    count = max(args.count, IMAGES)
    files = [(path.name, str(path)) for path in (paths * (count // len(paths) + 1))[:count]]
    images = {path.name: path.read_bytes() for path in paths[:count]}
    engine = Engine("loky", len(os.sched_getaffinity(0)))
    _, expected = _predict(files, args.bundle, engine)  # the workers load the bundle
    args.audit.unlink(missing_ok=True)
    service = Service(args.bundle, args.audit)
    try:
        datas = [images[name] for name, _ in files]
        asyncio.run(throughput(service.port, datas[:IMAGES], clients=args.clients))
        alone, served = list[float](), list[float]()
        for _ in range(args.rounds):
            alone.append(_predict(files, args.bundle, engine)[0])
            served.append(asyncio.run(throughput(service.port, datas, clients=args.clients)))
            _say(f"predict {alone[-1]:.2f} images/s, service {served[-1]:.2f}")
        capacity = statistics.median(served)
        results: dict[str, Any] = {
            "images": count,
            "clients": args.clients,
            "start_s": service.start_s,
            "predict": statistics.median(alone),
            "capacity": capacity,
            "ratios": [ours / theirs for ours, theirs in zip(served, alone, strict=True)],
        }
        trial = Trial(service, images, expected, capacity, args.seed)
        results["half_load"] = trial.half_load(args.half)
        results["overload"] = trial.overload(args.overload)
        results["end"] = trial.overload(args.end, ends=True)
        status = service.end()
        if results["end"]:
            results["end"]["status"] = status
        under_load = sum(_scored(results[name]) for name in ("half_load", "overload", "end"))
        told = len(args.audit.read_text().splitlines())
        results["told"] = [told, IMAGES + args.rounds * count + under_load]
        return results
    finally:
        service.end()


def _predict(
    files: Sequence[tuple[str, str]], bundle: Path, engine: Engine
) -> tuple[float, dict[str, float]]:
    """Images a second, and the scores."""
    begun = time.monotonic()
    rows = [row for rows in stream_rows(files, folder=bundle, device="cpu", engine=engine) for row in rows]
    return len(rows) / (time.monotonic() - begun), {row.name: row.score for row in rows}


@dataclass(frozen=True)
class Trial:
    """Requests that come when they are due, whatever the answers.

    Attributes
    ----------
    service : Service
    images : dict of str to bytes
        Files by name.
    expected : dict of str to float
        What `predict` gives each.
    capacity : float
        Of the service, images a second.
    seed : int
        Of when requests come.
    """

    service: Service
    images: dict[str, bytes]
    expected: dict[str, float]
    capacity: float
    seed: int

    def half_load(self, seconds: float) -> dict[str, Any]:
        """Figures of waiting; none of no time."""
        if not seconds:
            return {}
        rate = self.capacity / 2
        heard = asyncio.run(self._clients().run(self._due(rate, seconds, seed=self.seed)))
        found = {"rate": rate, "seconds": seconds, **latency(heard), "heard": counts(heard)}
        _say(f"half load: {found}")
        return found

    def overload(self, seconds: float, *, ends: bool = False) -> dict[str, Any]:
        """Figures of waiting and memory; with `ends` the service is asked to end in the middle. None of no time."""
        if not seconds:
            return {}
        rate = OVERLOAD * self.capacity
        due = self._due(rate, seconds, seed=self.seed + 1)
        end = (seconds / 2, self.service.ask_to_end) if ends else None

        async def run() -> tuple[Any, tuple[list[float], list[float]]]:
            work = asyncio.create_task(self._clients().run(due, end=end))
            memory = await sampled(work, self.service.memory_mib, every_s=1.0)
            return await work, memory

        heard, (times, values) = asyncio.run(run())
        found: dict[str, Any] = {"rate": rate, "seconds": seconds, "heard": counts(heard), **latency(heard)}
        if not ends:
            found["memory"] = drift(times, values) | {"times_s": times, "values_mib": values}
        _say(f"{'end under load' if ends else 'overload'}: {found['heard']}")
        return found

    def _clients(self) -> OpenLoop:
        return OpenLoop(self.service.port, self.images, self.expected)

    @staticmethod
    def _due(rate: float, seconds: float, *, seed: int) -> list[float]:
        return plan(rate=rate, seconds=seconds, seed=seed).tolist()


def _scored(found: dict[str, Any]) -> int:
    """Images that were answered with a score."""
    return int(found["heard"].get("200", 0)) if found else 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    args = parser().parse_args(arguments)
    results = measure(args)
    if args.results:
        args.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(results) + "\n")


if __name__ == "__main__":
    main()
