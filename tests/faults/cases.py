"""The faults: each begins where its stage begins, and tells what was wrong, empty for nothing."""

from __future__ import annotations

import csv
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.reference import Reference, Repro, fingerprint, last_line
from tests.small_clone import call

CHANGES = (
    "vanishes",
    "is another picture",
    "is cut",
    "is empty",
    "is another picture of the same size and time",
)
_ROOM = "4g"
_LOOK_AGAIN_S = 0.01


@dataclass(frozen=True)
class Outcome:
    """What a case showed.

    Attributes
    ----------
    where : str
        The stage that the run had come to, or the file and what happened to it.
    wrong : str
        Empty where everything was as it should be.
    """

    where: str
    wrong: str


def killed(reference: Reference, stage: str, rng: random.Random) -> Outcome:
    """kill -9 of `dvc repro` and its stage at a random moment of this stage, then a run to the end."""
    reference.restore(stage)
    repro = reference.start()
    begun = repro.wait_for(stage)
    time.sleep(rng.uniform(0, 0.8) * reference.seconds[stage])  # the rest is DVC's start
    running = repro.process.poll() is None
    repro.kill()
    where = repro.stage if running else "no stage: it had ended"
    return Outcome(where, reference.run() if begun else f"stage {stage} did not begin")


def filled(reference: Reference, stage: str, rng: random.Random) -> Outcome:
    """A disk that gets full in this stage, then a run to the end with room again."""
    reference.restore(stage)
    disk, before = reference.folder.parent, _parts(reference.folder)  # a kill leaves some
    repro = reference.start()
    begun = repro.wait_for(stage)
    room = int(rng.uniform(0, 0.3) * reference.growth[stage])  # DVC takes a good part for its own copies
    _resize(disk, lambda: str(shutil.disk_usage(disk).used + room))
    status = repro.end()
    parts = sorted(_parts(reference.folder) - before)
    _resize(disk, lambda: _ROOM)
    where = f"{repro.stage}, {room} bytes of room" if status else "no stage: it had room"
    faults = [] if begun else [f"stage {stage} did not begin"]
    if "Traceback" in repro.text:
        faults.append(f"a traceback: {_last_error(repro.text)}")
    if parts:
        faults.append(f"{len(parts)} parts left, e.g. {parts[0].name}")
    faults.append(reference.run())
    return Outcome(where, "; ".join(filter(None, faults)))


def _parts(folder: Path) -> set[Path]:
    return {path for path in folder.rglob(".*.part") if ".dvc" not in path.parts}


def _resize(disk: Path, size: Callable[[], str]) -> None:
    """Give a file system in memory another size; what is written meanwhile may ask for another try."""
    for _ in range(20):
        try:
            call(disk, "mount", "-o", f"remount,size={size()}", str(disk))
            return
        except AssertionError:
            time.sleep(_LOOK_AGAIN_S)
    raise RuntimeError(f"{disk} cannot be made smaller than what lies on it")


def changed(reference: Reference, stage: str, rng: random.Random) -> Outcome:
    """A picture that changes as this stage begins, and comes back in a later stage or after the run."""
    reference.restore(stage)
    path, other = rng.sample(sorted((reference.folder / "data/demo").rglob("*.jpg")), 2)
    change, back = rng.choice(CHANGES), rng.choice([None, *_later(reference, stage)])
    name = path.relative_to(reference.folder / "data/demo")
    where = f"{name} {change} as {stage} begins and comes back {'after the run' if back is None else f'in {back}'}"
    away = reference.kept / "away"
    repro = reference.start()
    begun = repro.wait_for(stage)
    shutil.move(path, away)
    _put(change, path, original=away, other=other)
    if back is not None:
        repro.wait_for(back)
        shutil.move(away, path)
    status = repro.end()
    wrong = [] if begun else [f"stage {stage} did not begin"]
    wrong += silent(reference, repro, status, path)
    if back is None:
        shutil.move(away, path)
    wrong.append(reference.run())
    if not wrong[-1] and path.name in "".join(named(reference.folder)):
        wrong.append("still named after it was back")
    return Outcome(where, "; ".join(filter(None, wrong)))


def silent(reference: Reference, repro: Repro, status: int, path: Path) -> list[str]:
    """What is wrong with the run in which the file changed: neither the right numbers nor a word about it."""
    if status:
        told = path.name in repro.text or (
            "left out" in repro.text and path.name in "".join(named(reference.folder))
        )
        told = told and "Traceback" not in repro.text
        return [] if told else [f"status {status}: {_reason(repro.text)}"]
    if fingerprint(reference.folder) == reference.expected:
        return []
    told = any(path.name in text for text in named(reference.folder))
    return [] if told else ["OTHER bytes, and no row names the file"]


def named(folder: Path) -> Iterator[str]:
    """The paths and names in every list of issues."""
    lists = [*(folder / "cache/issues").glob("*.csv"), folder / "cache/manifest_issues.csv"]
    for file in [*lists, folder / "reports/prediction_issues.csv"]:
        if file.is_file():
            with file.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
                for row in csv.DictReader(stream):
                    if row["status"] != "ok":  # a face unlike the others has a row, whatever happens to files
                        yield f"{row.get('path') or row.get('img_name')}\n"


def _later(reference: Reference, stage: str) -> list[str]:
    stages = list(reference.seconds)
    return stages[stages.index(stage) + 1 :]


def _put(change: str, path: Path, *, original: Path, other: Path) -> None:
    """Let a changed file stand where the original stood."""
    data, stat = original.read_bytes(), original.stat()
    if change == "is another picture":
        shutil.copyfile(other, path)
    elif change == "is cut":
        path.write_bytes(data[: len(data) // 2])
    elif change == "is empty":
        path.write_bytes(b"")
    elif change == "is another picture of the same size and time":
        path.write_bytes(other.read_bytes()[: len(data)].ljust(len(data), b"\0"))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _reason(said: str) -> str:
    """The stage's own line about its end, or else DVC's."""
    own = [line for line in said.splitlines() if line.startswith("error:")]
    return own[-1] if own else last_line(said)


def _last_error(said: str) -> str:
    """The line that a traceback ends with."""
    lines = said.rpartition("Traceback")[2].splitlines()[1:]
    return next((line for line in lines if line and not line.startswith(" ")), "")
