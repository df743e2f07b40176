"""Rows that could not be made, because a file changed under the run: named, and asked for again by the next run.

Each stage that reads images writes `cache/issues/<stage>.csv`, with a header alone where nothing is wrong. Stage
manifest, the first of every run, takes these files away again. DVC runs a stage whose output is gone, and the stage
makes what it lacks.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from pipeline.storage.files import appearing
from pipeline.storage.hashed_files import ChangedFile

_COLUMNS = ["path", "status", "detail"]
_ANY_BYTES = "surrogateescape"  # file names need not be UTF-8


class FilesGoneError(UserError):
    """More files are gone than a run may go on without."""


@dataclass(frozen=True)
class Unmade:
    """A row that its file did not give.

    Parameters
    ----------
    row : str
        Its key.
    path : str
        Of the file.
    status : str
        missing_file, unreadable or changed_file.
    detail : str
        The reason in words.
    """

    row: str
    path: str
    status: str
    detail: str

    @classmethod
    def by(cls, changed: ChangedFile, *, row: str) -> Unmade:
        """The row that this file does not give."""
        return cls(row, changed.path, changed.status, changed.detail)

    @property
    def reason(self) -> str:
        """Status and detail, as a store keeps them."""
        return f"{self.status}: {self.detail}"


def write_issues(file: Path, unmade: Sequence[Unmade]) -> None:
    """Write the issues of a stage, one line for each file, and say on standard error that there are some.

    Parameters
    ----------
    file : Path
        Named as the stage: `faces.csv`, `embed_small.csv`, ...
    unmade : sequence of Unmade
    """
    lines = sorted({(item.path, item.status, item.detail) for item in unmade})
    with appearing(file) as part, part.open("w", encoding="utf-8", errors=_ANY_BYTES, newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([_COLUMNS, *lines])
    if lines:
        sys.stderr.write(
            f"warning: {len(lines)} files are not what stage manifest saw, and their {len(unmade)} rows are missing in "
            f"{file.stem}; {file} names them. The next `dvc repro` asks for them again\n"
        )


def refuse_if_most(stage: str, unmade: Sequence[Unmade], *, rows: int) -> None:
    """Raise FilesGoneError where more than half of a stage's rows are unmade: then it is the disk, not a picture.

    Parameters
    ----------
    stage : str
    unmade : sequence of Unmade
    rows : int
        Of the stage, those that it has included.
    """
    if 2 * len(unmade) > rows:
        raise FilesGoneError(
            f"stage {stage}: {len(unmade)} of {rows} rows could not be made, e.g. {unmade[0].reason}; see whether the "
            "disk of data.root is there, then run `dvc repro`: what is made is kept"
        )


def take_issues(folder: Path) -> set[str]:
    """Remove every list that names something, so that its stage runs again; returns the paths of the files.

    Their size and time are not to be trusted: the content may have changed under both.
    """
    named: set[str] = set()
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", errors=_ANY_BYTES, newline="") as stream:
            listed = {row["path"] for row in csv.DictReader(stream) if row["path"]}
        if listed:
            named |= listed
            file.unlink()
    return named
