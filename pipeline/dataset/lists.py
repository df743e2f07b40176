"""The data set's lists: finds them, reads and checks every row, and finds its image in the root."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from pipeline.dataset.entries import ListedImage, locate
from pipeline.storage.images import SUFFIXES

LIST_NAMES = {
    "train": re.compile(r"train(set)?_label\.txt"),
    "val": re.compile(r"val(set)?_label\.txt"),
    "test": re.compile(r"(\w+_)?test(set)?\d*(_(list|names|images|\d+|\w*label\w*))?\.txt"),
}
FOLDERS = {
    "train": re.compile(r"train(set)?"),
    "val": re.compile(r"val(set)?"),
    "test": re.compile(r"test(set)?\w*"),
}
SPELLINGS = "train_label.txt or trainset_label.txt"


class LabelError(UserError):
    """A data set that cannot be used as a whole; the message says where, found, allowed and do."""


@dataclass(frozen=True)
class Found:
    """Where the lists and the image folders without a list are."""

    root: Path
    train: Path
    val: Path | None
    tests: tuple[Path, ...]
    test_folders: tuple[Path, ...]
    groups: Path | None


def find(root: Path) -> Found:
    """Look for the lists at the root and one folder down; LabelError without a train list."""
    if not root.is_dir():
        raise LabelError(f"data.root {root} is not a folder; set data.root in params.yaml to the data set")
    train = _single(root, "train")
    if train is None:
        seen = sorted(entry.name for entry in root.iterdir())[:12]
        raise LabelError(
            f"{root}: no train list, neither there nor one folder down; found "
            f"{', '.join(seen) or 'nothing'}; allowed are {SPELLINGS} "
            "with the header img_name,target; put one there "
            "or set data.root in params.yaml to the folder that holds it"
        )
    tests = tuple(_candidates(root, "test"))
    folders = () if tests else tuple(_folders(root, "test") or _folders(train.parent, "test"))
    groups = root / "groups.csv"
    return Found(root, train, _single(root, "val"), tests, folders, groups if groups.is_file() else None)


def _candidates(root: Path, split: str) -> list[Path]:
    """Lists of a split at the shallowest level that has one."""
    here = _matching(root, split)
    if here:
        return here
    inner = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [path for folder in inner for path in _matching(folder, split)]


def _matching(folder: Path, split: str) -> list[Path]:
    return sorted(p for p in folder.iterdir() if LIST_NAMES[split].fullmatch(p.name) and p.is_file())


def _single(root: Path, split: str) -> Path | None:
    lists = _candidates(root, split)
    if len(lists) > 1:
        names = ", ".join(str(path) for path in lists)
        raise LabelError(f"{root}: several {split} lists: {names}; keep one, or set data.root to its folder")
    return lists[0] if lists else None


def _folders(parent: Path, split: str) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and FOLDERS[split].fullmatch(p.name))


def read_all(found: Found) -> list[ListedImage]:
    """Every row of every list, checked, in the order train, val, test, each in its list's order."""
    rows: list[ListedImage] = []
    for split, lists in (
        ("train", [found.train]),
        ("val", [found.val] if found.val else []),
        ("test", found.tests),
    ):
        for path in lists:
            listed = check_repeats(parse(path, split=split))
            rows += locate(listed, folders=_image_folders(path, split), root=found.root)
    for folder in found.test_folders:
        base = folder if len(found.test_folders) == 1 else folder.parent
        rows += locate(_walk(folder, base=base), folders=[base], root=found.root)
    return rows


def _image_folders(listing: Path, split: str) -> list[Path]:
    """Folders that may hold a list's images: beside it by name, else the list's own folder."""
    return [*_folders(listing.parent, split), listing.parent]


def _walk(folder: Path, *, base: Path) -> list[ListedImage]:
    names = [
        path.relative_to(base).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()
    ]
    return [
        ListedImage(name=name, split="test", target=None, line=0, listed_in=str(folder))
        for name in sorted(names)
    ]


def parse(path: Path, *, split: str) -> list[ListedImage]:
    """Rows of a list file: UTF-8 with or without BOM, any line end, quoted names, blank lines."""
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
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = path.read_bytes()[: error.start].count(b"\n") + 1
        raise LabelError(f"{path} line {at}: not UTF-8; save the file as UTF-8") from None
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip():
            yield number, _fields(line)


def _fields(line: str) -> list[str]:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], skipinitialspace=True))
    except csv.Error:
        return [line]  # one row that names no file


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
        found = f"{len(fields)} fields where the header has {len(columns)}"
        return row.failed("bad_target", f"{where}: {found}; quote names that contain a comma")
    if target is None:
        found = f"target is '{text}'" if text else "target is missing"
        return row.failed("bad_target", f"{where}: {found}, allowed are 0 and 1 (1 = deepfake)")
    return row


def check_repeats(rows: Sequence[ListedImage]) -> list[ListedImage]:
    """Flag repeated names of train or val: all if their labels differ, else all but the first."""
    seen: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if row.split != "test" and row.status == "ok":
            seen.setdefault(posixpath.normpath(row.name), []).append(index)
    checked = list(rows)
    for indices in seen.values():
        lines = ", ".join(str(rows[i].line) for i in indices[:6])
        if len({rows[i].target for i in indices}) > 1:
            for i in indices:
                found = f"'{rows[i].name}' is listed as 0 and as 1 (lines {lines})"
                detail = f"{found}; all of them are left out, correct the list"
                checked[i] = rows[i].failed("conflicting_label", detail)
        else:
            for i in indices[1:]:
                detail = f"'{rows[i].name}' is listed again (lines {lines}); the first one counts"
                checked[i] = rows[i].failed("duplicate_name", detail)
    return checked


def read_groups(path: Path) -> dict[str, tuple[str, str]]:
    """groups.csv as {img_name: (source, group)}; a column that is absent gives "".

    Names may carry their image folder (`trainset/a.jpg`) where train and val share names.
    """
    lines = list(_records(path))
    columns = [column.strip().lower() for column in lines[0][1]] if lines else []
    if "img_name" not in columns or not {"source", "group"} & set(columns):
        found = ",".join(lines[0][1]) if lines else ""
        raise LabelError(
            f"{path} line 1: the header is '{found}', it must name img_name and source, "
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
                f"{path} line {line}: '{values['img_name']}' was given as "
                f"{groups[values['img_name']]} before and is {entry} here; keep one line each"
            )
    return groups
