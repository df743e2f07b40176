"""The files of a data set: finds its lists and image folders by their names, and reads every row."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.dataset.entries import ListedImage, locate
from pipeline.dataset.lists import LabelError, check_repeats, parse, split_fields
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
SPELLINGS = {
    "train": "train_label.txt or trainset_label.txt",
    "val": "val_label.txt or valset_label.txt",
    "test": "test_list.txt, testset1.txt or test_label.txt",
}
SPLIT_CSV = re.compile(r"(train|val|dev|test).*\.csv")
_START = 4096  # bytes of a file that are read to see whether it is a list


@dataclass(frozen=True)
class DatasetFiles:
    """Where the lists of a data set are.

    Attributes
    ----------
    root : Path
        The data root.
    train, val : Path
        The lists of these splits; val is None without one.
    tests : tuple of Path
        Lists of test images.
    test_folders : tuple of Path
        Folders of test images, where no list names them.
    groups : Path or None
        groups.csv.
    unused : tuple of Path
        Text files that look like lists and have no list's name or place: nothing was read from them.
    """

    root: Path
    train: Path
    val: Path | None
    tests: tuple[Path, ...]
    test_folders: tuple[Path, ...]
    groups: Path | None
    unused: tuple[Path, ...] = ()

    @property
    def lists(self) -> list[Path]:
        """The lists that are read: train, val, test."""
        return [path for path in (self.train, self.val, *self.tests) if path is not None]


def find(root: Path) -> DatasetFiles:
    """Look for the lists of a data set at its root and one folder down.

    Parameters
    ----------
    root : Path
        The data root.

    Returns
    -------
    DatasetFiles
        Of each split the lists at the shallowest level that has one.

    Raises
    ------
    LabelError
        When there is no train list, or more than one of train or val.
    """
    if not root.is_dir():
        raise LabelError(f"data.root {root} is not a folder; set data.root in params.yaml to the data set")
    train = _single(root, "train")
    if train is None:
        names = sorted(entry.name for entry in root.iterdir())[:12]
        raise LabelError(
            f"{root}: no train list, neither there nor one folder down; found "
            f"{', '.join(names) or 'nothing'}; allowed are {SPELLINGS['train']} "
            "with the header img_name,target; put one there "
            "or set data.root in params.yaml to the folder that holds it"
        )
    tests = tuple(_candidates(root, "test"))
    folders = () if tests else tuple(_folders(root, "test") or _folders(train.parent, "test"))
    groups = root / "groups.csv"
    files = DatasetFiles(
        root, train, _single(root, "val"), tests, folders, groups if groups.is_file() else None
    )
    return replace(files, unused=_unused(files))


def _candidates(root: Path, split: str) -> list[Path]:
    """Lists of a split at the shallowest level that has one."""
    at_root = _matching(root, split)
    if at_root:
        return at_root
    return [path for folder in _inner_folders(root) for path in _matching(folder, split)]


def _inner_folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _matching(folder: Path, split: str) -> list[Path]:
    return sorted(p for p in folder.iterdir() if LIST_NAMES[split].fullmatch(p.name) and p.is_file())


def _single(root: Path, split: str) -> Path | None:
    lists = _candidates(root, split)
    if len(lists) > 1:
        names = ", ".join(str(path) for path in lists)
        raise LabelError(f"{root}: several {split} lists: {names}; keep one, or set data.root to its folder")
    return lists[0] if lists else None


def _unused(files: DatasetFiles) -> tuple[Path, ...]:
    """Text files at the levels of the search whose first line is that of a list, but which are none."""
    folders = [files.root, *_inner_folders(files.root)]
    texts = (path for folder in folders for path in sorted(filter(_may_be_list, folder.iterdir())))
    return tuple(path for path in texts if path not in (*files.lists, files.groups) and _looks_listed(path))


def _may_be_list(path: Path) -> bool:
    """Any .txt; of .csv, which are many things, one that is named after a split."""
    name = path.name.lower()
    return (name.endswith(".txt") or bool(SPLIT_CSV.match(name))) and path.is_file()


def _looks_listed(path: Path) -> bool:
    """Whether the first line names the column img_name, or an image."""
    with path.open("rb") as file:
        lines = file.read(_START).decode("utf-8-sig", errors="replace").splitlines()
    fields = [field.strip().lower() for field in split_fields(next(filter(str.strip, lines), ""))]
    return "img_name" in fields or (bool(fields) and posixpath.splitext(fields[0])[1] in SUFFIXES)


def warnings(files: DatasetFiles, *, val_share: float) -> list[str]:
    """What a person should know of how the lists were found, one line for each file that was not used.

    Parameters
    ----------
    files : DatasetFiles
        As `find` returns it.
    val_share : float
        Share of train that is held out as val where there is no val list.
    """
    names = "; ".join(f"{split}: {spelling}" for split, spelling in SPELLINGS.items())
    instead = "" if files.val else f"; without a val list {val_share:.0%} of train were held out as val"
    return [
        f"{path} looks like a list and was not used{instead}; lists are found by their names ({names}), those in "
        f"{files.root} before those one folder down: rename it if it is one"
        for path in files.unused
    ]


def _folders(parent: Path, split: str) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and FOLDERS[split].fullmatch(p.name))


def read_all(files: DatasetFiles) -> list[ListedImage]:
    """Read every row of every list.

    Parameters
    ----------
    files : DatasetFiles
        As `find` returns it.

    Returns
    -------
    list of ListedImage
        Checked and located, in the order train, val, test, each in its list's order.

    Raises
    ------
    LabelError
        For a list that cannot be read as a whole; a bad row affects only itself.
    """
    rows: list[ListedImage] = []
    for split, lists in (
        ("train", [files.train]),
        ("val", [files.val] if files.val else []),
        ("test", files.tests),
    ):
        for path in lists:
            listed = check_repeats(parse(path, split=split))
            rows += locate(listed, folders=_image_folders(path, split), root=files.root)
    for folder in files.test_folders:
        base = folder if len(files.test_folders) == 1 else folder.parent
        rows += locate(_walk(folder, base=base), folders=[base], root=files.root)
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
