"""Files below one folder that requests may name: nothing outside it is ever opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.service.bodies import Refused


def read_below(root: Path, name: str, *, most: int) -> bytes:
    """The bytes of a file below a folder.

    Each part of the name is opened in the folder of the part before it, and none may be a link. So neither `..` nor a link
    nor a folder that is exchanged meanwhile leads out.

    Parameters
    ----------
    root : Path
    name : str
        Relative, with `/` between its parts.
    most : int
        Bytes that are read.

    Raises
    ------
    Refused
        400 for a name that could lead out, 404 for one that is not there, 413 for a file that is too large.
    """
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise Refused(
            400, "bad_path", "path is to be relative to the served folder, without '..', such as a/b.jpg"
        )
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Without waiting for a writer, should it be a pipe.
        number = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except (OSError, ValueError):
        raise Refused(
            404, "not_found", "path names no file below the served folder (links are not followed)"
        ) from None
    finally:
        os.close(folder)
    try:
        facts = os.fstat(number)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused(404, "not_found", "path names no plain file below the served folder")
        if facts.st_size > most:
            raise Refused(
                413, "image_too_large", f"the file has {facts.st_size:,} bytes, allowed are {most:,}"
            )
        with open(number, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(number)
