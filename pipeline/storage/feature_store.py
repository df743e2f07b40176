"""The feature store: immutable Parquet shards of float32 rows, addressed by key, filled in parallel."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from models.errors import UserError
from pipeline.runtime.engine import Engine

FEATURES = Path("cache/features")
MOST_SHARDS = 32  # files of a block after its stage has ended


def version_of(facts: Any) -> str:
    """Address of a block's version: 12 hex digits of the hash of its parameters and code version.

    facts : anything JSON can write; the order of mapping keys does not matter.
    """
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class NotMadeError(UserError):
    """Something that an earlier stage makes is not there; the message says which."""


@dataclass(frozen=True)
class Store:
    """Rows of one block: `columns` float32 numbers and a `detail` string under each key.

    root : folder of the block; version : see `version_of`. A shard is one file of
    `root/version/`, complete as soon as it is visible, never changed afterwards.
    """

    root: Path
    version: str
    columns: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.root / self.version

    def shards(self) -> list[Path]:
        """Complete shards, by name."""
        return sorted(self.folder.glob("*.parquet"))

    def keys(self) -> set[str]:
        """Every key that has a row."""
        found: set[str] = set()
        for shard in self.shards():
            found.update(pq.read_table(shard, columns=["key"])["key"].to_pylist())
        return found

    def _tables(self) -> Iterator[pa.Table]:
        """Every shard as it was written, joined or not: memory for one at a time."""
        return chain.from_iterable(map(_row_groups, self.shards()))

    def write(self, keys: Sequence[str], values: NDArray[np.float32], detail: Sequence[str]) -> None:
        """Add one shard. values : float32 (len(keys), len(columns))."""
        if values.shape != (len(keys), len(self.columns)):
            raise ValueError(
                f"store {self.folder}: values have shape {values.shape}, "
                f"expected {(len(keys), len(self.columns))}"
            )
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
        table = pa.table(
            {
                "key": pa.array(keys, pa.string()),
                "detail": pa.array(detail, pa.string()),
                "values": pa.FixedSizeListArray.from_arrays(flat, len(self.columns)),
            }
        )
        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{name}.{os.getpid()}.part"
        pq.write_table(table, part, compression="zstd")
        os.replace(part, self.folder / f"{name}.parquet")

    def read(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        """Rows of `keys`, in that order: float32 (n, len(columns)) and the details.

        Raises KeyError naming the block and how many keys have no row.
        """
        wanted = pd.Index(keys, dtype=object)
        unique = wanted.unique()
        values = np.full((len(unique), len(self.columns)), np.nan, dtype=np.float32)
        detail = np.full(len(unique), "", dtype=object)
        found = np.zeros(len(unique), dtype=bool)
        for table in self._tables():
            rows = table["values"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            at = unique.get_indexer(pd.Index(table["key"].to_pylist(), dtype=object))
            new = at >= 0
            new[new] = ~found[at[new]]
            values[at[new]] = rows.reshape(-1, len(self.columns))[new]
            detail[at[new]] = np.array(table["detail"].to_pylist(), dtype=object)[new]
            found[at[new]] = True
        place = unique.get_indexer(wanted)
        missing = int((~found[place]).sum())
        if missing:
            raise KeyError(f"{self.root}: {missing} of {len(keys)} rows are missing; run `dvc repro`")
        if len(unique) < len(wanted):
            values, detail = values[place], detail[place]
        return values, detail.tolist()

    def join(self, *, most: int = MOST_SHARDS) -> None:
        """Join the smallest shards into one file where there are more than `most`; no row changes.

        DVC and object stores count files. Half of `most` stay, so that a file of few new rows does
        not have all others written again. A kill between the last two steps leaves rows twice, which
        `read` allows.
        """
        shards = sorted(self.shards(), key=lambda path: (path.stat().st_size, path.name))
        if len(shards) <= most:
            return
        small = sorted(shards[: len(shards) - most // 2 + 1])
        name = hashlib.sha256("\n".join(path.name for path in small).encode()).hexdigest()[:16]
        part = self.folder / f".{name}.{os.getpid()}.part"
        with pq.ParquetWriter(part, pq.read_schema(small[0]), compression="zstd") as writer:
            for table in chain.from_iterable(map(_row_groups, small)):
                writer.write_table(table)
        os.replace(part, self.folder / f"{name}.parquet")
        for shard in small:
            shard.unlink()

    def prune(self) -> None:
        """Remove other versions and unfinished shards: what can never be read again."""
        for entry in self.root.iterdir() if self.root.is_dir() else ():
            if entry != self.folder and entry.is_dir():
                shutil.rmtree(entry)
        for part in self.folder.glob(".*.part"):
            part.unlink()


def _row_groups(shard: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(shard) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def finish(store: Store) -> None:
    """Nothing is missing: join small shards, and say in `root/block.json` which version is current."""
    store.join()
    store.root.mkdir(parents=True, exist_ok=True)
    write_json(store.root / "block.json", {"version": store.version, "columns": list(store.columns)})


def mark_skipped(root: Path, *, reason: str) -> None:
    """Say in `root/block.json` that this block was not made, and why."""
    root.mkdir(parents=True, exist_ok=True)
    for entry in root.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
    write_json(root / "block.json", {"skipped": reason})


def open_current(root: Path) -> Store | str:
    """The block's current store, or the reason why it was left out.

    Raises NotMadeError when its stage has not run.
    """
    try:
        facts = json.loads((root / "block.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotMadeError(f"{root}/block.json is missing; run `dvc repro`") from None
    if "skipped" in facts:
        return str(facts["skipped"])
    return Store(root, facts["version"], tuple(facts["columns"]))


def write_json(path: Path, facts: Any) -> None:
    """Write JSON so that the file is whole as soon as it is visible."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    os.replace(part, path)


def fill(
    items: Sequence[Any],
    function: Callable[[list[Any]], int],
    *,
    describe: str,
    shard_size: int,
    engine: Engine,
) -> None:
    """Map `function` over shards of `items` in parallel, with progress in images per second.

    The shards depend on `items` and `shard_size` alone, never on the workers, so a resumed or a
    differently parallel run writes the same shards.
    """
    shards = [list(items[i : i + shard_size]) for i in range(0, len(items), shard_size)]
    with tqdm(total=len(items), desc=describe, unit="img", mininterval=1.0, smoothing=0.1) as bar:
        for count in engine.map(function, shards, ordered=False):
            bar.update(count)


def shard_size_for(n: int, *, shard_size: int) -> int:
    """Images per shard: `shard_size`, or less on small sets so that there are some eight shards."""
    return int(min(shard_size, max(200, -(-n // 8))))
