"""Pictures of the kinds that a generator draws: made once in stage `generate`, read by whatever trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle_info import sha256
from models.generators.registry import GENERATORS, Redraw, load, with_binaries
from pipeline.runtime import params, paths
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.shards import map_shards
from pipeline.samples.variants import VariantPlan
from pipeline.storage.addresses import picture_code
from pipeline.storage.feature_store import SkippedError, version_of
from pipeline.storage.files import shard_name
from pipeline.storage.image_headers import BadImage
from pipeline.storage.images import read_image
from pipeline.storage.picture_store import PictureStore, open_current
from pipeline.storage.row_key import RowKey, seed_of


@dataclass(frozen=True)
class Task:
    """A picture to make: of the image at `path`, under the address `picture`, which decides what is drawn."""

    picture: str
    path: str


def tasks_of(rows: pd.DataFrame, kind: str, plan: VariantPlan) -> list[Task]:
    """The pictures of one kind that the real train images need.

    Parameters
    ----------
    rows : DataFrame
        With `key`, `path`, `target` and `split`.
    kind : str
    plan : VariantPlan
    """
    real = rows[(rows["split"] == "train") & (rows["target"] == 0)]
    keys = map(RowKey.parse, real["key"])
    return [
        Task(key.picture_of(name), path)
        for key, path in zip(keys, real["path"], strict=True)
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
) -> None:
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
    map_shards(write, missing, describe=f"generate {kind}", compute=compute, nets=True)


def write_shard(
    tasks: Sequence[Task],
    *,
    kind: str,
    store: PictureStore,
    files: tuple[Path, ...],
    max_pixels: int,
    device: str,
) -> int:
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
    int
        Number of tasks.
    """
    present = pick_device(device)
    limit_threads(1 if present == "cpu" else 0)
    generator = _generator(kind, files, present)
    store.write(
        ((task.picture, _draw(task, generator, max_pixels=max_pixels)) for task in tasks),
        name=shard_name(task.picture for task in tasks),
    )
    return len(tasks)


def _draw(task: Task, generator: Redraw, *, max_pixels: int) -> NDArray[np.uint8] | BadImage:
    try:
        pixels = read_image(task.path, max_pixels=max_pixels).pixels
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
