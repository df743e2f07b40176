"""Simulate how often the intervals of `evaluate` hold the truth and its thresholds their promise; prints Markdown tables.

Results are kept, a design a line: a run that was stopped goes on, and a table is printed of what there is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.coverage.designs import Design, designs, threshold_designs
from benchmarks.coverage.runs import FIGURES, cover, keep
from benchmarks.coverage.tables import coverage_table, threshold_table
from pipeline.runtime.engine import Engine

THRESHOLDS = "thresholds"
PARTS = (*FIGURES, THRESHOLDS)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    add = command_line.add_argument
    add("--work", type=Path, required=True, help="folder of the results")
    add("--parts", default=",".join(PARTS), help="of %(default)s (default: all)")
    add("--runs", type=int, default=500, help="of each design (default: %(default)s)")
    add("--full", action="store_true", help="every combination, nine times as many designs")
    add("--workers", type=int, default=0, help="processes; 0 = one per core (default)")
    return command_line


def simulate(design: Design, *, part: str, runs: int) -> list[dict[str, Any]]:
    """Results of one design."""
    return keep(design, runs=runs) if part == THRESHOLDS else cover(design, part=part, runs=runs)


def missing(file: Path, wanted: Sequence[Design]) -> list[Design]:
    """The designs that a file of results does not have yet."""
    known = {repr(Design(**json.loads(line)["design"])) for line in _lines(file)}
    return [design for design in wanted if repr(design) not in known]


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate what is missing, and print the tables."""
    command_line = parser()
    args = command_line.parse_args(arguments)
    parts = args.parts.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        command_line.error(f"--parts: {', '.join(unknown)} is unknown; known are {', '.join(PARTS)}")
    args.work.mkdir(parents=True, exist_ok=True)
    for part in parts:
        file = args.work / f"{part}-{args.runs}.jsonl"
        wanted = threshold_designs() if part == THRESHOLDS else designs(full=args.full, part=part)
        todo = missing(file, wanted)
        work = partial(simulate, part=part, runs=args.runs)
        with file.open("a", encoding="utf-8") as stream:
            for design, rows in zip(todo, Engine(workers=args.workers).map(work, todo), strict=True):
                stream.write(json.dumps({"design": vars(design), "rows": rows}) + "\n")
                stream.flush()
        rows = [row for line in _lines(file) for row in json.loads(line)["rows"]]
        print(threshold_table(rows) if part == THRESHOLDS else coverage_table(rows))


if __name__ == "__main__":
    main()
