"""Disturb `dvc repro` and compare every byte that a run after it leaves with those of an undisturbed run.

Kills at random moments of every stage, a disk that gets full in every stage, pictures that vanish, change or come back
between two stages; on a small clone of this tree. Each case begins as the clone stood before its stage, and is noted in
--results as it ends: the same command goes on where an earlier one was stopped. `--disks` needs root, to mount a file
system in memory.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.cases import Outcome, changed, filled, killed
from tests.faults.reference import Reference
from tests.forks import fork_server
from tests.small_clone import call

Make = Callable[[Reference, str, random.Random], Outcome]


@dataclass(frozen=True)
class Case:
    """One fault: its kind, its number, and the stage that it begins in."""

    kind: str
    number: int
    stage: str


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how a case is made, and whether the first stage can have it."""

    make: Make
    first: bool = True


KINDS = {"kills": Kind(killed), "disks": Kind(filled), "files": Kind(changed, first=False)}


def cases(counts: dict[str, int], stages: Sequence[str]) -> Iterator[Case]:
    """So many of each kind, in turn over the stages; the kinds are mixed, so that a run that is stopped has seen all."""
    mixed = sorted(
        (number / count, kind, number) for kind, count in counts.items() for number in range(count)
    )
    for _, kind, number in mixed:
        allowed = stages if KINDS[kind].first else stages[1:]
        yield Case(kind, number, allowed[number % len(allowed)])


def noted(file: Path) -> list[dict[str, object]]:
    """The cases that a file of results holds."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def summary(results: Sequence[dict[str, object]]) -> str:
    """Of each kind, how many cases there were, over how many stages, and how many went wrong."""
    lines = []
    for kind, count in Counter(str(result["kind"]) for result in results).items():
        own = [result for result in results if result["kind"] == kind]
        wrong = sum(bool(result["wrong"]) for result in own)
        stages = len({result["stage"] for result in own})
        lines.append(f"{count} {kind} over {stages} stages: {wrong} wrong")
    return "\n".join(lines)


@contextmanager
def disk(folder: Path, *, limited: bool) -> Iterator[Path]:
    """A folder for the clone: a file system in memory where its size has to change."""
    folder.mkdir()
    if limited:
        call(folder, "mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        if limited:
            call(folder.parent, "umount", "--lazy", str(folder))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    add = command.add_argument
    add("--kills", type=int, default=50, help="default: %(default)s")
    add("--disks", type=int, default=0, help="disks that get full (default: %(default)s)")
    add("--files", type=int, default=40, help="pictures that change (default: %(default)s)")
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--results", type=Path, help="a JSON line for each case; those that it holds are not made again")
    add(
        "--whole-start",
        action="store_true",
        help="start each stage as a program of its own, which costs up to 10 s of imports; without it, stages are forks of a "
        "process that has the libraries loaded",
    )
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where a case went wrong."""
    args = parser().parse_args(arguments)
    results = noted(args.results) if args.results else []
    known = {(result["kind"], result["number"]) for result in results}
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        programs = None
        if not args.whole_start:
            (top / "bin").mkdir()
            programs = stack.enter_context(fork_server(top / "bin"))
        where = stack.enter_context(disk(top / "disk", limited=bool(args.disks)))
        reference = Reference(where / "clone", top / "kept", programs)
        reference.make()
        print(f"a run takes {sum(reference.seconds.values()):.0f} s: {reference.seconds}", flush=True)
        counts = {kind: getattr(args, kind) for kind in KINDS}
        for case in cases(counts, list(reference.seconds)):
            if (case.kind, case.number) in known:
                continue
            begun, rng = time.monotonic(), random.Random(f"{args.seed} {case}")
            outcome = KINDS[case.kind].make(reference, case.stage, rng)
            result = {**asdict(case), **asdict(outcome), "seconds": round(time.monotonic() - begun, 1)}
            results.append(result)
            print(json.dumps(result), flush=True)
            if args.results:
                with args.results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(result) + "\n")
    print(summary(results))
    return int(any(result["wrong"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
