"""Stage `faces`: where the face is in every listed image. Geometry only, no pixels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from models.detection.mtcnn import DETECTOR_VERSION, SEARCH, FaceDetector
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.storage.face_schema import COLUMNS, FOLDER, to_row
from pipeline.storage.feature_store import Store, fill, finish, shard_size_for, version_of
from pipeline.storage.images import BadImage, read_image

IMAGES_PER_BATCH = 32  # images decoded and searched at a time


def open_store(options: params.Faces) -> Store:
    """The store of face geometry for these search options."""
    search = options.model_dump(include=set(SEARCH))
    return Store(FOLDER, version_of({"detector": DETECTOR_VERSION, **search}), tuple(COLUMNS))


@lru_cache(maxsize=1)
def detector(options: params.Faces, device: str) -> FaceDetector:
    """The detector of these options, built once in a process."""
    return FaceDetector.of(options.model_dump(), device=device)


def detect_shard(
    items: Sequence[tuple[str, str]],
    *,
    store: Store,
    options: params.Faces,
    max_pixels: int,
    device: str,
) -> int:
    """Faces of one shard of (key, path), written to the store. An unreadable image gets NaN and a reason."""
    device = pick_device(device)
    limit_threads(0 if device != "cpu" else 1)
    values = np.full((len(items), len(COLUMNS)), np.nan, dtype=np.float32)
    detail = [""] * len(items)
    for start in range(0, len(items), IMAGES_PER_BATCH):
        pixels, where = [], []
        for index in range(start, min(start + IMAGES_PER_BATCH, len(items))):
            try:
                pixels.append(read_image(items[index][1], max_pixels=max_pixels).pixels)
                where.append(index)
            except BadImage as error:
                detail[index] = f"{error.status}: {error.detail}"
        for index, face in zip(where, detector(options, device).detect(pixels), strict=True):
            values[index] = to_row(face)
    store.write([key for key, _ in items], values, detail)
    return len(items)


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m pipeline.faces", description=__doc__).parse_args(arguments)
    options, limits, compute = params.load("faces"), params.load("manifest"), params.load("compute")
    manifest = pd.read_parquet("cache/manifest.parquet")
    usable = manifest[manifest["status"] == "ok"].drop_duplicates("sha256")
    store = open_store(options)
    store.prune()
    known = store.keys()
    items = [(k, p) for k, p in zip(usable["sha256"], usable["path"], strict=True) if k not in known]
    work = partial(
        detect_shard,
        store=store,
        options=options,
        max_pixels=limits.max_pixels,
        device=compute.device,
    )
    fill(
        items,
        work,
        describe="faces",
        shard_size=shard_size_for(len(items), shard_size=compute.shard_size),
        engine=compute.engine(nets=True),
    )
    finish(store)


if __name__ == "__main__":
    run("faces")
