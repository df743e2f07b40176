"""Stage `spectral`: the spectral blocks of every face, from un-resampled pixels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.registry import Block
from features.spectral import compute as compute_blocks
from features.spectral import get
from features.views import FaceViews, cut_views, plan_crop
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.process import limit_threads
from pipeline.samples.feature_table import block_folder, read_faces
from pipeline.samples.pictures import read_plan
from pipeline.samples.shards import fill, finish
from pipeline.samples.variants import Item, expand, items_of
from pipeline.storage.addresses import spectral_code
from pipeline.storage.feature_store import Store, version_of


@dataclass(frozen=True)
class SpectralExtractor:
    """The spectral blocks of each row."""

    options: params.Faces
    max_pixels: int
    images_per_batch: int = 1

    def start(self) -> None:
        """Prepare this process."""
        limit_threads(1)

    def read(self, item: Item) -> FaceViews:
        """The cuts that the blocks are computed on. Raises BadImage, ChangedFile where it is the file alone."""
        pixels, face = item.read(max_pixels=self.max_pixels)
        height, width = pixels.shape[:2]
        return cut_views(pixels, face, plan_crop(face, height=height, width=width, **self.options.cuts()))

    def compute(self, inputs: Sequence[FaceViews], blocks: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Rows of each block, float32 (n, columns)."""
        rows = [compute_blocks(views, blocks) for views in inputs]
        return {name: np.stack([row[name] for row in rows]) for name in blocks}


def open_store(block: Block, options: params.Faces) -> Store:
    """The store of one block, for these cuts."""
    cuts = options.model_dump(include={"native", "context"})
    facts = {"code": spectral_code(block.name), "columns": block.columns, **cuts}
    return Store(block_folder(block.name, "spectral"), version_of(facts), block.columns, "spectral")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(prog="python -m pipeline.spectral", description=__doc__).parse_args(arguments)
    options, limits = params.load("faces"), params.load("manifest")
    stores = {name: open_store(get(name), options) for name in params.load("spectral").blocks}
    plan = read_plan(params.load("variants"))
    items = items_of(*expand(*read_faces(), plan), plan)
    extractor = SpectralExtractor(options, max_pixels=limits.max_pixels)
    unmade = fill(items, extractor, stores, describe="spectral", compute=params.load("compute"), nets=False)
    finish("spectral", stores.values(), unmade, rows=len(items))


if __name__ == "__main__":
    run("spectral")
