"""A service that was started for a measurement: its port, its memory, its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

START_S = 900
END_S = 120


class Service:
    """`python -m pipeline.serve` on a free port.

    Parameters
    ----------
    bundle, audit : Path
    options : str
        More of its options.

    Attributes
    ----------
    port : int
    start_s : float
        Seconds until it was ready.
    """

    def __init__(self, bundle: Path, audit: Path, *options: str) -> None:
        command = [sys.executable, "-m", "pipeline.serve", "--port", "0"]
        command += ["--bundle", str(bundle), "--audit", str(audit), *options]
        begun, self._asked = time.monotonic(), False
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said: list[str] = []
        while not said or "ready on" not in said[-1]:
            line = self.process.stderr.readline()
            said.append(line)
            if not line or time.monotonic() - begun > START_S:
                self.process.kill()
                raise SystemExit(f"the service did not start; it said: {''.join(said[-5:])}")
        self.start_s = time.monotonic() - begun
        self.port = int(said[-1].rpartition(":")[2])
        self._log = subprocess.Popen(
            ["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def memory_mib(self) -> float:
        """What all its processes take: their proportional set size, in which a page that they share counts once."""
        return sum(map(_pss_kib, [self.process.pid, *descendants(self.process.pid)])) / 1024

    def ask_to_end(self) -> None:
        """SIGTERM, once."""
        if not self._asked:
            self.process.send_signal(signal.SIGTERM)
        self._asked = True

    def end(self) -> int:
        """Ask it to end and wait for it, where it has not ended; its status."""
        if self.process.poll() is None:
            self.ask_to_end()
        try:
            return self.process.wait(END_S)
        finally:
            self.process.kill()


def descendants(parent: int) -> list[int]:
    """Numbers of the processes that a process has started, and of those that they have."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = list[int](), [parent]
    while todo:
        found += (new := children.get(todo.pop(), []))
        todo += new
    return found


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
