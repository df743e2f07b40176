"""Plant a value of a file fact in some of the fakes, and count how often the audit's purity test names it; prints Markdown.

Nothing is planted where the share is 0: there, whatever is named is a false alarm.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from itertools import product

import numpy as np
from tqdm import tqdm

from benchmarks.leaks.histories import Design, draw
from pipeline.dataset.purity import pure_values

GROUPS = (100, 300, 1000)
LEAKS = (0.0, 0.02, 0.05, 0.1, 0.2)
NOISES = (0.0, 0.002)


def designs() -> list[Design]:
    """Every size and share; reals have the value too in some, but not where nothing is planted."""
    return [
        Design(groups, leak, noise)
        for groups, leak, noise in product(GROUPS, LEAKS, NOISES)
        if leak or not noise
    ]


def counts(design: Design, *, runs: int) -> dict[str, int]:
    """In how many runs the planted value was named, in how many as red, and in how many another one was named.

    Parameters
    ----------
    design : Design
    runs : int

    Returns
    -------
    dict of str to int
        found, red, others.
    """
    digest = hashlib.sha256(repr(design).encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    result = {"found": 0, "red": 0, "others": 0}
    for _ in range(runs):
        named = pure_values(*draw(design, generator))
        planted = [one for one in named if (one["fact"], one["value"]) == ("quality", -1.0)]
        result["found"] += bool(planted)
        result["red"] += any(one["level"] == "red" for one in planted)
        result["others"] += len(named) > len(planted)
    return result


def table(rows: Sequence[tuple[Design, dict[str, int]]], *, runs: int) -> str:
    """Shares of the runs, a design a line, as Markdown."""
    lines = [
        "| groups of each class | fakes with the value | reals with it | named | as red | another value named |",
        "|---|---|---|---|---|---|",
    ]
    for design, found in rows:
        shares = [f"{found[key] / runs:.3f}" for key in ("found", "red", "others")]
        planted = shares[:2] if design.leak else ["–", "–"]
        cells = [f"{design.groups:,}", f"{design.leak:.0%}", f"{design.noise:.1%}", *planted, shares[2]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate and print."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    command_line.add_argument("--runs", type=int, default=200, help="of each design (default: %(default)s)")
    args = command_line.parse_args(arguments)
    wanted = designs()
    rows = [(design, counts(design, runs=args.runs)) for design in tqdm(wanted, desc="design", unit="")]
    sys.stdout.write(table(rows, runs=args.runs) + "\n")


if __name__ == "__main__":
    main()
