"""Further rows made of a training image: degraded copies, and pseudo-fakes of real faces beside their real partners.

They stand in the feature store beside the image's own row and only ever train the stacker: with degraded copies
it cannot learn a compression history, with pseudo-fakes it sees forgeries that the data set lacks. A pseudo-fake is
told from its real partner, which went the same way in all but the forgery.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from pipeline.samples.forging import Forger
from pipeline.storage.face_schema import to_face
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.images import decode, recompress_like
from pipeline.storage.picture_store import PictureStore
from pipeline.storage.row_key import RowKey

ORIGINAL = ""
PARTNER = "_real"  # ends the name of the real partner of a pseudo-fake
RESAMPLED_SHARE = 0.7  # of the copies, and of the pairs that are not left as they were saved
AS_SAVED_SHARE = 0.5  # of the pairs, and of the resampled copies: saved as the original was and not degraded


@dataclass(frozen=True)
class VariantPlan:
    """Which further rows each training image has.

    Parameters
    ----------
    wanted : params.Variants
        How many of each kind, of kinds that can be made.
    pictures : dict of str to PictureStore
        Of each kind that a generator draws: what it drew.
    left_out : dict of str to str
        Reason by kind, of those that were asked for and cannot be made.
    """

    wanted: Variants
    pictures: Mapping[str, PictureStore] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def fakes_of(self, key: RowKey, kind: str) -> list[str]:
        """Names of the pseudo-fakes of one kind that a real train image has."""
        return _numbered(key, kind, self.wanted.pseudo_fakes.get(kind, 0))

    def code_of(self, kind: str) -> str:
        """Fingerprint of what makes the picture of a kind of variant; empty for the image as it is."""
        return f"{_code_of(kind)}{self.pictures[kind].version if kind in self.pictures else ''}"


@dataclass(frozen=True)
class Item:
    """One row to compute.

    Parameters
    ----------
    key : RowKey
    file : HashedFile
        The image's.
    face : float32 array, shape (17,)
        Its row of the face table.
    pictures : PictureStore, optional
        Of the variant's kind, where a generator draws it.
    """

    key: RowKey
    file: HashedFile
    face: NDArray[np.float32]
    pictures: PictureStore | None = None

    @property
    def row(self) -> str:
        """Key of its row in the store."""
        return str(self.key)

    def read(self, *, max_pixels: int) -> tuple[NDArray[np.uint8], Face]:
        """Pixels and face of this variant.

        The key alone decides what is drawn. A pseudo-fake and its real partner go the same way: saved as the original
        was, and half of the pairs resampled as a whole and degraded after that. Copies are what honest people make of
        an image: resampled, degraded or both, and saved again.

        Returns
        -------
        uint8 array, shape (H, W, 3), RGB
        Face

        Raises
        ------
        BadImage
            ChangedFile where it is not the picture but its file.
        """
        face, kind = to_face(self.face), kind_of(self.key.variant)
        if kind == ORIGINAL:
            return self.file.decode(max_pixels=max_pixels), face
        drawn_as = fake_of(self.key)
        rng = np.random.default_rng(drawn_as.seed)
        if kind == DEGRADED:
            return self._copy(face, rng, max_pixels=max_pixels)
        forger = Forger(kind, max_pixels=max_pixels, pictures=self.pictures)
        forgery = forger.forge(self.file, face, rng, picture=drawn_as.picture_of(drawn_as.variant))
        pixels = forgery.fake if drawn_as == self.key else forgery.real
        if rng.random() < AS_SAVED_SHARE:
            return pixels, face
        if rng.random() < RESAMPLED_SHARE:
            pixels, matrix = resampled(pixels, rng)
            face = face.moved(matrix)
        return degrade(pixels, rng), face

    def _copy(
        self, face: Face, rng: np.random.Generator, *, max_pixels: int
    ) -> tuple[NDArray[np.uint8], Face]:
        """The image resampled, degraded or both, and saved again."""
        data = self.file.read()
        pixels = decode(data, max_pixels=max_pixels, where=self.file.path).pixels
        if rng.random() >= RESAMPLED_SHARE:
            return degrade(pixels, rng), face
        pixels, matrix = resampled(pixels, rng)
        is_saved_alike = rng.random() < AS_SAVED_SHARE
        pixels = recompress_like(pixels, data) if is_saved_alike else degrade(pixels, rng)
        return pixels, face.moved(matrix)


@lru_cache(maxsize=64)
def _code_of(kind: str) -> str:
    if kind == ORIGINAL:
        return ""
    made_by = (pseudo_fakes.code_of(kind),) if kind in pseudo_fakes.kinds() else ()
    return fingerprint(f"{__name__}:Item.read", *made_by)


def kind_of(variant: str) -> str:
    """`degraded`, `blend`, ... of `degraded0`, `blend1`, `blend1_real`, ...; the original's is empty."""
    return variant.removesuffix(PARTNER).rstrip("0123456789")


def fake_of(key: RowKey) -> RowKey:
    """Key of the pseudo-fake whose real partner this is; the key itself where it is none."""
    return RowKey(key.face, key.variant.removesuffix(PARTNER), key.code, key.out_of_fold)


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
        ORIGINAL, then names like `degraded0`, `blend0` and, right after it, `blend0_real`.
    """
    if split != "train":
        return [ORIGINAL]
    names = [ORIGINAL, *_numbered(key, DEGRADED, wanted.degraded)]
    for kind, count in (wanted.pseudo_fakes if target == 0 else {}).items():
        names += [part for name in _numbered(key, kind, count) for part in (name, name + PARTNER)]
    return names


def _numbered(key: RowKey, kind: str, count: float) -> list[str]:
    rng = np.random.default_rng([*key.seed, zlib.crc32(kind.encode())])
    return [f"{kind}{number}" for number in range(int(count + rng.random()))]


def expand(
    rows: pd.DataFrame, faces: NDArray[np.float32], plan: VariantPlan
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Rows with their variants under them, and the face rows, which a variant shares with its original.

    Parameters
    ----------
    rows : DataFrame
        With the columns `key`, `target`, `split`, one row an image.
    faces : float32 array, shape (n, 17)
    plan : VariantPlan

    Returns
    -------
    DataFrame
        `variant` names a row, `key` addresses it, `kind` is what it is: real, labelled, blend, ... or unknown;
        `partner_of` is the kind of fake that a real partner stands beside, else empty; `target` is 1 for a
        pseudo-fake. The group is the original's, so a fold never parts them.
    float32 array, shape (m, 17)
    """
    targets = rows["target"].astype("float64").to_numpy()
    keys = [RowKey.parse(key) for key in rows["key"]]
    lists = [
        variants_of(key, target, split, plan.wanted)
        for key, target, split in zip(keys, targets, rows["split"].to_numpy(str), strict=True)
    ]
    origin = np.repeat(np.arange(len(rows)), [len(names) for names in lists])
    expanded = rows.iloc[origin].reset_index(drop=True)
    variant = [name for names in lists for name in names]
    kind = pd.Series([kind_of(name) for name in variant], dtype=object)
    is_partner = pd.Series([name.endswith(PARTNER) for name in variant])
    forged = ~kind.isin((ORIGINAL, DEGRADED)) & ~is_partner
    by_label = expanded["target"].map({0: REAL, 1: LABELLED}).fillna("unknown").astype(object)
    expanded["variant"] = pd.Series(variant, dtype=object)
    expanded["kind"] = kind.where(forged, by_label)
    expanded["partner_of"] = kind.where(is_partner, "")
    codes = {name: plan.code_of(name) for name in kind.unique()}
    expanded["key"] = [
        str(RowKey(keys[at].face, name, codes[kind_of(name)]))
        for at, name in zip(origin, variant, strict=True)
    ]
    expanded["target"] = expanded["target"].where(~forged, 1)
    return expanded, faces[origin]


def items_of(
    rows: pd.DataFrame,
    faces: NDArray[np.float32],
    plan: VariantPlan,
    *,
    keys: Sequence[RowKey] | None = None,
) -> list[Item]:
    """Items of expanded rows.

    Parameters
    ----------
    rows : DataFrame
        With `key`, `path` and `sha256`.
    faces : float32 array, shape (n, 17)
    plan : VariantPlan
        As for `expand`.
    keys : sequence of RowKey
        Keys of their rows, where these are not `rows.key`.
    """
    row_keys = [RowKey.parse(key) for key in rows["key"]] if keys is None else keys
    return [
        Item(key, file, face, plan.pictures.get(kind_of(key.variant)))
        for key, file, face in zip(row_keys, HashedFile.of(rows), faces, strict=True)
    ]
