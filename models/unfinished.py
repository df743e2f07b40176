"""Files and folders that are being written beside the place where they will appear, and what killed processes left of them.

Who writes one holds a lock on it (flock), which the system drops with the process, however that ends. So a part whose
lock can be had belongs to nobody any more. A process number would not say so: it is given again, and containers that share a
disk have their own.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_NAME = 40  # characters of its file's name that a part bears, so that no name is too long for the system
_PART = re.compile(r"\..*\.([0-9a-f]{8})-[0-9a-f]{8}\.part", re.DOTALL)
# s after which a part of another machine, whose locks may not be seen here, is nobody's.
_ELSEWHERE_S = 86_400


def part_of(path: Path) -> Path:
    """A name beside `path` that nobody else takes."""
    return path.with_name(f".{path.name[:_NAME]}.{_system()}-{secrets.token_hex(4)}.part")


@cache
def _system() -> str:
    """Eight hexadecimal digits of this start of this machine: of all processes whose locks are seen here."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return "0" * 8


@contextmanager
def unfinished(path: Path, *, is_folder: bool = False) -> Iterator[Path]:
    """An empty file or folder beside `path`, to write to and to move; what is left of it when the block ends is removed.

    Parameters
    ----------
    path : Path
        Where it will appear; its folder is there. What processes that were killed left in that folder goes.
    is_folder : bool
    """
    _tidied(path.parent.absolute())
    part, lock = _made(path, is_folder=is_folder)
    try:
        yield part
    finally:
        try:
            _remove(part)
        finally:
            os.close(lock)


def _made(path: Path, *, is_folder: bool) -> tuple[Path, int]:
    """A new part, and the descriptor that holds its lock; where the disk knows no locks it has none."""
    while True:
        part = part_of(path)
        if is_folder:
            part.mkdir()
            try:
                lock = os.open(part, os.O_RDONLY)
            except FileNotFoundError:  # somebody tidied up before it was open
                continue
        else:
            lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(part), os.fstat(lock)):
                return part, lock
        os.close(lock)  # somebody tidied up before the lock was there


@cache
def _tidied(folder: Path) -> None:
    """Once in a process: looking through a folder for each of its files would take long."""
    remove_abandoned(folder)


def remove_abandoned(folder: Path) -> None:
    """Remove the parts in a folder that no process is writing. One that cannot be looked at or removed stays.

    Parameters
    ----------
    folder : Path
        Need not be there.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _PART.fullmatch(entry.name)]
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            _remove_if_abandoned(folder / name)


def _remove_if_abandoned(part: Path) -> None:
    kind = os.O_RDONLY if part.is_dir() else os.O_RDWR
    lock = os.open(part, kind | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its process lives
        found = _PART.fullmatch(part.name)
        is_ours = found is not None and found[1] == _system()
        if is_ours or time.time() - os.fstat(lock).st_mtime > _ELSEWHERE_S:
            _remove(part)
    finally:
        os.close(lock)


def _remove(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)
