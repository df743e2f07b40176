"""Feed made-up input to the product, and count what becomes of it.

Each kind of input runs in a process of its own, so that a crash costs one input and is counted. In the PATH lie programs
by the names of all that Pillow and libraries are known to start; one that is started is a fault.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from tests.fuzz.worker import work

KINDS = ("pictures", "lists", "settings", "bundles", "command_lines", "requests", "credentials")
PROGRAMS = (
    "gs",
    "gswin32c",
    "gswin64c",
    "djpeg",
    "cjpeg",
    "netpbm",
    "ppmtogif",
    "giftopnm",
    "xv",
    "display",
    "open",
    "sh.exe",
)


def run(kind: str, *, seed: int, count: int, until: float) -> tuple[Counter[str], list[str], int]:
    """Outcomes of a kind, its faults, and the most memory a process had, MiB."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    first, memory = 0, 0
    with tqdm(total=count, desc=kind, unit="input", mininterval=1.0) as bar:
        while first < count and time.monotonic() < until:
            ours, theirs = multiprocessing.Pipe(duplex=False)
            context = multiprocessing.get_context("spawn")
            child = context.Process(target=work, args=(kind, seed, first, count, theirs), daemon=True)
            child.start()
            theirs.close()
            number = first
            try:
                while (message := ours.recv()) is not None and time.monotonic() < until:
                    if isinstance(message, int):
                        number = message
                        continue
                    outcome, fault, used = message
                    outcomes[outcome] += 1
                    memory, first = max(memory, used), number + 1
                    faults += [f"{kind} {number}: {fault}"] if fault else []
                    bar.update()
                first = count
            except EOFError:
                child.join()
                outcomes["crash"] += 1
                faults.append(f"{kind} {number}: the process ended with {child.exitcode}")
                first = number + 1
            finally:
                child.kill()
                child.join()
    return outcomes, faults, memory


def plant_programs(folder: Path) -> Path:
    """Programs that leave a line in a file; the file."""
    started = folder / "started"
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\necho {name} >> "{started}"\n')
        program.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return started


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    add = command.add_argument
    add("--n", type=int, default=2000, help="inputs of each kind (default: %(default)s)")
    add("--minutes", type=float, default=20, help="of each kind at most (default: %(default)s)")
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--kinds", default=",".join(KINDS), help="default: %(default)s")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where there was a fault."""
    args = parser().parse_args(arguments)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-programs-") as folder:
        started = plant_programs(Path(folder))
        for kind in args.kinds.split(","):
            until = time.monotonic() + 60 * args.minutes
            outcomes, faults, memory = run(kind, seed=args.seed, count=args.n, until=until)
            bad += len(faults)
            listed = ", ".join(f"{name} {number:,}" for name, number in outcomes.most_common())
            print(
                f"{kind}: {outcomes.total():,} inputs, {len(faults)} faults, {memory:,} MiB at most; {listed}"
            )
            for fault in faults[:10]:
                print(fault)
        if started.is_file():
            bad += 1
            print(f"programs were started: {started.read_text()}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
