"""Kill `dvc repro` at random moments and fill its disk, run it again, and compare every byte that it left.

Works on a small clone of this tree. `--disks` needs root, to mount a file system in memory.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.small_clone import call, environment, make_clone

MADE = ("cache", "reports", "prediction.txt", "dvc.lock")
# How rows are shared among shards depends on where a run went on, so the shards themselves are not compared.
COMPARED = ("prediction.txt", "cache/model", "reports/metrics.json", "reports/evaluation.json")
_MIB = 1 << 20


def fingerprint(folder: Path) -> str:
    """Hash of the names and bytes of what a run is for."""
    digest = hashlib.sha256()
    for top in COMPARED:
        path = folder / top
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def clear(folder: Path) -> None:
    """Take away all that a run makes."""
    for name in MADE:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    call(folder, "git", "checkout", "--quiet", "--", "cache")


def start(folder: Path) -> subprocess.Popen[bytes]:
    """`dvc repro` in a session of its own, with what it says in repro.log."""
    with (folder / ".dvc/tmp/repro.log").open("wb") as log:
        return subprocess.Popen(
            ["dvc", "repro"],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def stage(folder: Path) -> str:
    """The stage that the last run had come to."""
    log = (folder / ".dvc/tmp/repro.log").read_text(encoding="utf-8", errors="replace")
    return log.rpartition("Running stage '")[2].partition("'")[0] or "before the first"


def killed(folder: Path, expected: str, *, after: float) -> str:
    """One kill -9 of the whole session after some seconds, and the run after it."""
    clear(folder)
    process = start(folder)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    where = stage(folder)
    call(folder, "dvc", "repro")
    return f"{'same' if fingerprint(folder) == expected else 'OTHER'} bytes after a kill in {where}"


def filled(folder: Path, expected: str, *, room: int) -> str:
    """One run with so many bytes to spare, and the run after there is room again."""
    clear(folder)
    disk = folder.parent
    used = shutil.disk_usage(disk).used
    call(disk, "mount", "-o", f"remount,size={used + room}", str(disk))
    process = start(folder)
    status = process.wait()
    where = stage(folder)
    said = (folder / ".dvc/tmp/repro.log").read_text(encoding="utf-8", errors="replace")
    parts = list(folder.rglob(".*.part"))
    call(disk, "mount", "-o", "remount,size=4g", str(disk))
    call(folder, "dvc", "repro")
    same = "same" if fingerprint(folder) == expected else "OTHER"
    trace = f", with a TRACEBACK: {_last_error(said)}" if "Traceback" in said else ""
    left = f", {len(parts)} parts LEFT" if parts else ""
    return f"{same} bytes after a full disk in {where if status else 'no stage'}{trace}{left}"


def _last_error(said: str) -> str:
    """The line that a traceback ends with."""
    lines = said.rpartition("Traceback")[2].splitlines()[1:]
    return next((line for line in lines if line and not line.startswith(" ")), "")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    add = command.add_argument
    add("--kills", type=int, default=50, help="default: %(default)s")
    add("--disks", type=int, default=0, help="runs on a disk that gets full (default: %(default)s)")
    add("--seed", type=int, default=0, help="default: %(default)s")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where bytes differ."""
    args, bad = parser().parse_args(arguments), 0
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as top:
        disk = Path(top, "disk")
        disk.mkdir()
        if args.disks:
            call(Path(top), "mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", str(disk))
        try:
            folder = disk / "clone"
            folder.mkdir()
            make_clone(folder, Path(tempfile.mkdtemp(dir=top)))
            before, begun = shutil.disk_usage(disk).used, time.monotonic()
            (folder / ".dvc/tmp").mkdir(exist_ok=True)
            call(folder, "dvc", "repro")
            seconds, growth = time.monotonic() - begun, shutil.disk_usage(disk).used - before
            expected = fingerprint(folder)
            print(f"a run takes {seconds:.0f} s and {growth / _MIB:.1f} MiB", flush=True)
            results = [(killed, {"after": rng.uniform(0, seconds)}) for _ in range(args.kills)]
            results += [(filled, {"room": int(rng.uniform(0, growth))}) for _ in range(args.disks)]
            for make, fault in results:
                text = make(folder, expected, **fault)
                bad += "OTHER" in text
                print(text, flush=True)
        finally:
            if args.disks:
                call(Path(top), "umount", str(disk))
    print(f"{args.kills} kills, {args.disks} full disks: {bad} with other bytes")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
