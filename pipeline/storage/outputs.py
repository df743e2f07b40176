"""What a person names to write to: looked at before the work, written whole and through links, or streamed."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from models.errors import UserError
from models.unfinished import unfinished
from pipeline.storage.files import appearing

STDOUT, STDERR, NOWHERE = Path("-"), Path("&2"), Path(os.devnull)
_TEXT: dict[str, Any] = {
    "encoding": "utf-8",
    "errors": "surrogateescape",
    "newline": "",
}  # names byte for byte
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}


class OutputError(UserError):
    """Something that was named to write to and cannot be written; the message says what and why."""


def is_streamed(path: Path) -> bool:
    """Whether what is written goes out as it comes: to `-`, a pipe or a device such as /dev/null.

    Raises
    ------
    OutputError
        It is something that nothing can be written to, or must not.
    """
    if path in (STDOUT, STDERR):
        if _standard(path) is None:
            raise OutputError(f"the output {path} is a standard stream that is closed; name a file")
        return True
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"the output {path} cannot be used: {error.strerror}; name another file") from None
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode) and not stat.S_ISCHR(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise OutputError(f"the output {path} is {kind}; name a file, a pipe, or - for standard output")
    return not stat.S_ISREG(mode)


def _standard(path: Path) -> Any:
    return sys.stdout if path == STDOUT else sys.stderr


def check_outputs(outputs: Sequence[Path], *, inputs: Iterable[str | Path] = ()) -> None:
    """See before the work that each output can be written and is none of the files that are read.

    Parameters
    ----------
    outputs : sequence of Path
    inputs : iterable of path
        They need not be there.

    Raises
    ------
    OutputError
        The first output that will not do, and why.
    """
    files = [path for path in outputs if not is_streamed(path)]
    places = {_place(path): path for path in files if path.exists()}
    for read in inputs if places else ():
        if os.path.exists(read) and _place(read) in places:
            raise OutputError(f"the output {places[_place(read)]} is read too, as {read}; name another file")
    for path in files:
        _check_file(path)


def _place(path: str | Path) -> tuple[int, int]:
    facts = os.stat(path)
    return facts.st_dev, facts.st_ino


def _check_file(path: Path) -> None:
    """By trying: rights alone do not tell a read-only or full disk, and to root they tell nothing."""
    real = _behind_links(path)
    if real.exists() and not os.access(real, os.W_OK):
        raise OutputError(f"the output {path} is there and read-only; name another file, or `chmod u+w` it")
    folder = next(parent for parent in real.parents if parent.exists())
    try:
        with unfinished(folder / real.name):
            pass
    except OSError as error:
        raise OutputError(
            f"the output {path} cannot be written into {folder}: {error.strerror}; name a place that can be written"
        ) from None


def _behind_links(path: Path) -> Path:
    return Path(os.path.realpath(path))


@contextmanager
def text_output(path: Path) -> Iterator[TextIO]:
    """Text for `path`: a file appears in one step when the block ends well, anything else gets each line as it comes.

    A link stays, and what it points to is written; a file that was there keeps its rights. Names are written byte for
    byte: lone surrogates are the bytes that they stand for.

    Parameters
    ----------
    path : Path
        STDOUT and STDERR are this process's own.

    Raises
    ------
    OutputError
        Nothing can be written there.
    """
    if not is_streamed(path):
        real = _behind_links(path)
        with appearing(real) as part:
            with part.open("w", **_TEXT) as stream:
                yield stream
            if real.exists():
                shutil.copymode(real, part)
    elif path in (STDOUT, STDERR):
        stream = TextIOWrapper(_standard(path).buffer, line_buffering=True, **_TEXT)
        try:
            yield stream
        finally:
            stream.detach()  # it stays open for others
    else:
        # Opened as it is: nothing is made should it be gone by now.
        with open(os.open(path, os.O_WRONLY), "w", buffering=1, **_TEXT) as stream:
            yield stream
