"""Files that are whole as soon as they are visible, and files that lie once under several names."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from models.errors import UserError
from models.unfinished import remove_abandoned, unfinished
from pipeline.storage.file_names import original

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotMadeError(UserError):
    """Something that an earlier stage makes is not there; the message says which."""


def made(path: Path) -> Path:
    """The path of a file that an earlier stage makes. NotMadeError where it is not there."""
    if not path.is_file():
        raise NotMadeError(f"{path} is not here; run `dvc repro` first")
    return path


@contextmanager
def appearing(path: Path, *, is_folder: bool = False) -> Iterator[Path]:
    """An empty file or folder to write to, which becomes `path` in one step when the block ends well, and is gone when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with unfinished(path, is_folder=is_folder) as part:
            yield part
            _replace(part, path)
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            error.filename = str(path)  # a failed write does not say of which file
        raise


def _replace(part: Path, path: Path) -> None:
    try:
        os.replace(part, path)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        shutil.copyfile(part, path)  # a single file that is mounted, as containers do, keeps its place


def read_json(path: Path) -> Any:
    """What a file of JSON holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step."""
    with appearing(path) as part:
        part.write_text(json_text(content), encoding="utf-8")


def json_text(content: Any) -> str:
    """JSON of which every reader gets the same text back; a byte that is not UTF-8 is written as its surrogate's code."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table in one step, its file names byte for byte.

    Parameters
    ----------
    path : Path
    table : DataFrame
        Written without its index; names as `storable` gives them.
    """
    with (
        appearing(path) as part,
        part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        file.write(original(table.to_csv(index=False, lineterminator="\n")))


def keep_version(folder: Path) -> None:
    """Remove the other versions beside a version's folder and what was left unfinished in it: what can never be read again."""
    for entry in folder.parent.iterdir() if folder.parent.is_dir() else ():
        if entry != folder and entry.is_dir():
            shutil.rmtree(entry)
    remove_abandoned(folder)


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
