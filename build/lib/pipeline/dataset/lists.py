"""Reads and checks the rows of the lists: names, targets, repeats, sources and groups."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from pipeline.dataset.entries import ListedImage
from pipeline.dataset.spellings import is_utf8, quoted

SEPARATORS = (",", "\t", ";")
ALLOWED = "0 or real, and 1 or fake"
_TARGET = re.compile(r"(?P<real>real|0(\.0*)?)|(?P<fake>fake|1(\.0*)?)")


class LabelError(UserError):
    """A data set that cannot be used as a whole; the message says where, what was found, what is allowed, what to do."""


def parse(path: Path, *, split: str) -> list[ListedImage]:
    """Read the rows of one list.

    Parameters
    ----------
    path : Path
        UTF-8 with or without BOM, any line ends, quoted names, blank lines; columns parted by commas, tabs or
        semicolons. Bytes that are not UTF-8 are kept as the system keeps those of file names.
    split : str
        train, val or test; a test list needs no targets.

    Returns
    -------
    list of ListedImage
        A row for each line after the header; a bad line affects only its row.

    Raises
    ------
    LabelError
        For an empty file, or a header without the columns.
    """
    lines = list(_lines(path))
    if not lines:
        raise LabelError(f"{path} is empty; its first line must be img_name,target")
    first, text = lines[0]
    separator, columns = split_header(text)
    needed = ["img_name"] if split == "test" else ["img_name", "target"]
    if any(columns.count(name) != 1 for name in needed):
        raise LabelError(
            f"{path} line {first}: the header is {quoted(text)}, it must name the columns {','.join(needed)}, each "
            f"once, with commas, tabs or semicolons between them; {_advice(text)}"
        )
    where = _Where(str(path), path.name, split, columns, separator)
    return [_row(text, line=line, where=where) for line, text in lines[1:]]


def _advice(header: str) -> str:
    if not is_utf8(header) or "\0" in header:
        return "it is not UTF-8: save the file as UTF-8"
    if any(name in header.lower() for name in ("img_name", "target")):
        return "correct it"
    return "add it as the first line, or rename the columns if this line names them"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of every line that is not blank."""
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip():
            yield number, line


def split_header(line: str) -> tuple[str, list[str]]:
    """Find out what parts the columns of a list.

    Parameters
    ----------
    line : str
        Its first line.

    Returns
    -------
    str
        The separator: the first of comma, tab and semicolon that makes img_name a column; a comma if none does.
    list of str
        The columns' names, in lower case.
    """
    for separator in SEPARATORS:
        columns = [column.strip().lower() for column in split_fields(line, separator)]
        if "img_name" in columns and len(columns) > 1:
            return separator, columns
    return ",", [column.strip().lower() for column in split_fields(line)]


def split_fields(line: str, separator: str = ",") -> list[str]:
    """Split one line of a CSV file.

    Parameters
    ----------
    line : str
        A whole line without its end; it is read by itself, so that an open quote cannot swallow the lines below.
    separator : str
        What stands between two fields.

    Returns
    -------
    list of str
        Its fields, unquoted; spaces about them are kept where no quote is in the line.
    """
    try:
        # Spaces before a quote are skipped; those inside a name without quotes are kept.
        return next(csv.reader([line], delimiter=separator, skipinitialspace='"' in line), [])
    except csv.Error:
        return [line]  # a field beyond csv's limit: one row that names no file


@dataclass(frozen=True)
class _Where:
    """What the rows of one list have in common."""

    path: str
    file: str
    split: str
    columns: list[str]
    separator: str


def _row(text: str, *, line: int, where: _Where) -> ListedImage:
    fields = split_fields(text, where.separator)
    if len(where.columns) == 1:
        fields = [where.separator.join(fields)]  # a list of names alone may have commas in them
    while len(fields) > len(where.columns) and not fields[-1].strip():
        fields.pop()  # spreadsheets end short rows with separators
    values = {column: value.strip() for column, value in zip(where.columns, fields, strict=False)}
    text = values.get("target", "")
    target = _target(text)
    row = ListedImage(
        name=values.get("img_name", ""), split=where.split, target=target, line=line, listed_in=where.path
    )
    place = f"{where.file} line {line}"
    if where.split == "test":
        return row
    if len(fields) > len(where.columns):
        problem = f"{len(fields)} fields where the header has {len(where.columns)}"
        return row.failed("bad_target", f"{place}: {problem}; quote names that contain a separator")
    if target is None:
        problem = f"target is {quoted(text)}" if text else f"target is missing after {where.separator!r}"
        return row.failed("bad_target", f"{place}: {problem}, allowed are {ALLOWED}")
    return row


def _target(text: str) -> int | None:
    """0 for a real image, 1 for a deepfake, None for anything else."""
    match = _TARGET.fullmatch(text.lower())
    return None if match is None else int(match["fake"] is not None)


def check_repeats(rows: Sequence[ListedImage]) -> list[ListedImage]:
    """Flag the images that a train or val list repeats.

    Parameters
    ----------
    rows : sequence of ListedImage
        Of one list.

    Returns
    -------
    list of ListedImage
        The same rows; of a repeated image all have failed if their labels differ, else all but the first.
    """
    by_name: dict[str, list[int]] = {}  # by its file, where that is known: two spellings may mean one
    for index, row in enumerate(rows):
        if row.split != "test" and row.status == "ok":
            by_name.setdefault(row.path or posixpath.normpath(row.name), []).append(index)
    checked = list(rows)
    for indices in by_name.values():
        lines = ", ".join(str(rows[i].line) for i in indices[:6])
        if len({rows[i].target for i in indices}) > 1:
            for i in indices:
                problem = f"{quoted(rows[i].name)} is listed as 0 and as 1 (lines {lines})"
                detail = f"{problem}; all of them are left out, correct the list"
                checked[i] = rows[i].failed("conflicting_label", detail)
        else:
            for i in indices[1:]:
                detail = f"{quoted(rows[i].name)} is listed again (lines {lines}); the first one counts"
                checked[i] = rows[i].failed("duplicate_name", detail)
    return checked


def read_groups(path: Path) -> dict[str, tuple[str, str]]:
    """Read groups.csv.

    Parameters
    ----------
    path : Path
        Columns img_name and source, group or both. Names may carry their image folder
        (`trainset/a.jpg`) where train and val share names.

    Returns
    -------
    dict of str to (str, str)
        Name -> source, group; "" where the column is absent or empty.

    Raises
    ------
    LabelError
        For a header without the columns, a line without a name, or two lines that disagree on a name.
    """
    lines = list(_lines(path))
    header = lines[0][1] if lines else ""
    separator, columns = split_header(header)
    if "img_name" not in columns or not {"source", "group"} & set(columns):
        raise LabelError(
            f"{path} line 1: the header is {quoted(header)}, it must name img_name and source, "
            "group or both (img_name,source,group); correct it or remove the file"
        )
    groups: dict[str, tuple[str, str]] = {}
    for line, text in lines[1:]:
        fields = split_fields(text, separator)
        values = {column: value.strip() for column, value in zip(columns, fields, strict=False)}
        name = values.get("img_name", "")
        if not name:
            raise LabelError(f"{path} line {line}: img_name is missing; add it or remove the line")
        entry = values.get("source", ""), values.get("group", "")
        if groups.setdefault(name, entry) != entry:
            raise LabelError(
                f"{path} line {line}: {quoted(name)} was listed as {groups[name]} above and is {entry} now; keep one "
                "line for each name"
            )
    return groups
