"""What is known of each image file (content and perceptual hash, pixels), read once per change."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from models.fingerprint import fingerprint
from models.unfinished import remove_abandoned
from pipeline.dataset.near_duplicates import perceptual_hash
from pipeline.runtime.engine import Engine
from pipeline.storage.files import appearing
from pipeline.storage.images import BadImage, probe, read_bytes, readable

FOLDER = Path("cache/files")
FILES_PER_TASK = 64
MIN_TASKS_PER_WORKER = 4  # tasks that a further process is worth
COLUMNS = ["path", "size", "mtime_ns", "sha256", "width", "height", "phash", "status", "detail"]

FileKey = tuple[str, int, int]
FileRow = tuple[str, int, int, str, int, int, str, str, str]


def describe(file: FileKey, *, max_pixels: int) -> FileRow:
    """Look at one file.

    Parameters
    ----------
    file : (str, int, int)
        Path, size in bytes, time of change in ns.
    max_pixels : int
        A larger image is refused, px.

    Returns
    -------
    tuple
        A row of `COLUMNS`; a file that gives no picture has its reason in status and detail.
    """
    path, name, sha256 = file[0], os.path.basename(file[0]), ""
    try:
        data = read_bytes(path)
        sha256 = hashlib.sha256(data).hexdigest()
        image = probe(data, max_pixels=max_pixels, where=name)
    except BadImage as bad:
        return (*file, sha256, 0, 0, "", bad.status, bad.detail)
    phash = perceptual_hash(image.gray).hex()
    return (*file, sha256, image.width, image.height, phash, "ok", "; ".join(image.notes))


def describe_all(files: Sequence[FileKey], *, max_pixels: int) -> list[FileRow]:
    """`describe` for a chunk of files."""
    return [describe(file, max_pixels=max_pixels) for file in files]


@dataclass
class FileTable:
    """What is stored of the files.

    Attributes
    ----------
    folder : Path
        Where the table's file lies.
    max_pixels : int
        A larger image is refused, px; rows of another limit are not used.
    rows : dict
        Rows of `COLUMNS` by (path, size, mtime_ns).
    """

    folder: Path
    max_pixels: int
    rows: dict[FileKey, FileRow] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The table's file."""
        return self.folder / "files.parquet"

    def _address(self) -> bytes:
        return f"{fingerprint(f'{__name__}:describe')}:{self.max_pixels}:{readable()}".encode()

    def load(self) -> FileTable:
        """Read the stored rows; a table of another version, or a damaged one, counts as empty."""
        try:
            table = pq.read_table(self.file)
        except (FileNotFoundError, pa.ArrowInvalid):
            return self
        if (table.schema.metadata or {}).get(b"address") == self._address():
            rows = zip(*(table[name].to_pylist() for name in COLUMNS), strict=True)
            self.rows = {row[:3]: row for row in rows}
        return self

    def forget(self, paths: Collection[str]) -> None:
        """Drop what is known of these files, so that they are read again."""
        self.rows = {key: row for key, row in self.rows.items() if key[0] not in paths}

    def save(self) -> None:
        """Write the table in one step: the old file stays until the new one is complete."""
        frame = pd.DataFrame([self.rows[key] for key in sorted(self.rows)], columns=COLUMNS)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.replace_schema_metadata({b"address": self._address()})
        with appearing(self.file) as part:
            pq.write_table(table, part, compression="zstd")

    def update(self, files: Iterable[FileKey], *, engine: Engine) -> int:
        """Make the rows exactly those of `files`, reading only what is new or changed.

        Saved now and then, so that a killed run continues. Files that could not be read at all are tried again.

        Parameters
        ----------
        files : iterable of (str, int, int)
            Path, size and time of each; repeats count once.
        engine : Engine
            Where they are read; the rows do not depend on it.

        Returns
        -------
        int
            How many files were read.
        """
        wanted = dict.fromkeys(files)
        known = {key: self.rows[key] for key in wanted if key in self.rows and self.rows[key][3]}
        missing = sorted(key for key in wanted if key not in known)
        changed = len(known) != len(self.rows)
        self.rows = known
        saved, pause = time.monotonic(), 10.0
        for chunk in _read(missing, max_pixels=self.max_pixels, engine=engine):
            self.rows.update((row[:3], row) for row in chunk)
            if time.monotonic() - saved > pause:
                start = time.monotonic()
                self.save()
                saved = time.monotonic()
                pause = max(10.0, 20 * (saved - start))  # at most a twentieth of the time goes to saving
        if missing or changed or not self.file.is_file():
            self.save()
        remove_abandoned(self.folder)
        return len(missing)


def _read(files: Sequence[FileKey], *, max_pixels: int, engine: Engine) -> Iterable[list[FileRow]]:
    chunks = [list(files[i : i + FILES_PER_TASK]) for i in range(0, len(files), FILES_PER_TASK)]
    function = partial(describe_all, max_pixels=max_pixels)
    with tqdm(total=len(files), desc="manifest", unit="img", mininterval=1.0, disable=not files) as bar:
        for rows in engine.map(function, chunks, min_pieces_per_worker=MIN_TASKS_PER_WORKER):
            bar.update(len(rows))
            yield rows
