"""Work for other processes, in a module that loads next to nothing there."""

import os
import signal
import time
from pathlib import Path


def square(n):
    return n * n


def place(_):
    return os.getcwd()


def fails(n):
    raise ValueError(f"piece {n} is bad")


def dies_once(n, *, folder):
    """Takes its process along the first time."""
    try:
        (Path(folder) / f"{n}").touch(exist_ok=False)
    except FileExistsError:
        return n
    if n == 3:
        os._exit(1)
    return n


def pid(_):
    return os.getpid()


kept: list[bytes] = []


def grows(n):
    """Keeps so much memory that joblib ends its process before the next piece."""
    kept.append(b"x" * (400 << 20))
    time.sleep(1.1)
    return n


def killed(n):
    """One piece takes its process along, as the kernel does when memory has run out."""
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def starved(n, *, error):
    if n == 3:
        raise error
    return n


def lingers(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)
