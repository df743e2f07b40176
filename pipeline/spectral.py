"""Stage `spectral`: the spectral blocks of every face, from un-resampled pixels."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np

from features.registry import Block
from features.spectral import compute as compute_blocks
from features.spectral import get
from features.views import cut_views, plan_crop
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.process import limit_threads
from pipeline.samples.feature_table import block_folder, read_faces
from pipeline.samples.variants import VARIANTS_VERSION, Item, expand, items_of
from pipeline.storage.feature_store import Store, fill, finish, shard_size_for, version_of
from pipeline.storage.images import BadImage


def open_store(block: Block, options: params.Faces) -> Store:
    """The store of one block, for these cuts."""
    cuts = options.model_dump(include={"native", "context"})
    facts = {"block": block.name, "code": [1, VARIANTS_VERSION], "columns": block.columns, **cuts}
    return Store(block_folder(block.name), version_of(facts), block.columns)


def spectral_shard(
    items: Sequence[Item], *, stores: dict[str, Store], options: params.Faces, max_pixels: int
) -> int:
    """Blocks of one shard, written to their stores. An unreadable image gets NaN and a reason."""
    limit_threads(1)
    names = list(stores)
    values = {name: np.full((len(items), len(stores[name].columns)), np.nan, np.float32) for name in names}
    detail = [""] * len(items)
    for index, item in enumerate(items):
        try:
            pixels, face = item.read(max_pixels=max_pixels)
        except BadImage as error:
            detail[index] = f"{error.status}: {error.detail}"
            continue
        height, width = pixels.shape[:2]
        crop = plan_crop(face, height=height, width=width, **options.cuts())
        for name, numbers in compute_blocks(cut_views(pixels, face, crop), names).items():
            values[name][index] = numbers
    for name in names:
        stores[name].write([item.store_key for item in items], values[name], detail)
    return len(items)


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m pipeline.spectral", description=__doc__).parse_args(arguments)
    options, limits, compute = params.load("faces"), params.load("manifest"), params.load("compute")
    stores = {name: open_store(get(name), options) for name in params.load("spectral").blocks}
    rows, faces = expand(*read_faces(), params.load("variants"))
    items = {item.key: item for item in items_of(rows, faces, keys=rows["key"])}
    # A killed run may have written some blocks of a shard: images that miss the same blocks go together.
    lacking: dict[str, list[str]] = defaultdict(list)
    for name, store in stores.items():
        store.prune()
        known = store.keys()
        for key in items.keys() - known:
            lacking[key].append(name)
    together: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for key, item in items.items():
        if key in lacking:
            together[tuple(lacking[key])].append(item)
    for missing, group in together.items():
        work = partial(
            spectral_shard,
            stores={name: stores[name] for name in missing},
            options=options,
            max_pixels=limits.max_pixels,
        )
        fill(
            group,
            work,
            describe="spectral",
            shard_size=shard_size_for(len(group), shard_size=compute.shard_size),
            engine=compute.engine(),
        )
    for store in stores.values():
        finish(store)


if __name__ == "__main__":
    run("spectral")
