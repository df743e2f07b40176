"""From files to stored rows: the one way in which every stage that looks at pixels fills its blocks.

A shard is some hundred items. What a file of the manifest no longer gives is left out of it and asked for again next time. One function makes all of its rows and writes them in one step, so a killed run loses
at most the shards in flight, and a shard can be made anywhere that sees the same files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.runtime import paths
from pipeline.runtime.in_flight import batches
from pipeline.runtime.params import Compute
from pipeline.storage.feature_store import Store, publish
from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.images import BadImage
from pipeline.storage.unmade import Unmade, refuse_if_most, write_issues

FEWEST_PER_SHARD, WANTED_SHARDS = 200, 8  # a small set is still shared out between processes


@dataclass(frozen=True)
class Shard:
    """What became of the items of a shard.

    Parameters
    ----------
    items : int
    unmade : list of Unmade
        Those of which nothing was stored.
    """

    items: int
    unmade: list[Unmade] = field(default_factory=list)


class Item(Protocol):
    """Something that has a row in each block."""

    @property
    def row(self) -> str:
        """Key of its row."""


class Extractor(Protocol):
    """Turns items into rows of named numbers; it travels to the process that does the work."""

    @property
    def images_per_batch(self) -> int:
        """How many inputs are held in memory at a time, at most: their pixels are bounded too."""

    def start(self) -> None:
        """Prepare this process: its threads, its device, its nets."""

    def read(self, item: Any) -> Any:
        """What is computed on, from the item's file. Raises BadImage, ChangedFile where it is the file alone."""

    def compute(self, inputs: Sequence[Any], blocks: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
        """Rows of each of the named blocks, float32 (len(inputs), columns)."""


def fill(
    items: Sequence[Item],
    extractor: Extractor,
    stores: Mapping[str, Store],
    *,
    describe: str,
    compute: Compute,
    nets: bool,
) -> list[Unmade]:
    """Make every row that is missing, in parallel, with progress in images per second.

    Other versions of the blocks are removed first. A killed run may have written some blocks of a shard: items that
    miss the same blocks go together. The shards depend on items and settings alone, never on the workers, so a
    resumed or a differently parallel run writes the same shards.

    Parameters
    ----------
    items : sequence
        One row each; of items with the same row the last counts.
    stores : mapping
        Block name to its store.
    nets : bool
        The extractor runs nets, so a GPU of this machine has them all.

    Returns
    -------
    list of Unmade
        Rows whose file is not the one that the manifest saw; no block has them.
    """
    unmade: list[Unmade] = []
    for blocks, group in _missing(items, stores).items():
        write = partial(write_shard, extractor=extractor, stores={name: stores[name] for name in blocks})
        unmade += map_shards(write, group, describe=describe, compute=compute, nets=nets)
    return unmade


def finish(stage: str, stores: Iterable[Store], unmade: Sequence[Unmade], *, rows: int) -> None:
    """End a stage: publish its blocks, and name what is missing in them.

    Parameters
    ----------
    stage : str
        Name of its list of issues.
    stores : iterable of Store
    unmade : sequence of Unmade
    rows : int
        Of each block.

    Raises
    ------
    FilesGoneError
        Where most rows could not be made.
    """
    reasons = {item.row: item.reason for item in unmade}
    for store in stores:
        publish(store, reasons)
    write_issues(paths.ISSUES / f"{stage}.csv", unmade)
    refuse_if_most(stage, unmade, rows=rows)


def map_shards(
    write: Callable[[Sequence[Any]], Shard],
    items: Sequence[Any],
    *,
    describe: str,
    compute: Compute,
    nets: bool,
) -> list[Unmade]:
    """Write items shard by shard, in parallel, with progress in images per second.

    Parameters
    ----------
    write : callable
        The items of one shard to what became of them; it travels to the process that does the work.
    items : sequence
    describe : str
        Of the progress bar.
    compute : Compute
    nets : bool
        The work runs nets, so a GPU of this machine has them all.

    Returns
    -------
    list of Unmade
        Of all shards, in the order of the items' keys.
    """
    unmade: list[Unmade] = []
    size = shard_size_for(len(items), shard_size=compute.shard_size)
    shards = [items[start : start + size] for start in range(0, len(items), size)]
    with tqdm(total=len(items), desc=describe, unit="img", mininterval=1.0, smoothing=0.1) as bar:
        for shard in compute.engine(nets=nets).map(write, shards, ordered=False):
            bar.update(shard.items)
            unmade += shard.unmade
    return sorted(unmade, key=lambda item: item.row)


def _missing(items: Sequence[Item], stores: Mapping[str, Store]) -> dict[tuple[str, ...], list[Item]]:
    """Items by the blocks in which they have no row."""
    by_row = {item.row: item for item in items}
    lacking: dict[str, list[str]] = defaultdict(list)
    for name, store in stores.items():
        store.prune()
        for row in by_row.keys() - store.keys():
            lacking[row].append(name)
    groups: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for row, item in by_row.items():
        if row in lacking:
            groups[tuple(lacking[row])].append(item)
    return groups


def write_shard(items: Sequence[Item], *, extractor: Extractor, stores: Mapping[str, Store]) -> Shard:
    """Make the rows of one shard and write them to its stores.

    Parameters
    ----------
    items : sequence of Item
        One row each; an image that cannot be decoded gets NaN and a reason.
    extractor : Extractor
    stores : mapping
        Block name to its store.

    Returns
    -------
    Shard
    """
    extractor.start()
    values = {
        name: np.full((len(items), len(store.columns)), np.nan, np.float32) for name, store in stores.items()
    }
    reasons, unmade = [""] * len(items), {}

    def readable() -> Iterator[tuple[int, Any]]:
        for place, item in enumerate(items):
            try:
                yield place, extractor.read(item)
            except ChangedFile as changed:
                unmade[place] = Unmade.by(changed, row=item.row)
            except BadImage as error:
                reasons[place] = f"{error.status}: {error.detail}"

    for batch in batches(readable(), images=extractor.images_per_batch):
        for name, rows in extractor.compute([one for _, one in batch], list(stores)).items():
            values[name][[place for place, _ in batch]] = rows
        del batch  # before the next is read
    made = [place for place in range(len(items)) if place not in unmade]
    for name, store in stores.items() if made else ():
        store.write(
            [items[place].row for place in made], values[name][made], [reasons[place] for place in made]
        )
    return Shard(len(items), list(unmade.values()))


def shard_size_for(n: int, *, shard_size: int) -> int:
    """Images per shard: `shard_size`, or less on small sets so that there are some shards to share out."""
    return int(min(shard_size, max(FEWEST_PER_SHARD, -(-n // WANTED_SHARDS))))
