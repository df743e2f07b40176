"""Further rows made of a training image: degraded copies, and pseudo-fakes of real faces.

They stand in the feature store beside the image's own row and only ever train the stacker: with degraded copies
it cannot learn a compression history, with pseudo-fakes it sees forgeries that the data set lacks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.views import Face
from models.synthesis import pseudo_fakes
from models.synthesis.degradations import AUGMENT_VERSION, degrade, resampled
from pipeline.runtime import params
from pipeline.storage.face_schema import to_face
from pipeline.storage.images import decode, read_bytes, read_image, recompress_like

ORIGINAL = ""
DEGRADED = "degraded"
DRAWN_VERSION = [AUGMENT_VERSION, pseudo_fakes.PSEUDOFAKES_VERSION]
VARIANTS_VERSION = [*DRAWN_VERSION, 1]  # the last is raised when `Item.read` draws another picture
_RESAMPLED = 0.7  # share of the variants


def names_of(key: str, target: float, split: str, asked: params.Variants) -> list[str]:
    """Variants of one image, itself first: degraded copies of train images, pseudo-fakes of real ones.

    The fraction of a number is drawn by `key`, the image's own, so no other image has a say in it.
    """
    if split != "train":
        return [ORIGINAL]
    kinds = (DEGRADED, *pseudo_fakes.KINDS) if target == 0 else (DEGRADED,)
    lots = np.random.default_rng(_seed(key)).random(1 + len(pseudo_fakes.KINDS))
    shares = {DEGRADED: asked.degraded, **asked.pseudo_fakes}
    counts = {kind: int(shares.get(kind, 0) + lot) for kind, lot in zip(kinds, lots, strict=False)}
    return [ORIGINAL] + [f"{kind}{i}" for kind, count in counts.items() for i in range(count)]


def _seed(key: str) -> list[int]:
    return list(hashlib.blake2b(key.encode(), digest_size=16).digest())


def kind_of(variant: str) -> str:
    """`degraded`, `blend`, ... of `degraded0`, `blend1`, ...; the original's is empty."""
    return variant.rstrip("0123456789")


def expand(
    rows: pd.DataFrame, faces: NDArray[np.float32], asked: params.Variants
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Rows with their variants under them, and the face rows, which a variant shares with its original.

    `variant` names it, `key` addresses it, `kind` is its target's name: real, labelled, blend, ...; `target` is 1
    for a pseudo-fake. The group is the original's, so a fold never parts them.
    """
    target = rows["target"].astype("float64").to_numpy()
    images = zip(rows["key"], target, rows["split"].to_numpy(str), strict=True)
    lists = [names_of(key, t, split, asked) for key, t, split in images]
    where = np.repeat(np.arange(len(rows)), [len(names) for names in lists])
    variant = np.array([name for names in lists for name in names], dtype=object)
    made = rows.iloc[where].reset_index(drop=True)
    kind = np.array([kind_of(name) for name in variant], dtype=object)
    forged = np.isin(kind.astype(str), pseudo_fakes.KINDS)
    own = made["target"].map({0: "real", 1: "labelled"}).fillna("unknown").to_numpy(object)
    made["variant"] = variant
    made["kind"] = np.where(forged, kind, own)
    made["key"] = [f"{k}-{v}" if v else k for k, v in zip(made["key"], variant, strict=True)]
    made["target"] = made["target"].where(~forged, 1)
    return made, faces[where]


def forge(
    kind: str, path: str, face: Face, rng: np.random.Generator, *, max_pixels: int
) -> NDArray[np.uint8]:
    """A pseudo-fake of the real face in a file, saved as that file was; uint8 (H, W, 3), RGB. Raises BadImage.

    Not saved so, its lack of compression would tell it from real faces.
    """
    data = read_bytes(path)
    pixels = decode(data, max_pixels=max_pixels, where=path).pixels
    return recompress_like(pseudo_fakes.make(kind, pixels, face, rng), data)


@dataclass(frozen=True)
class Item:
    """One row to compute. key : of the picture; store_key : of its row; face : float32 (17,)."""

    key: str
    store_key: str
    path: str
    variant: str
    face: NDArray[np.float32]

    def read(self, *, max_pixels: int) -> tuple[NDArray[np.uint8], Face]:
        """Pixels, uint8 (H, W, 3), RGB, and face of this variant. Raises BadImage.

        A variant is what `key` alone decides to draw. Copies and pseudo-fakes alike are resampled as a whole
        and degraded after that, so that the trees cannot tell a forgery by the files that it went through.
        """
        face, kind = to_face(self.face), kind_of(self.variant)
        if kind == ORIGINAL:
            return read_image(self.path, max_pixels=max_pixels).pixels, face
        rng = np.random.default_rng(_seed(self.key))
        if kind in pseudo_fakes.KINDS:
            pixels = forge(kind, self.path, face, rng, max_pixels=max_pixels)
        else:
            pixels = read_image(self.path, max_pixels=max_pixels).pixels
        if rng.random() < _RESAMPLED:
            pixels, matrix = resampled(pixels, rng)
            face = face.moved(matrix)
        return degrade(pixels, rng), face


def items_of(rows: pd.DataFrame, faces: NDArray[np.float32], *, keys: Sequence[str]) -> list[Item]:
    """Items of expanded rows; keys : of their rows in the store."""
    parts = zip(rows["key"], keys, rows["path"], rows["variant"], faces, strict=True)
    return [Item(*part) for part in parts]
