"""The one walk through a folder of images: what is read, and what is not and why."""

from __future__ import annotations

import errno
import heapq
import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.dataset.links import leads_up
from pipeline.dataset.spellings import shown
from pipeline.storage.files import is_of_kernel, is_plain_file
from pipeline.storage.images import SUFFIXES

SERVICE_NAMES = frozenset(
    {"@eadir", "#recycle", "__macosx", "$recycle.bin"}
)  # of NAS boxes, macOS and Windows
HIDDEN = "hidden or made by the system"
UPWARD = "links to folders that hold them"
REPEATED = "linked folders that are read under another name"
DANGLING = "links to what is not there"
SPECIAL = "neither files nor folders"
CLOSED = "not to be opened"
HEIC = "HEIC pictures, which are not read here"
_LISTED_REASONS = 8
_START = 64  # bytes of a file that tell its kind
_SIGNATURES = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("bmp", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
    ("tiff", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("jp2", re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51")),
    ("ppm", re.compile(rb"P[2356]\s+(#|\d+\s+\d+\s)")),
    ("avif", re.compile(rb"....ftyp(avi[fs]|mi[fa]1.{4}(.{4})*?avi[fs])", re.DOTALL)),
    ("heic", re.compile(rb"....ftyp(hei[cxms]|hev[cmxs]|mi[fs]1)", re.DOTALL)),
)


@dataclass(frozen=True)
class ImageFolder:
    """The images below a folder.

    Attributes
    ----------
    folder : str
        As it was named.
    names : list of str
        Relative to it, with slashes, sorted.
    skipped : Counter of str
        How many files and folders were not read, by reason.
    """

    folder: str
    names: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def note(self) -> str:
        """What was not read, in one line; empty for nothing."""
        ranked = sorted(self.skipped.items(), key=lambda item: (-item[1], item[0]))
        reasons = [f"{count:,} {reason}" for reason, count in ranked[:_LISTED_REASONS]]
        others = sum(count for _, count in ranked[_LISTED_REASONS:])
        reasons += [f"{others:,} others"] if others else []
        return f"not read in {shown(self.folder)}: {', '.join(reasons)}" if reasons else ""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is no picture that a person put there, whatever it holds."""
    return name.startswith(".") or name.lower() in SERVICE_NAMES


def kind_of(start: bytes) -> str | None:
    """Format of an image by the first bytes of its file; None for anything else."""
    return next((kind for kind, signature in _SIGNATURES if signature.match(start)), None)


def walk(folder: str | os.PathLike[str]) -> ImageFolder:
    """Find the images below a folder.

    A file with an image's suffix is one; any other is one if its first bytes say so. Hidden files and folders are
    left out. Links are followed, but not to a folder that holds them; each real folder is read once, under its own name
    rather than a link's.

    Parameters
    ----------
    folder : path

    Returns
    -------
    ImageFolder
        The same for the same files, whatever order the system gives them in.
    """
    found = ImageFolder(os.fspath(folder))
    seen: set[tuple[int, int]] = set()
    root = os.path.realpath(folder)
    real = [""]  # folders still to read, relative
    linked: list[str] = []  # those behind links: read last, in the order of their names
    while real or linked:
        place = real.pop() if real else heapq.heappop(linked)
        try:
            facts = os.stat(os.path.join(folder, place))
            if (facts.st_dev, facts.st_ino) in seen:
                found.skipped[REPEATED] += 1
                continue
            if is_of_kernel(facts):
                found.skipped[SPECIAL] += 1
                continue
            seen.add((facts.st_dev, facts.st_ino))
            with os.scandir(os.path.join(folder, place)) as scan:
                entries = list(scan)
        except OSError:
            found.skipped[CLOSED] += 1
            continue
        for name, is_link in _sort_out(entries, place=place, found=found):
            if is_link and leads_up(os.path.join(folder, name), root=root):
                found.skipped[UPWARD] += 1
            elif is_link:
                heapq.heappush(linked, name)
            else:
                real.append(name)
    found.names.sort()
    return found


def _sort_out(
    entries: list[os.DirEntry[str]], *, place: str, found: ImageFolder
) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a link) of the folders among the entries; the files go into `found`."""
    for entry in entries:
        name = posixpath.join(place, entry.name)
        if is_hidden(entry.name):
            found.skipped[HIDDEN] += 1
        elif _is_folder(entry):
            yield name, os.path.islink(entry.path)
        elif (reason := _refusal(entry)) is None:
            found.names.append(name)
        else:
            found.skipped[reason] += 1


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, a disk that is gone
        return False


def _refusal(entry: os.DirEntry[str]) -> str | None:
    """Why a file is not read; None for an image."""
    try:
        if not entry.is_file(follow_symlinks=False) and not is_plain_file(os.stat(entry.path)):
            return SPECIAL
        suffix = posixpath.splitext(entry.name)[1].lower()
        if suffix in SUFFIXES:
            return None
        with open(entry.path, "rb") as file:
            kind = kind_of(file.read(_START))
    except OSError as error:
        return DANGLING if error.errno in (errno.ENOENT, errno.ELOOP) else CLOSED
    if kind == "heic" and ".heic" not in SUFFIXES:
        return HEIC
    # Raw files of cameras start as TIFF does, and would be read as the thumbnail in them.
    if kind is None or (kind == "tiff" and suffix):
        return f"no images ({shown(suffix) or 'no suffix'})"
    return None
