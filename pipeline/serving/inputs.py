"""Which files a command line asks for, and in which order their rows come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.dataset.entries import locate
from pipeline.dataset.lists import LabelError, parse
from pipeline.serving.scoring import BY_PRIOR, PredictionRow
from pipeline.storage.images import SUFFIXES


def named_files(
    images: Sequence[Path], listing: Path | None
) -> tuple[list[tuple[str, str]], dict[int, PredictionRow]]:
    """Names and paths of what is asked for, and rows that are already known to be bad.

    Parameters
    ----------
    images : sequence of Path
        A folder gives every image below it, sorted, named relative to it; files are named as given.
    listing : Path or None
        A list whose names are looked for in the one folder.

    Returns
    -------
    list of (name, path)
    dict
        Place in that list -> row.

    Raises
    ------
    LabelError
    """
    if listing is not None:
        return _listed_files(images, listing)
    absent = [str(path) for path in images if not path.exists()]
    if absent:
        raise LabelError(f"{', '.join(absent)} is not there; name a folder or image files")
    files: list[tuple[str, str]] = []
    for path in images:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            files += [(p.relative_to(path).as_posix(), str(p)) for p in inside]
        else:
            files.append((str(path), str(path)))
    if not files:
        raise LabelError(
            f"no image in {', '.join(map(str, images))}; files with these endings are read: "
            f"{', '.join(sorted(SUFFIXES))}"
        )
    return files, {}


def _listed_files(
    images: Sequence[Path], listing: Path
) -> tuple[list[tuple[str, str]], dict[int, PredictionRow]]:
    if not listing.is_file():
        raise LabelError(f"--list {listing} is not a file")
    if len(images) != 1 or not images[0].is_dir():
        raise LabelError("--list needs --images to be the one folder that the list's names are in")
    rows = locate(parse(listing, split="test"), folders=[images[0]], root=images[0])
    bad = {
        index: PredictionRow(row.name, float("nan"), BY_PRIOR, row.status, row.detail)
        for index, row in enumerate(rows)
        if row.status != "ok"
    }
    return [(row.name, row.path) for row in rows], bad


def in_order(
    files: Sequence[tuple[str, str]],
    bad: Mapping[int, PredictionRow],
    scored: Iterator[list[PredictionRow]],
    prior: float,
) -> Iterator[PredictionRow]:
    """Scored rows with those that never became a file put back in their places.

    Parameters
    ----------
    files : sequence of (name, path)
        All that was asked for.
    bad : mapping
        Place in `files` -> row, of those that never became a file.
    scored : iterator of lists of PredictionRow
        Rows of each of the others, in the order of `files`.
    prior : float
        Score of the bad ones.

    Yields
    ------
    PredictionRow
        In the order of `files`; one for each, and more where several faces of a file were scored.
    """
    for index in range(len(files)):
        if index in bad:
            yield replace(bad[index], score=prior)
        else:
            yield from next(scored)
