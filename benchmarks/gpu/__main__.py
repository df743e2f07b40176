"""Check CUDA against the CPU and measure its speed; without a GPU, one line and nothing else."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import joblib
import torch

from benchmarks.gpu import agreement, throughput
from benchmarks.gpu.record import Record, Step
from benchmarks.gpu.workload import FULL, REHEARSAL, Workload
from benchmarks.speed.timing import machine
from pipeline.runtime.process import pick_device

NO_GPU = "torch sees no CUDA device, so there is nothing to check; --rehearse runs it all on the CPU"
SECONDS = 420  # of the run: with a minute to install the environment, 8 minutes


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    add = command_line.add_argument
    add("--out", type=Path, default=Path("reports/gpu.json"), help="the JSON (default: %(default)s)")
    add("--seconds", type=float, default=SECONDS, help="of the whole run (default: %(default)s)")
    add("--steps", help="names with commas between (default: all)")
    add("--rehearse", action="store_true", help="everything small, with the CPU in the place of the device")
    return command_line


def steps(work: Workload) -> list[Step]:
    """What is done, in this order: what is shortest and matters most comes first."""
    named = [
        ("detector", agreement.detection, 10),
        ("nets", agreement.nets, 30),
        ("spectral", agreement.spectral, 20),
        ("training", agreement.training, 40),
        ("speed of fine-tuning", throughput.fine_tuning, 40),
        ("stages", throughput.stages, 90),
        ("predict", agreement.scores, 20),
        ("speed of parts", throughput.parts, 30),
        ("speed of the whole path", throughput.whole_path, 40),
        ("speed of spectral", throughput.spectral, 30),
    ]
    return [Step(name, partial(run, work), least) for name, run, least in named]  # type: ignore[operator]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns 0 where every check holds, else 1."""
    begun = time.monotonic()
    args = parser().parse_args(arguments)
    if not (args.rehearse or torch.cuda.is_available()):
        print(NO_GPU)
        return 0
    device = "cpu" if args.rehearse else pick_device("cuda")
    facts = {
        "machine": machine(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "rehearsal on the CPU",
        "timm": version("timm"),
    }
    record = Record(facts, args.out)
    with tempfile.TemporaryDirectory() as folder:
        size = REHEARSAL if args.rehearse else FULL
        work = Workload(Path(folder).resolve(), device, size, cores=joblib.cpu_count())
        chosen = [s for s in steps(work) if args.steps is None or s.name in args.steps.split(",")]
        record.run(chosen, limit=args.seconds, begun=begun)
    print(record.table())
    print(f"\n{args.out} holds all of it")
    return 0 if record.holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
