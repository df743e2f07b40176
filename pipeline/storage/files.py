"""Files that are whole as soon as they are visible, and files that lie once under several names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` in one step when the block ends well, and is gone when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step."""
    with appearing(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def keep_version(folder: Path) -> None:
    """Remove the other versions beside a version's folder and the unfinished files in it: what can never be read again."""
    for entry in folder.parent.iterdir() if folder.parent.is_dir() else ():
        if entry != folder and entry.is_dir():
            shutil.rmtree(entry)
    for part in folder.glob(".*.part"):
        part.unlink()


def shard_name(keys: Iterable[str]) -> str:
    """Name of the shard of these keys."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """The same file under another name; a copy where the file system has no hard links or is another one.

    Files are never written in place here, so a link cannot change under its other name.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def is_plain_file(facts: os.stat_result) -> bool:
    """Whether a file may be opened and read to its end: no device, no pipe, and nothing that the kernel makes up."""
    return stat.S_ISREG(facts.st_mode) and not is_of_kernel(facts)


def is_of_kernel(facts: os.stat_result) -> bool:
    """Whether a file or folder is on no disk, but made up by the kernel when it is read (/proc, /sys)."""
    return facts.st_dev in _kernel_devices()


@cache
def _kernel_devices() -> frozenset[int]:
    return frozenset(os.stat(path).st_dev for path in ("/proc", "/sys") if os.path.ismount(path))
