"""The files of a list's rows: found inside the data root, behind links, and under other spellings of their names."""

from __future__ import annotations

import errno
import itertools
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.dataset.entries import ListedImage
from pipeline.dataset.links import is_within, leads_up
from pipeline.dataset.lists import LabelError, check_repeats, parse
from pipeline.dataset.spellings import SpellingIndex, difference, is_utf8, nearest, quoted, shown, slashed
from pipeline.storage.files import is_plain_file

_SHOWN_PLACES = 3


@dataclass
class _Search:
    """Finds the files of rows; what it learns of a folder is kept for the next row."""

    folders: list[str]
    root: str
    roots: tuple[str, ...] = field(init=False)  # as it is spelled, and where it really is
    spellings: SpellingIndex = field(default_factory=SpellingIndex)
    outside: dict[str, str | None] = field(
        init=False
    )  # real place of a folder outside the root; None: refused

    def __post_init__(self) -> None:
        self.roots = os.path.abspath(self.root), os.path.realpath(self.root)
        self.outside = dict.fromkeys(("", "/", os.path.normpath(self.root), *self.roots), "")

    def locate(self, row: ListedImage) -> ListedImage:
        if not row.name or "\0" in row.name:
            return row.failed("missing_file", f"img_name is {quoted(row.name)}, which names no file")
        problem = ""
        for folder in self.folders:
            path = self._inside(folder, row.name)
            if path is None:
                continue
            try:
                facts = os.stat(path)
            except (OSError, ValueError) as error:
                problem = problem or _unusual(path, error)
                continue
            if is_plain_file(facts):
                return self._found(row, path, facts)
        return self._found_otherwise(row) or self._missing(row, problem)

    def _inside(self, folder: str, name: str) -> str | None:
        """The path that a name spells; None where its words lead out of the root, wherever links may lead."""
        path = os.path.normpath(os.path.join(folder, name))
        if ".." not in name and not name.startswith("/"):
            return path
        whole = os.path.abspath(path)
        return path if any(is_within(whole, root) for root in self.roots) else None

    def _found(self, row: ListedImage, path: str, facts: os.stat_result, *, remark: str = "") -> ListedImage:
        place = self._place_outside(os.path.dirname(path))
        if place is None:
            found = f"{quoted(row.name)} lies behind a link out of the data root {self.root} to a folder that holds the"
            return row.failed(
                "outside_root", f"{found} link itself; link the image folder or the image instead"
            )
        if os.path.islink(path):
            place = self._place(os.path.dirname(os.path.realpath(path)))
        return replace(
            row,
            path=path,
            detail=row.detail or remark,
            size=facts.st_size,
            mtime_ns=facts.st_mtime_ns,
            linked_to=place,
        )

    def _place_outside(self, folder: str) -> str | None:
        """Real place of a folder that is outside the root; "" if it is inside, None if a link there is not followed."""
        unknown = []
        while folder not in self.outside:
            unknown.append(folder)
            folder = os.path.dirname(folder)
        place = self.outside[folder]
        for folder in reversed(unknown):
            refused = place is None or (os.path.islink(folder) and leads_up(folder, root=self.roots[1]))
            place = None if refused else self._place(os.path.realpath(folder))
            self.outside[folder] = place
        return place

    def _place(self, real: str) -> str:
        return "" if real == self.roots[1] or is_within(real, self.roots[1]) else real

    def _found_otherwise(self, row: ListedImage) -> ListedImage | None:
        """The row with the one file that its name may mean under another spelling; failed for several, None for none."""
        forms = dict.fromkeys(posixpath.normpath(form) for form in (row.name, slashed(row.name)))
        for folder, name in itertools.product(self.folders, forms):
            if name.startswith("/") or self._inside(folder, name) is None:
                continue
            facts = self.spellings.find(folder, name)
            paths = nearest([path for path, stated in facts.items() if is_plain_file(stated)], name)
            names = [path.removeprefix(folder + "/") for path in paths]
            if len(paths) == 1:
                remark = f"listed as {quoted(row.name)}, found as {quoted(names[0])}"
                remark = f"{remark} (another spelling: {difference(row.name, names[0])})"
                return self._found(row, paths[0], facts[paths[0]], remark=remark)
            if paths:
                what = (
                    f"{len(paths)} files differ from it only in spelling: {', '.join(map(quoted, names[:3]))}"
                )
                detail = f"{quoted(row.name)} is not there, and {what}; list the one that is meant as it is spelled"
                return row.failed("ambiguous_name", detail)
        return None

    def _missing(self, row: ListedImage, problem: str) -> ListedImage:
        last = self.folders[-1]
        if any(self._inside(last, name) is None for name in (row.name, slashed(row.name))):
            found = f"{quoted(row.name)} leads out of the data root {self.root}"
            return row.failed(
                "outside_root", f"{found}; a list names images inside it: copy or link it there"
            )
        detail = problem or f"is not in {', '.join(self.folders)}"
        return row.failed("missing_file", f"{quoted(row.name)} {detail}")


def _unusual(path: str, error: Exception) -> str:
    """Why a path cannot be looked at, where it is more than that nothing is there."""
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOENT, errno.ELOOP) and os.path.islink(path):
        return (
            f"is a link to {quoted(os.readlink(path))}, which is not there; mend the link or mount its disk"
        )
    if code in (errno.EACCES, errno.EIO, errno.ESTALE):
        return f"cannot be looked at in {os.path.dirname(path)}: {os.strerror(code)}"
    return ""


def locate(rows: Iterable[ListedImage], *, folders: Sequence[Path], root: Path) -> list[ListedImage]:
    """Find the file of each row.

    What a name spells must lie inside the root: neither `..` nor an absolute path leads out of it. Links on the way
    are followed, so that the root may link to images instead of holding them; but not one to a folder outside the root
    that holds the root or the link itself.

    Parameters
    ----------
    rows : iterable of ListedImage
        Of one list.
    folders : sequence of Path
        Where to look; the first folder that has the name counts. Only if none has, other spellings are looked for.
    root : Path
        The data root.

    Returns
    -------
    list of ListedImage
        The rows with path, size and time, and a remark in `detail` if another spelling was found; or failed as
        missing_file, ambiguous_name or outside_root.
    """
    search = _Search([os.fspath(folder) for folder in folders], os.fspath(root))
    return [search.locate(row) for row in rows]


def read_list(path: Path, *, split: str, folders: Sequence[Path], root: Path) -> list[ListedImage]:
    """Read a list and find the files of its rows.

    Parameters
    ----------
    path : Path
        Of the list.
    split : str
        train, val or test.
    folders, root : sequence of Path, Path
        As of `locate`.

    Returns
    -------
    list of ListedImage
        One for each line after the header, in their order.

    Raises
    ------
    LabelError
        For a list that cannot be read as a whole; one with names in another encoding than UTF-8 is such, unless files
        have these very bytes as their names.
    """
    rows = check_repeats(locate(parse(path, split=split), folders=folders, root=root))
    foreign = [row for row in rows if not is_utf8(row.name)]
    if foreign and not any(row.path for row in foreign):
        raise LabelError(
            f"{path} line {foreign[0].line}: {quoted(foreign[0].name)} is not UTF-8, and no file has these bytes as "
            "its name; save the list as UTF-8"
        )
    return rows


def notes(rows: Sequence[ListedImage], *, root: Path) -> list[str]:
    """What a person should know of how the files were found, in a line each.

    Parameters
    ----------
    rows : sequence of ListedImage
        As `locate` returns them.
    root : Path
        The data root.
    """
    lines = []
    places = Counter(row.linked_to for row in rows if row.linked_to)
    if places:
        ranked = sorted(places.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{shown(place)} ({count:,})" for place, count in ranked[:_SHOWN_PLACES])
        more = f" and {len(ranked) - _SHOWN_PLACES:,} other folders" if len(ranked) > _SHOWN_PLACES else ""
        lines.append(f"{places.total():,} images lie behind links that lead out of {root}, in {named}{more}")
    spelled = [row for row in rows if row.path and row.detail and row.status == "ok"]
    if spelled:
        lines.append(
            f"{len(spelled):,} names were found under another spelling; the first: {spelled[0].detail}"
        )
    return lines
