"""The files of a data set: finds its lists and image folders by their names, and reads every row."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.dataset.entries import ListedImage
from pipeline.dataset.image_folders import ImageFolder, is_hidden, walk
from pipeline.dataset.image_search import locate, read_list
from pipeline.dataset.lists import LabelError, split_header
from pipeline.dataset.spellings import quoted
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
HOW = "`make repro DATA=FOLDER`; of the audit `--data FOLDER`"
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
    test_folders : tuple of ImageFolder
        Folders of test images, where no list names them, and what is in them.
    groups : Path or None
        groups.csv.
    unused : tuple of Path
        Text files that look like lists and have no list's name or place: nothing was read from them.
    dangling : tuple of Path
        Links with an image folder's name whose folder is not there.
    """

    root: Path
    train: Path
    val: Path | None
    tests: tuple[Path, ...]
    test_folders: tuple[ImageFolder, ...]
    groups: Path | None
    unused: tuple[Path, ...] = ()
    dangling: tuple[Path, ...] = ()

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
        raise LabelError(f"data set {root} is not a folder; name one that is there ({HOW})")
    train = _single(root, "train")
    if train is None:
        names = sorted(entry.name for entry in root.iterdir())[:12]
        raise LabelError(
            f"{root}: no train list, neither there nor one folder down; found "
            f"{', '.join(names) or 'nothing'}; allowed are {SPELLINGS['train']} "
            "with the header img_name,target; put one there "
            f"or name the folder that holds it ({HOW})"
        )
    tests = tuple(_candidates(root, "test"))
    folders = () if tests else tuple(_folders(root, "test") or _folders(train.parent, "test"))
    groups = root / "groups.csv"
    files = DatasetFiles(
        root,
        train,
        _single(root, "val"),
        tests,
        tuple(walk(folder) for folder in folders),
        groups if groups.is_file() else None,
    )
    return replace(files, unused=_unused(files), dangling=_dangling(root))


def _candidates(root: Path, split: str) -> list[Path]:
    """Lists of a split at the shallowest level that has one."""
    at_root = _matching(root, split)
    if at_root:
        return at_root
    return [path for folder in _inner_folders(root) for path in _matching(folder, split)]


def _inner_folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not is_hidden(p.name))


def _matching(folder: Path, split: str) -> list[Path]:
    return sorted(p for p in folder.iterdir() if LIST_NAMES[split].fullmatch(p.name) and p.is_file())


def _single(root: Path, split: str) -> Path | None:
    lists = _candidates(root, split)
    if len(lists) > 1:
        names = ", ".join(str(path) for path in lists)
        raise LabelError(f"{root}: several {split} lists: {names}; keep one, or name its folder ({HOW})")
    return lists[0] if lists else None


def _unused(files: DatasetFiles) -> tuple[Path, ...]:
    """Text files at the levels of the search whose first line is that of a list, but which are none."""
    folders = [files.root, *_inner_folders(files.root)]
    texts = (path for folder in folders for path in sorted(filter(_may_be_list, folder.iterdir())))
    return tuple(path for path in texts if path not in (*files.lists, files.groups) and _looks_listed(path))


def _may_be_list(path: Path) -> bool:
    """Any .txt; of .csv, which are many things, one that is named after a split."""
    name = path.name.lower()
    named = name.endswith(".txt") or bool(SPLIT_CSV.match(name))
    return named and not is_hidden(name) and path.is_file()


def _dangling(root: Path) -> tuple[Path, ...]:
    """Links at the levels of the search that have the name of an image folder and lead nowhere."""
    entries = (path for folder in (root, *_inner_folders(root)) for path in sorted(folder.iterdir()))
    broken = (path for path in entries if path.is_symlink() and not path.exists())
    return tuple(path for path in broken if any(name.fullmatch(path.name) for name in FOLDERS.values()))


def _looks_listed(path: Path) -> bool:
    """Whether the first line names the column img_name, or an image."""
    with path.open("rb") as file:
        lines = file.read(_START).decode("utf-8-sig", errors="replace").splitlines()
    _, fields = split_header(next(filter(str.strip, lines), ""))
    return "img_name" in fields or (bool(fields) and posixpath.splitext(fields[0])[1] in SUFFIXES)


def warnings(files: DatasetFiles, *, val_share: float) -> list[str]:
    """What a person should know of how the lists were found, one line for each file or folder that was not used.

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
        *(
            f"{path} looks like a list and was not used{instead}; lists are found by their names ({names}), those in "
            f"{files.root} before those one folder down: rename it if it is one"
            for path in files.unused
        ),
        *(
            f"{path} is a link to {quoted(str(path.readlink()))}, which is not there; mend the link or mount its disk"
            for path in files.dangling
        ),
        *(folder.note for folder in files.test_folders if folder.note),
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
            rows += read_list(path, split=split, folders=_image_folders(path, split), root=files.root)
    for images in files.test_folders:
        folder = Path(images.folder)
        base = folder if len(files.test_folders) == 1 else folder.parent
        prefix = "" if len(files.test_folders) == 1 else f"{folder.name}/"
        unlisted = (
            ListedImage(prefix + name, split="test", target=None, line=0, listed_in=images.folder)
            for name in images.names
        )
        rows += locate(unlisted, folders=[base], root=files.root)
    return rows


def _image_folders(listing: Path, split: str) -> list[Path]:
    """Folders that may hold a list's images: beside it by name, else the list's own folder."""
    return [*_folders(listing.parent, split), listing.parent]
