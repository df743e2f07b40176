"""From files to stored rows: the one way in which every stage that looks at pixels fills its blocks.

A shard is some hundred items. One function makes all of its rows and writes them in one step, so a killed run loses
at most the shards in flight, and a shard can be made anywhere that sees the same files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.runtime.params import Compute
from pipeline.storage.feature_store import Store
from pipeline.storage.images import BadImage

FEWEST_PER_SHARD, WANTED_SHARDS = 200, 8  # a small set is still shared out between processes


class Item(Protocol):
    """Something that has a row in each block."""

    @property
    def row(self) -> str:
        """Key of its row."""


class Extractor(Protocol):
    """Turns items into rows of named numbers; it travels to the process that does the work."""

    @property
    def images_per_batch(self) -> int:
        """How many inputs are held in memory at a time."""

    def start(self) -> None:
        """Prepare this process: its threads, its device, its nets."""

    def read(self, item: Any) -> Any:
        """What is computed on, from the item's file. Raises BadImage."""

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
) -> None:
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
    """
    for blocks, group in _missing(items, stores).items():
        write = partial(write_shard, extractor=extractor, stores={name: stores[name] for name in blocks})
        map_shards(write, group, describe=describe, compute=compute, nets=nets)


def map_shards(
    write: Callable[[Sequence[Any]], int],
    items: Sequence[Any],
    *,
    describe: str,
    compute: Compute,
    nets: bool,
) -> None:
    """Write items shard by shard, in parallel, with progress in images per second.

    Parameters
    ----------
    write : callable
        The items of one shard to how many they are; it travels to the process that does the work.
    items : sequence
    describe : str
        Of the progress bar.
    compute : Compute
    nets : bool
        The work runs nets, so a GPU of this machine has them all.
    """
    size = shard_size_for(len(items), shard_size=compute.shard_size)
    shards = [items[start : start + size] for start in range(0, len(items), size)]
    with tqdm(total=len(items), desc=describe, unit="img", mininterval=1.0, smoothing=0.1) as bar:
        for count in compute.engine(nets=nets).map(write, shards, ordered=False):
            bar.update(count)


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


def write_shard(items: Sequence[Item], *, extractor: Extractor, stores: Mapping[str, Store]) -> int:
    """Make the rows of one shard and write them to its stores.

    Parameters
    ----------
    items : sequence of Item
        One row each; an image that cannot be read gets NaN and a reason.
    extractor : Extractor
    stores : mapping
        Block name to its store.

    Returns
    -------
    int
        Number of items.
    """
    extractor.start()
    values = {
        name: np.full((len(items), len(store.columns)), np.nan, np.float32) for name, store in stores.items()
    }
    reasons = [""] * len(items)
    for start in range(0, len(items), extractor.images_per_batch):
        inputs, places = [], []
        for place in range(start, min(start + extractor.images_per_batch, len(items))):
            try:
                inputs.append(extractor.read(items[place]))
                places.append(place)
            except BadImage as error:
                reasons[place] = f"{error.status}: {error.detail}"
        if inputs:
            for name, rows in extractor.compute(inputs, list(stores)).items():
                values[name][places] = rows
    for name, store in stores.items():
        store.write([item.row for item in items], values[name], reasons)
    return len(items)


def shard_size_for(n: int, *, shard_size: int) -> int:
    """Images per shard: `shard_size`, or less on small sets so that there are some shards to share out."""
    return int(min(shard_size, max(FEWEST_PER_SHARD, -(-n // WANTED_SHARDS))))
