"""Reads and checks the rows of the lists: names, targets, repeats, sources and groups."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.errors import UserError
from pipeline.dataset.entries import ListedImage


class LabelError(UserError):
    """A data set that cannot be used as a whole; the message says where, what was found, what is allowed, what to do."""


def parse(path: Path, *, split: str) -> list[ListedImage]:
    """Read the rows of one list.

    Parameters
    ----------
    path : Path
        UTF-8 with or without BOM, any line ends, quoted names, blank lines.
    split : str
        train, val or test; a test list needs no targets.

    Returns
    -------
    list of ListedImage
        A row for each line after the header; a bad line affects only its row.

    Raises
    ------
    LabelError
        For an empty file, a header without the columns, or bytes that are not UTF-8.
    """
    lines = list(_records(path))
    if not lines:
        raise LabelError(f"{path} is empty; its first line must be img_name,target")
    first, header = lines[0]
    columns = [column.strip().lower() for column in header]
    needed = ["img_name"] if split == "test" else ["img_name", "target"]
    if any(columns.count(name) != 1 for name in needed):
        raise LabelError(
            f"{path} line {first}: the header is '{','.join(header)}', it must name the columns "
            f"{','.join(needed)}; add it as the first line"
        )
    return [_row(fields, columns, line=line, split=split, path=path) for line, fields in lines[1:]]


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of every line that is not blank; an open quote spoils one line only."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise LabelError(f"{path} line {number}: not UTF-8; save the file as UTF-8") from None
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip():
            yield number, split_fields(line)


def split_fields(line: str) -> list[str]:
    """Split one line of a CSV file.

    Parameters
    ----------
    line : str
        A whole line without its end; it is read by itself, so that an open quote cannot swallow the lines below.

    Returns
    -------
    list of str
        Its fields, unquoted; spaces about them are kept where no quote is in the line.
    """
    try:
        # Spaces before a quote are skipped; those inside a name without quotes are kept.
        return next(csv.reader([line], skipinitialspace='"' in line), [])
    except csv.Error:
        return [line]  # a field beyond csv's limit: one row that names no file


def _row(fields: list[str], columns: list[str], *, line: int, split: str, path: Path) -> ListedImage:
    if len(columns) == 1:
        fields = [",".join(fields)]  # a list of names alone may have commas in them
    values = {column: value.strip() for column, value in zip(columns, fields, strict=False)}
    text = values.get("target", "")
    target = int(text) if text in ("0", "1") else None
    row = ListedImage(
        name=values.get("img_name", ""), split=split, target=target, line=line, listed_in=str(path)
    )
    where = f"{path.name} line {line}"
    if split == "test":
        return row
    if len(fields) > len(columns):
        problem = f"{len(fields)} fields where the header has {len(columns)}"
        return row.failed("bad_target", f"{where}: {problem}; quote names that contain a comma")
    if target is None:
        problem = f"target is '{text}'" if text else "target is missing"
        return row.failed("bad_target", f"{where}: {problem}, allowed are 0 and 1 (1 = deepfake)")
    return row


def check_repeats(rows: Sequence[ListedImage]) -> list[ListedImage]:
    """Flag the names that a train or val list repeats.

    Parameters
    ----------
    rows : sequence of ListedImage
        Of one list.

    Returns
    -------
    list of ListedImage
        The same rows; of a repeated name all have failed if their labels differ, else all but the first.
    """
    by_name: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if row.split != "test" and row.status == "ok":
            by_name.setdefault(posixpath.normpath(row.name), []).append(index)
    checked = list(rows)
    for indices in by_name.values():
        lines = ", ".join(str(rows[i].line) for i in indices[:6])
        if len({rows[i].target for i in indices}) > 1:
            for i in indices:
                problem = f"'{rows[i].name}' is listed as 0 and as 1 (lines {lines})"
                detail = f"{problem}; all of them are left out, correct the list"
                checked[i] = rows[i].failed("conflicting_label", detail)
        else:
            for i in indices[1:]:
                detail = f"'{rows[i].name}' is listed again (lines {lines}); the first one counts"
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
    lines = list(_records(path))
    columns = [column.strip().lower() for column in lines[0][1]] if lines else []
    if "img_name" not in columns or not {"source", "group"} & set(columns):
        header = ",".join(lines[0][1]) if lines else ""
        raise LabelError(
            f"{path} line 1: the header is '{header}', it must name img_name and source, "
            "group or both (img_name,source,group); correct it or remove the file"
        )
    groups: dict[str, tuple[str, str]] = {}
    for line, fields in lines[1:]:
        values = {column: value.strip() for column, value in zip(columns, fields, strict=False)}
        if not values.get("img_name"):
            raise LabelError(f"{path} line {line}: img_name is missing; add it or remove the line")
        entry = values.get("source", ""), values.get("group", "")
        if groups.setdefault(values["img_name"], entry) != entry:
            raise LabelError(
                f"{path} line {line}: '{values['img_name']}' was listed as "
                f"{groups[values['img_name']]} above and is {entry} now; keep one line for each name"
            )
    return groups
