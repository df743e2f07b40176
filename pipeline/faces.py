"""Stage `faces`: where the face is in every listed image. Geometry only, no pixels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.detection.mtcnn import SEARCH, FaceDetector
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.shards import fill, finish
from pipeline.storage.addresses import face_code
from pipeline.storage.face_schema import COLUMNS, to_row
from pipeline.storage.feature_store import Store, version_of
from pipeline.storage.files import made
from pipeline.storage.hashed_files import HashedFile


@dataclass(frozen=True)
class SearchedFile:
    """A file to search; the hash of its bytes is the key of its row."""

    file: HashedFile

    @property
    def row(self) -> str:
        """Key of its row in the store."""
        return self.file.sha256


@dataclass(frozen=True)
class FaceExtractor:
    """The row of the face table of each file."""

    options: params.Faces
    max_pixels: int
    device: str
    images_per_batch: int = 32

    def start(self) -> None:
        """Prepare this process."""
        limit_threads(0 if pick_device(self.device) != "cpu" else 1)

    def read(self, item: SearchedFile) -> NDArray[np.uint8]:
        """Pixels, uint8 (H, W, 3), RGB. Raises BadImage, ChangedFile where it is the file alone."""
        return item.file.decode(max_pixels=self.max_pixels)

    def compute(
        self, inputs: Sequence[NDArray[np.uint8]], blocks: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        """Rows of the face table, float32 (n, 17)."""
        faces = detector(self.options, pick_device(self.device)).detect(inputs)
        return dict.fromkeys(blocks, np.stack([to_row(face) for face in faces]))


@lru_cache(maxsize=1)
def detector(options: params.Faces, device: str) -> FaceDetector:
    """The detector of these options, built once in a process."""
    return FaceDetector.of(options.model_dump(), device=device)


def open_store(options: params.Faces) -> Store:
    """The store of face geometry for these search options."""
    search = options.model_dump(include=set(SEARCH))
    return Store(paths.FACES, version_of({"code": face_code(), **search}), tuple(COLUMNS), "face")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(prog="python -m pipeline.faces", description=__doc__).parse_args(arguments)
    options, limits, compute = params.load("faces"), params.load("manifest"), params.load("compute")
    manifest = pd.read_parquet(made(paths.MANIFEST))
    usable = manifest[manifest["status"] == "ok"].drop_duplicates("sha256")
    store = open_store(options)
    extractor = FaceExtractor(options, max_pixels=limits.max_pixels, device=compute.device)
    files = [SearchedFile(file) for file in HashedFile.of(usable)]
    unmade = fill(files, extractor, {"faces": store}, describe="faces", compute=compute, nets=True)
    finish("faces", [store], unmade, rows=len(files))


if __name__ == "__main__":
    run("faces")
