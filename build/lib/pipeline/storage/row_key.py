"""The key of a row of features: which picture, which variant of it, and in which role."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_ROLE = "train"
_IMAGE_DIGITS = 16  # hex digits of a key that name the file; as many more name the face in it


@dataclass(frozen=True, order=True)
class RowKey:
    """One row of a block. As text: `face[-variant-code][-train]`.

    Parameters
    ----------
    face : str
        Address of what is cut from one face of one file, beginning with the file: see `of_face`.
    variant : str
        `degraded0`, `blend1`, ...; empty for the image as it is.
    code : str
        Fingerprint of the code that makes the variant's picture; empty for the image as it is. So a changed
        degradation or pseudo-fake makes rows of its own and leaves all others.
    out_of_fold : bool
        Whether the numbers are of a net that never saw the image: those of a training image are, and another
        role of the same image has other numbers.
    """

    face: str
    variant: str = ""
    code: str = ""
    out_of_fold: bool = False

    def __post_init__(self) -> None:
        parts = (self.face, *((self.variant, self.code) if self.variant or self.code else ()))
        if not all(part and "-" not in part for part in parts) or self.variant == _ROLE:
            raise ValueError(
                f"row key {self}: parts are not empty, hold no '-' and no variant is named '{_ROLE}'"
            )

    @classmethod
    def of_face(cls, sha256: str, face: NDArray[np.float32]) -> RowKey:
        """Key of a face, from the hash of its file's bytes and its row of the face table, float32 (17,)."""
        place = hashlib.blake2b(sha256.encode() + face.tobytes(), digest_size=_IMAGE_DIGITS // 2).hexdigest()
        return cls(sha256[:_IMAGE_DIGITS] + place)

    @classmethod
    def parse(cls, text: str) -> RowKey:
        """The key that `str` wrote. ValueError for any other text."""
        parts = text.split("-")
        out_of_fold = len(parts) > 1 and parts[-1] == _ROLE
        face, *variant = parts[:-1] if out_of_fold else parts
        if len(variant) not in (0, 2):
            raise ValueError(f"'{text}' is no row key; one looks like face[-variant-code][-{_ROLE}]")
        name, code = variant or ("", "")
        return cls(face, name, code, out_of_fold)

    def __str__(self) -> str:
        parts = [
            self.face,
            *((self.variant, self.code) if self.variant else ()),
            *([_ROLE] * self.out_of_fold),
        ]
        return "-".join(parts)

    @property
    def seed(self) -> list[int]:
        """Seed of everything that is drawn for this picture, from its file and the variant's name.

        The code, the role and the face have no say in it: a face that another device finds a hair's breadth away
        must not mean other drawings.
        """
        return seed_of(self.picture_of(self.variant))

    def picture_of(self, variant: str) -> str:
        """Address of a variant of the same file that is drawn without a look at the face: file and variant alone."""
        return f"{self.face[:_IMAGE_DIGITS]}-{variant}"

    def unseen(self) -> RowKey:
        """The same row in the role of a training image."""
        return replace(self, out_of_fold=True)


def seed_of(text: str) -> list[int]:
    """Seed of a random generator from a text."""
    return list(hashlib.blake2b(text.encode(), digest_size=16).digest())
