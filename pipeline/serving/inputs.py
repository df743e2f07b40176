"""Which files a command line asks for, and in which order their rows come."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.dataset.image_folders import ImageFolder, walk
from pipeline.dataset.image_search import notes, read_list
from pipeline.dataset.lists import LabelError
from pipeline.dataset.spellings import quoted
from pipeline.serving.containers import Packed, is_container, pictures_in
from pipeline.serving.prediction_rows import BY_PRIOR, PredictionRow
from pipeline.storage.files import is_plain_file
from pipeline.storage.images import SUFFIXES


@dataclass(frozen=True)
class NamedFiles:
    """What a command line asks for.

    Attributes
    ----------
    files : list of (name, path or Packed)
        In the order of the rows.
    bad : dict of int to PredictionRow
        Place in `files` -> row, of those that are already known to be bad.
    remarks : dict of int to str
        Place in `files` -> what a reader of the row has to know of how its file was found.
    notes : list of str
        What a person should know of all of them, such as what was not read.
    """

    files: list[tuple[str, str | Packed]]
    bad: dict[int, PredictionRow] = field(default_factory=dict)
    remarks: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def readable(self) -> list[tuple[str, str | Packed]]:
        """The files without those that are known to be bad."""
        return [file for place, file in enumerate(self.files) if place not in self.bad]

    def rows(self, scored: Iterator[list[PredictionRow]], *, prior: float) -> Iterator[PredictionRow]:
        """Rows of `files` in their order: one for each, and more where several faces of a file were scored.

        Parameters
        ----------
        scored : iterator of lists of PredictionRow
            Rows of each of `readable`, in their order.
        prior : float
            Score of the others.
        """
        for place in range(len(self.files)):
            bad, remark = self.bad.get(place), self.remarks.get(place)
            for row in [replace(bad, score=prior)] if bad else next(scored):
                yield (
                    replace(row, warnings="; ".join(filter(None, (remark, row.warnings)))) if remark else row
                )


def named_files(images: Sequence[Path], listing: Path | None) -> NamedFiles:
    """Names and paths of what is asked for.

    Parameters
    ----------
    images : sequence of Path
        A tar or Parquet file gives the pictures in it, named as there. One folder gives every image below it, sorted, named relative to it. Of several folders and files, each is named
        by its path as given, so that no two have one name.
    listing : Path or None
        A list whose names are looked for in the one folder.

    Returns
    -------
    NamedFiles

    Raises
    ------
    LabelError
        For a path or list that is not there or cannot be read, or for no image at all.
    """
    if listing is not None:
        return _listed_files(images, listing)
    absent = [str(path) for path in images if not os.path.exists(path)]
    if absent:
        hint = (
            ", or is it a pattern that matches no file?" if any(set("*?[") & set(p) for p in absent) else ""
        )
        raise LabelError(f"{', '.join(absent)} is not there; name a folder or image files{hint}")
    files: list[tuple[str, str | Packed]] = []
    folders: list[ImageFolder] = []
    for path in images:
        if path.is_dir():
            folders.append(walk(path))
            inside = [(name, os.path.join(path, name)) for name in folders[-1].names]
            files += inside if len(images) == 1 else [(place, place) for _, place in inside]
        elif is_container(path) and is_plain_file(os.stat(path)):
            packed = pictures_in(path)
            files += packed if len(images) == 1 else [(f"{path}/{name}", source) for name, source in packed]
        elif is_plain_file(os.stat(path)):
            files.append((str(path), str(path)))
        else:
            raise LabelError(f"{path} is neither a folder nor a file that can be read to its end; name one")
    lines = [folder.note for folder in folders if folder.note]
    if not files:
        raise LabelError(
            f"no image in {', '.join(map(str, images))}; files with these endings are read: "
            f"{', '.join(sorted(SUFFIXES))}; {'; '.join(lines) or 'the folder is empty'}"
        )
    return NamedFiles(files, notes=lines)


def _listed_files(images: Sequence[Path], listing: Path) -> NamedFiles:
    if not os.path.isfile(listing):
        raise LabelError(f"--list {listing} is not a file; name a text file with the header img_name")
    if len(images) != 1 or not os.path.isdir(images[0]):
        given = ", ".join(map(str, images))
        raise LabelError(
            f"--list needs --images to be the one folder that the list's names are in; --images is {quoted(given)}"
        )
    try:
        rows = read_list(listing, split="test", folders=[images[0]], root=images[0])
    except OSError as error:
        raise LabelError(f"--list {listing} cannot be read: {error.strerror}") from None
    bad = {
        place: PredictionRow(row.name, float("nan"), BY_PRIOR, row.status, row.detail)
        for place, row in enumerate(rows)
        if row.status != "ok"
    }
    remarks = {place: row.detail for place, row in enumerate(rows) if row.detail and place not in bad}
    return NamedFiles([(row.name, row.path) for row in rows], bad, remarks, notes(rows, root=images[0]))
