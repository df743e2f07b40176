"""The process that one kind of input runs in."""

from __future__ import annotations

import importlib
import random
import resource
import signal
import traceback
from multiprocessing.connection import Connection
from types import FrameType

CPU_SECONDS: float = 5  # of one input: more is a hang


class Hang(Exception):
    """An input took more than `CPU_SECONDS`."""


def _hang(signum: int, frame: FrameType | None) -> None:
    raise Hang(f"more than {CPU_SECONDS} s of CPU")


def work(kind: str, seed: int, first: int, count: int, pipe: Connection) -> None:
    """Check inputs `first` to `count`; before each its number is sent, after it its outcome."""
    signal.signal(signal.SIGPROF, _hang)
    target = importlib.import_module(f"tests.fuzz.{kind}").make()
    for number in range(first, count):
        pipe.send(number)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            outcome, fault = target.check(random.Random(f"{kind} {seed} {number}")), ""
        except Exception:  # whatever comes out is what this command counts
            outcome, fault = "fault", traceback.format_exc(limit=-6)
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send((outcome, fault, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
    pipe.send(None)
