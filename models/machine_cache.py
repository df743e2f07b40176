"""Where this machine keeps what it has made for itself: nothing there is needed, and all of it may be deleted."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from models.unfinished import unfinished

UNUSED_DAYS = 30  # after which a file is removed
_DIGEST = hashlib.sha256().digest_size


def folder(kind: str) -> Path | None:
    """The folder for one kind of thing.

    Parameters
    ----------
    kind : str
        Its name.

    Returns
    -------
    Path or None
        Perhaps not made yet; None on a machine where the user has no home.
    """
    home = os.environ.get("FAKETRACE_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(os.path.expanduser(home))
    return path / "faketrace" / kind if path.is_absolute() else None


def read(kind: str, key: str) -> bytes | None:
    """What was kept under a key.

    Parameters
    ----------
    kind, key : str
        A file's name, safe on any disk.

    Returns
    -------
    bytes or None
        None where nothing was kept, or other bytes lie there than were written.
    """
    place = folder(kind)
    if place is None:
        return None
    try:
        stored = (place / key).read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # a cache of somebody else's, which may be read and not touched
        os.utime(place / key)
    data = stored[_DIGEST:]
    return data if hashlib.sha256(data).digest() == stored[:_DIGEST] else None


def write(kind: str, key: str, data: bytes) -> None:
    """Keep bytes under a key, complete or not at all; what nobody has read for UNUSED_DAYS is removed.

    A disk that is full or may not be written to costs the next process its time, and nothing else.

    Parameters
    ----------
    kind, key : str
    data : bytes
    """
    place = folder(kind)
    if place is None:
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        with unfinished(place / key) as part:
            part.write_bytes(hashlib.sha256(data).digest() + data)
            os.replace(part, place / key)
        _remove_unused(place)
    except OSError:
        return


def _remove_unused(place: Path) -> None:
    oldest = time.time() - UNUSED_DAYS * 86_400
    for path in place.iterdir():
        if path.is_file() and path.stat().st_mtime < oldest:
            _unlink(path)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
