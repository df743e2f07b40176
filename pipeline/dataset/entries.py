"""One row of a list, and the search for its image inside the data root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class ListedImage:
    """One row of a list.

    Attributes
    ----------
    name : str
        As the list spells it.
    split : str
        train, val or test.
    target : int or None
        1 = deepfake, 0 = real, None = unknown.
    line : int
        In the list, from 1; 0 without a list.
    listed_in : str
        The list, or the folder that was walked.
    path : str
        Of the image; "" when it was not located.
    status, detail : str
        "ok", or the code of what is wrong with the row and the reason in words.
    size, mtime_ns : int
        Of the file, bytes and ns.
    """

    name: str
    split: str
    target: int | None
    line: int
    listed_in: str
    path: str = ""
    status: str = "ok"
    detail: str = ""
    size: int = 0
    mtime_ns: int = 0

    def failed(self, status: str, detail: str) -> ListedImage:
        """The same row with a reason; the first reason stays."""
        return self if self.status != "ok" else replace(self, status=status, detail=detail)


@dataclass
class _Locator:
    """Finds files in folders and refuses those whose real place is outside the root."""

    folders: list[Path]
    root: Path
    real_root: str = field(init=False)
    inside: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.real_root = os.path.realpath(self.root)

    def locate(self, row: ListedImage) -> ListedImage:
        if not row.name or "\0" in row.name:
            return row.failed("missing_file", f"img_name is {row.name!r}, which names no file")
        for folder in self.folders:
            path = os.path.join(folder, row.name)
            try:
                facts = os.lstat(path)
                inside = self._is_inside(path, is_link=stat.S_ISLNK(facts.st_mode))
                facts = os.stat(path) if inside else facts
            except OSError:
                continue
            if not inside:
                detail = f"'{row.name}' is {os.path.realpath(path)}, outside the data root {self.root}"
                return row.failed("outside_root", f"{detail}; copy it into the root")
            if stat.S_ISREG(facts.st_mode):
                return replace(row, path=path, size=facts.st_size, mtime_ns=facts.st_mtime_ns)
        if not self._is_inside(os.path.join(self.folders[-1], row.name), is_link=True):
            return row.failed("outside_root", f"'{row.name}' points outside the data root {self.root}")
        searched = ", ".join(str(folder) for folder in self.folders)
        return row.failed("missing_file", f"'{row.name}' is not in {searched}")

    def _is_inside(self, path: str, *, is_link: bool) -> bool:
        """Whether the real path is in the root; real folders are looked up once."""
        if is_link:
            return self._within(os.path.realpath(path))
        folder = os.path.dirname(path)
        if folder not in self.inside:
            self.inside[folder] = self._within(os.path.realpath(folder))
        return self.inside[folder]

    def _within(self, real: str) -> bool:
        return real == self.real_root or real.startswith(self.real_root.rstrip(os.sep) + os.sep)


def locate(rows: Iterable[ListedImage], *, folders: Sequence[Path], root: Path) -> list[ListedImage]:
    """Find the file of each row.

    Parameters
    ----------
    rows : iterable of ListedImage
        Of one list.
    folders : sequence of Path
        Where to look; the first folder that has the name counts.
    root : Path
        The data root; a file whose real place is outside it is refused.

    Returns
    -------
    list of ListedImage
        The rows with path, size and time, or failed as missing_file or outside_root.
    """
    locator = _Locator(list(folders), root)
    return [locator.locate(row) for row in rows]
