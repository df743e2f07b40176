"""Pictures with the face in them, found by the product's detector with its default settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmarks.quality.conditions import U8
from benchmarks.quality.rows import MAX_PIXELS
from benchmarks.quality.runs import over_chunks
from features.views import Face
from models.detection.mtcnn import FaceDetector
from pipeline.runtime import params
from pipeline.runtime.process import limit_threads
from pipeline.storage.images import read_image


@dataclass(frozen=True)
class Portrait:
    """A picture, uint8 (H, W, 3), RGB, and the face in it."""

    pixels: U8
    face: Face

    @classmethod
    def read(cls, path: str, face: Face) -> Portrait:
        """From a file in which `face` was found. Raises BadImage."""
        return cls(read_image(path, max_pixels=MAX_PIXELS).pixels, face)


def find_faces(paths: Sequence[str], *, describe: str) -> list[Face]:
    """The face in each of these files, in their order. Raises BadImage."""
    chunks = over_chunks(_find, pd.DataFrame({"path": list(paths)}), describe=describe)
    return [face for chunk in chunks for face in chunk]


def _find(rows: pd.DataFrame) -> list[Face]:
    limit_threads(1)
    detector = FaceDetector.of(params.Faces().model_dump(), device="cpu")
    return detector.detect([read_image(path, max_pixels=MAX_PIXELS).pixels for path in rows["path"]])
