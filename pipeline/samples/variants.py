"""Further rows made of a training image: degraded copies, and pseudo-fakes of real faces.

They stand in the feature store beside the image's own row and only ever train the stacker: with degraded copies
it cannot learn a compression history, with pseudo-fakes it sees forgeries that the data set lacks.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.views import Face
from models.fingerprint import fingerprint
from models.kinds import DEGRADED, LABELLED, REAL
from models.synthesis import pseudo_fakes
from models.synthesis.degradations import degrade, resampled
from pipeline.runtime.params import Variants
from pipeline.storage.face_schema import to_face
from pipeline.storage.images import decode, read_bytes, read_image, recompress_like
from pipeline.storage.row_key import RowKey

ORIGINAL = ""
RESAMPLED_SHARE = 0.7  # of the variants


@dataclass(frozen=True)
class Item:
    """One row to compute.

    Parameters
    ----------
    key : RowKey
    path : str
        Of the image's file.
    face : float32 array, shape (17,)
        Its row of the face table.
    """

    key: RowKey
    path: str
    face: NDArray[np.float32]

    @property
    def row(self) -> str:
        """Key of its row in the store."""
        return str(self.key)

    def read(self, *, max_pixels: int) -> tuple[NDArray[np.uint8], Face]:
        """Pixels and face of this variant.

        The key alone decides what is drawn. Copies and pseudo-fakes alike are resampled as a whole and degraded
        after that, so that the trees cannot tell a forgery by the files that it went through.

        Returns
        -------
        uint8 array, shape (H, W, 3), RGB
        Face

        Raises
        ------
        BadImage
        """
        face, kind = to_face(self.face), kind_of(self.key.variant)
        if kind == ORIGINAL:
            return read_image(self.path, max_pixels=max_pixels).pixels, face
        rng = np.random.default_rng(self.key.seed)
        if kind == DEGRADED:
            pixels = read_image(self.path, max_pixels=max_pixels).pixels
        else:
            pixels = forge(kind, self.path, face, rng, max_pixels=max_pixels)
        if rng.random() < RESAMPLED_SHARE:
            pixels, matrix = resampled(pixels, rng)
            face = face.moved(matrix)
        return degrade(pixels, rng), face


def forge(
    kind: str, path: str, face: Face, rng: np.random.Generator, *, max_pixels: int
) -> NDArray[np.uint8]:
    """A pseudo-fake of the real face in a file, saved as that file was.

    Not saved so, its lack of compression would tell it from real faces.

    Parameters
    ----------
    kind : str
        One of `models.synthesis.pseudo_fakes.kinds`.
    path : str
    face : Face
    rng : numpy.random.Generator
    max_pixels : int
        A larger image is refused.

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB

    Raises
    ------
    BadImage
    """
    data = read_bytes(path)
    pixels = decode(data, max_pixels=max_pixels, where=path).pixels
    return recompress_like(pseudo_fakes.make(kind, pixels, face, rng), data)


@lru_cache(maxsize=64)
def code_of(kind: str) -> str:
    """Fingerprint of the code that makes the picture of a kind of variant; empty for the image as it is."""
    if kind == ORIGINAL:
        return ""
    made_by = () if kind == DEGRADED else (pseudo_fakes.code_of(kind),)
    return fingerprint(f"{__name__}:Item.read", *made_by)


def kind_of(variant: str) -> str:
    """`degraded`, `blend`, ... of `degraded0`, `blend1`, ...; the original's is empty."""
    return variant.rstrip("0123456789")


def variants_of(key: RowKey, target: float, split: str, wanted: Variants) -> list[str]:
    """Variants of one image, itself first: degraded copies of train images, pseudo-fakes of real ones.

    The fraction of a number is drawn by the image's own key and the kind, so no other image or kind has a
    say in it.

    Parameters
    ----------
    key : RowKey
        Of the image as it is.
    target : float
        0 real, 1 fake, NaN unknown.
    split : str
        Images of another split than train have no variants.
    wanted : Variants
        How many of each kind.

    Returns
    -------
    list of str
        ORIGINAL, then names like `degraded0` and `blend1`.
    """
    if split != "train":
        return [ORIGINAL]
    counts = {DEGRADED: wanted.degraded, **(wanted.pseudo_fakes if target == 0 else {})}
    names = [ORIGINAL]
    for kind, count in counts.items():
        rng = np.random.default_rng([*key.seed, zlib.crc32(kind.encode())])
        names += [f"{kind}{number}" for number in range(int(count + rng.random()))]
    return names


def expand(
    rows: pd.DataFrame, faces: NDArray[np.float32], wanted: Variants
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Rows with their variants under them, and the face rows, which a variant shares with its original.

    Parameters
    ----------
    rows : DataFrame
        With the columns `key`, `target`, `split`, one row an image.
    faces : float32 array, shape (n, 17)
    wanted : Variants
        How many of each kind.

    Returns
    -------
    DataFrame
        `variant` names a row, `key` addresses it, `kind` is what it is: real, labelled, blend, ... or unknown;
        `target` is 1 for a pseudo-fake. The group is the original's, so a fold never parts them.
    float32 array, shape (m, 17)
    """
    targets = rows["target"].astype("float64").to_numpy()
    keys = [RowKey.parse(key) for key in rows["key"]]
    lists = [
        variants_of(key, target, split, wanted)
        for key, target, split in zip(keys, targets, rows["split"].to_numpy(str), strict=True)
    ]
    origin = np.repeat(np.arange(len(rows)), [len(names) for names in lists])
    expanded = rows.iloc[origin].reset_index(drop=True)
    variant = [name for names in lists for name in names]
    kind = pd.Series([kind_of(name) for name in variant], dtype=object)
    forged = ~kind.isin((ORIGINAL, DEGRADED))
    by_label = expanded["target"].map({0: REAL, 1: LABELLED}).fillna("unknown").astype(object)
    expanded["variant"] = pd.Series(variant, dtype=object)
    expanded["kind"] = kind.where(forged, by_label)
    expanded["key"] = [
        str(RowKey(keys[at].face, name, code_of(kind_of(name))))
        for at, name in zip(origin, variant, strict=True)
    ]
    expanded["target"] = expanded["target"].where(~forged, 1)
    return expanded, faces[origin]


def items_of(
    rows: pd.DataFrame, faces: NDArray[np.float32], *, keys: Sequence[RowKey] | None = None
) -> list[Item]:
    """Items of expanded rows.

    Parameters
    ----------
    rows : DataFrame
        With `key` and `path`.
    faces : float32 array, shape (n, 17)
    keys : sequence of RowKey
        Keys of their rows, where these are not `rows.key`.
    """
    row_keys = [RowKey.parse(key) for key in rows["key"]] if keys is None else keys
    return [Item(*parts) for parts in zip(row_keys, rows["path"], faces, strict=True)]
