"""Rows of a saved net for many images, shard by shard: what `embed` and `finetune` share."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from features.views import plan_crop
from models.nets.checkpoints import Checkpoint
from models.nets.face_net import FaceNet, NetSpec, crop_for
from pipeline.runtime import params
from pipeline.runtime.engine import folder_fingerprint
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.feature_table import block_folder
from pipeline.samples.variants import Item
from pipeline.storage.feature_store import Store, fill, mark_skipped, shard_size_for, write_json
from pipeline.storage.images import BadImage

NETS = Path("cache/nets")
IMAGES_PER_BATCH = 32  # crops held in memory at a time


def net_spec(net: params.Backbone | params.Net, checkpoint: Checkpoint) -> NetSpec:
    """How the net of an entry of params.yaml is built and fed: with logits where it learns, else frozen."""
    learned = net if isinstance(net, params.Net) else None
    return NetSpec(
        model=net.model,
        model_args=checkpoint.model_args,
        input=net.input,
        crop=learned.crop if learned else "aligned",
        size=net.size or checkpoint.size,
        mean=checkpoint.mean,
        std=checkpoint.std,
        origin=checkpoint.origin,
        heads=tuple(learned.heads) if learned else (),
    )


def leave_out(block: str, *, reason: str) -> None:
    """Say that this block and its net are not made, and why; what an earlier run made of them is removed."""
    folder = NETS / block
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json(folder / "skipped.json", {"reason": reason})
    mark_skipped(block_folder(block), reason=reason)


def load_net(folder: Path, device: str, member: int | None) -> FaceNet:
    """A saved net, read once in a process as long as its files stay the same."""
    return _read_net(folder, device, member, folder_fingerprint(folder))


@lru_cache(maxsize=4)
def _read_net(folder: Path, device: str, member: int | None, _: object) -> FaceNet:
    return FaceNet.load(folder, device=device, member=member)


def net_shard(
    items: Sequence[Item],
    *,
    folder: Path,
    member: int | None,
    store: Store,
    options: params.Faces,
    max_pixels: int,
    device: str,
) -> int:
    """Rows of one net for one shard, written to its store. An unreadable image gets NaN and a reason."""
    device = pick_device(device)
    limit_threads(0 if device != "cpu" else 1)
    net = load_net(folder, device, member)
    values = np.full((len(items), net.width), np.nan, dtype=np.float32)
    detail = [""] * len(items)
    for start in range(0, len(items), IMAGES_PER_BATCH):
        crops, where = [], []
        for index in range(start, min(start + IMAGES_PER_BATCH, len(items))):
            try:
                pixels, face = items[index].read(max_pixels=max_pixels)
            except BadImage as error:
                detail[index] = f"{error.status}: {error.detail}"
                continue
            height, width = pixels.shape[:2]
            crop = plan_crop(face, height=height, width=width, **options.cuts())
            crops.append(crop_for(net.spec, pixels, crop))
            where.append(index)
        if crops:
            values[where] = net(crops)
    store.write([item.store_key for item in items], values, detail)
    return len(items)


def fill_net(
    items: Sequence[Item],
    *,
    folder: Path,
    member: int | None,
    store: Store,
    describe: str,
    options: params.Faces,
    max_pixels: int,
    compute: params.Compute,
) -> None:
    """Rows of one net for `items`: on a GPU in this process, else one thread per worker."""
    work = partial(
        net_shard,
        folder=folder,
        member=member,
        store=store,
        options=options,
        max_pixels=max_pixels,
        device=compute.device,
    )
    fill(
        items,
        work,
        describe=describe,
        shard_size=shard_size_for(len(items), shard_size=compute.shard_size),
        engine=compute.engine(nets=True),
    )
