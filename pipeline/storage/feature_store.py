"""The feature store: immutable Parquet shards of float32 rows, addressed by key, filled in parallel."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.bundle_info import BlockSort
from models.errors import UserError
from pipeline.storage.files import appearing, keep_version, made, read_json, shard_name, write_json

INDEX = "block.json"
MAX_SHARDS = 32  # files of a block after its stage has ended


def version_of(facts: Any) -> str:
    """Address of a block's numbers: 12 hex digits of the hash of all that they depend on.

    Parameters
    ----------
    facts : anything that JSON can write
        Parameters and fingerprints of code; the order of mapping keys does not matter.
    """
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def readable(reason: str) -> str:
    """A reason that any file can hold: a byte of a file name that is not UTF-8 is written as `\\udcff`."""
    return reason.encode("utf-8", "backslashreplace").decode("utf-8")


class SkippedError(UserError):
    """A block that was not made, on purpose; the message is the reason."""


@dataclass(frozen=True)
class Store:
    """Rows of one block: `columns` float32 numbers and a `detail` string under each key.

    A shard is one file of `root/version/`, complete as soon as it is visible, never changed afterwards.

    Parameters
    ----------
    root : Path
        Folder of the block.
    version : str
        Address of its numbers: see `version_of`.
    columns : tuple of str
    sort : {"face", "spectral", "embedding", "net"}
        What computes the block.
    unmade : dict of str to str
        Reason by key, of rows that its stage could not make this time.
    """

    root: Path
    version: str
    columns: tuple[str, ...]
    sort: BlockSort
    unmade: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.root / self.version

    def shards(self) -> list[Path]:
        """Complete shards, by name."""
        return sorted(self.folder.glob("*.parquet"))

    def keys(self) -> set[str]:
        """Every key that has a row."""
        keys: set[str] = set()
        for shard in self.shards():
            keys.update(pq.read_table(shard, columns=["key"])["key"].to_pylist())
        return keys

    def _tables(self) -> Iterator[pa.Table]:
        """Every shard as it was written, joined or not: memory for one at a time."""
        return chain.from_iterable(map(_row_groups, self.shards()))

    def write(self, keys: Sequence[str], values: NDArray[np.float32], detail: Sequence[str]) -> None:
        """Add one shard.

        Parameters
        ----------
        keys : sequence of str
        values : float32 array, shape (n, columns)
        detail : sequence of str
            Why a row is missing, empty where it is not.
        """
        if values.shape != (len(keys), len(self.columns)):
            raise ValueError(
                f"store {self.folder}: values have shape {values.shape}, "
                f"expected {(len(keys), len(self.columns))}"
            )
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
        table = pa.table(
            {
                "key": pa.array(keys, pa.string()),
                "detail": pa.array([readable(reason) for reason in detail], pa.string()),
                "values": pa.FixedSizeListArray.from_arrays(flat, len(self.columns)),
            }
        )
        with appearing(self.folder / f"{shard_name(keys)}.parquet") as part:
            pq.write_table(table, part, compression="zstd")

    def read(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        """Rows of `keys`, in that order; an unmade one is NaN.

        Returns
        -------
        float32 array, shape (n, columns)
        list of str
            Why a row is missing, empty where it is not.

        Raises
        ------
        KeyError
            Naming the block and how many keys have no row.
        """
        wanted = pd.Index(keys, dtype=object)
        unique = wanted.unique()
        values = np.full((len(unique), len(self.columns)), np.nan, dtype=np.float32)
        detail = np.full(len(unique), "", dtype=object)
        is_read = np.zeros(len(unique), dtype=bool)
        for table in self._tables():
            rows = table["values"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            at = unique.get_indexer(pd.Index(table["key"].to_pylist(), dtype=object))
            new = at >= 0
            new[new] = ~is_read[at[new]]
            values[at[new]] = rows.reshape(-1, len(self.columns))[new]
            detail[at[new]] = np.array(table["detail"].to_pylist(), dtype=object)[new]
            is_read[at[new]] = True
        for place in np.flatnonzero(~is_read):
            if unique[place] in self.unmade:
                detail[place], is_read[place] = self.unmade[unique[place]], True
        place = unique.get_indexer(wanted)
        missing = int((~is_read[place]).sum())
        if missing:
            raise KeyError(f"{self.root}: {missing} of {len(keys)} rows are missing; run `dvc repro`")
        if len(unique) < len(wanted):
            values, detail = values[place], detail[place]
        return values, detail.tolist()

    def join(self, *, max_shards: int = MAX_SHARDS) -> None:
        """Join the smallest shards into one file where there are more than `max_shards`; no row changes.

        DVC and object stores count files. Half of them stay, so that a file of few new rows does
        not have all others written again. A kill between the last two steps leaves rows twice, which
        `read` allows.
        """
        shards = sorted(self.shards(), key=lambda path: (path.stat().st_size, path.name))
        if len(shards) <= max_shards:
            return
        small = sorted(shards[: len(shards) - max_shards // 2 + 1])
        name = shard_name(path.name for path in small)
        with (
            appearing(self.folder / f"{name}.parquet") as part,
            pq.ParquetWriter(part, pq.read_schema(small[0]), compression="zstd") as writer,
        ):
            for table in chain.from_iterable(map(_row_groups, small)):
                writer.write_table(table)
        for shard in small:
            shard.unlink()

    def prune(self) -> None:
        """Remove other versions and unfinished shards: what can never be read again."""
        keep_version(self.folder)


def _row_groups(shard: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(shard) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def publish(store: Store, unmade: Mapping[str, str] | None = None) -> None:
    """Join small shards, and say in `root/block.json` which version is current.

    Parameters
    ----------
    store : Store
        Nothing is missing in it but what is unmade.
    unmade : dict of str to str
        Reason by key, of rows that could not be made this time.
    """
    store.join()
    facts: dict[str, Any] = {"version": store.version, "columns": list(store.columns), "sort": store.sort}
    if unmade:
        facts["unmade"] = {key: readable(reason) for key, reason in sorted(unmade.items())}
    write_json(store.root / INDEX, facts)


def mark_skipped(root: Path, *, reason: str) -> None:
    """Say in `root/block.json` that this block was not made, and why."""
    for entry in root.iterdir() if root.is_dir() else ():
        if entry.is_dir():
            shutil.rmtree(entry)
    write_json(root / INDEX, {"skipped": reason})


def open_current(root: Path) -> Store:
    """The block's current store.

    Raises
    ------
    NotMadeError
        Its stage has not run.
    SkippedError
        Its stage left it out; the message is the reason.
    """
    facts = read_json(made(root / INDEX))
    if "skipped" in facts:
        raise SkippedError(facts["skipped"])
    return Store(root, facts["version"], tuple(facts["columns"]), facts["sort"], facts.get("unmade", {}))
