"""Pictures of the kinds that a generator draws: made once in stage `generate`, read by whatever trains on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle_info import sha256
from models.generators.registry import GENERATORS, Redraw, load, with_binaries
from pipeline.runtime import params, paths
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.shards import Shard, map_shards
from pipeline.samples.variants import VariantPlan
from pipeline.storage.addresses import picture_code
from pipeline.storage.feature_store import SkippedError, version_of
from pipeline.storage.files import shard_name
from pipeline.storage.hashed_files import ChangedFile, HashedFile
from pipeline.storage.image_headers import BadImage
from pipeline.storage.picture_store import Entry, PictureStore, open_current
from pipeline.storage.row_key import RowKey, seed_of
from pipeline.storage.unmade import Unmade

_SHARDS_OF_ONE = 8  # into how many a shard of compute.shard_size images is divided


@dataclass(frozen=True)
class Task:
    """A picture to make: of the image in `file`, under the address `picture`, which decides what is drawn."""

    picture: str
    file: HashedFile


def tasks_of(rows: pd.DataFrame, kind: str, plan: VariantPlan) -> list[Task]:
    """The pictures of one kind that the real train images need.

    Parameters
    ----------
    rows : DataFrame
        With `key`, `path`, `sha256`, `target` and `split`.
    kind : str
    plan : VariantPlan
    """
    real = rows[(rows["split"] == "train") & (rows["target"] == 0)]
    keys = map(RowKey.parse, real["key"])
    return [
        Task(key.picture_of(name), file)
        for key, file in zip(keys, HashedFile.of(real), strict=True)
        for name in plan.fakes_of(key, kind)
    ]


def open_store(kind: str, files: Sequence[Path]) -> PictureStore:
    """The pictures of one kind, by the generator of these files."""
    facts = {
        "code": picture_code(kind),
        "files": [sha256(path) for path in with_binaries(files)],
    }
    return PictureStore((paths.GENERATED / kind).absolute(), version_of(facts))


def fill(
    kind: str,
    tasks: Sequence[Task],
    store: PictureStore,
    *,
    files: Sequence[Path],
    max_pixels: int,
    compute: params.Compute,
) -> list[Unmade]:
    """Make every picture that is missing, in parallel, with progress in pictures per second.

    A killed run keeps its finished shards.

    Parameters
    ----------
    kind : str
    tasks : sequence of Task
    store : PictureStore
    files : sequence of Path
        Of the generator.
    max_pixels : int
        A larger image gets no picture.
    compute : params.Compute

    Returns
    -------
    list of Unmade
        Pictures whose file is not the one that the manifest saw; nothing is stored of them.
    """
    store.prune()
    made = store.keys()
    missing = list({task.picture: task for task in tasks if task.picture not in made}.values())
    write = partial(
        write_shard,
        kind=kind,
        store=store,
        files=tuple(path.absolute() for path in files),
        max_pixels=max_pixels,
        device=compute.device,
    )
    # A picture takes up to seconds: with smaller shards progress is seen, and a kill loses a minute and not ten.
    small = compute.model_copy(update={"shard_size": max(compute.shard_size // _SHARDS_OF_ONE, 1)})
    return map_shards(write, missing, describe=f"generate {kind}", compute=small, nets=True)


def write_shard(
    tasks: Sequence[Task],
    *,
    kind: str,
    store: PictureStore,
    files: tuple[Path, ...],
    max_pixels: int,
    device: str,
) -> Shard:
    """Make the pictures of one shard.

    Parameters
    ----------
    tasks : sequence of Task
    kind : str
    store : PictureStore
    files : tuple of Path
    max_pixels : int
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    Shard
    """
    present = pick_device(device)
    limit_threads(1 if present == "cpu" else 0, tensors=True)
    generator = _generator(kind, files, present)
    unmade: list[Unmade] = []

    def draw() -> Iterator[Entry]:
        for task in tasks:
            try:
                yield task.picture, _draw(task, generator, max_pixels=max_pixels)
            except ChangedFile as changed:
                unmade.append(Unmade.by(changed, row=task.picture))

    drawn = draw()
    if (first := next(drawn, None)) is not None:
        store.write(chain([first], drawn), name=shard_name(task.picture for task in tasks))
    return Shard(len(tasks), unmade)


def _draw(task: Task, generator: Redraw, *, max_pixels: int) -> NDArray[np.uint8] | BadImage:
    """The picture, or why the image has none. Raises ChangedFile."""
    try:
        pixels = task.file.decode(max_pixels=max_pixels)
    except ChangedFile:
        raise
    except BadImage as bad:
        return bad
    return generator(pixels, np.random.default_rng(seed_of(task.picture)))


@lru_cache(maxsize=2)
def _generator(kind: str, files: tuple[Path, ...], device: str) -> Redraw:
    return load(kind, files, device=device)


def read_plan(wanted: params.Variants) -> VariantPlan:
    """The variants in force, without the kinds whose generator is missing.

    Parameters
    ----------
    wanted : params.Variants

    Raises
    ------
    NotMadeError
        Stage `generate` has not run.
    """
    pictures, left_out = {}, {}
    for kind, count in wanted.pseudo_fakes.items():
        try:
            if kind in GENERATORS and count:
                pictures[kind] = open_current(paths.GENERATED / kind)
        except SkippedError as reason:
            left_out[kind] = str(reason)
    counts = {kind: count for kind, count in wanted.pseudo_fakes.items() if kind not in left_out}
    return VariantPlan(wanted.model_copy(update={"pseudo_fakes": counts}), pictures, left_out)
