"""Files as stage manifest saw them: the bytes that are decoded are the bytes that were hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.storage.images import BadImage, decode, read_bytes


class ChangedFile(BadImage):
    """A file that does not give the bytes that the manifest saw: gone, not readable, or other ones.

    It says nothing about the picture, so nothing is stored for it: its row is asked for again in the next run.

    Parameters
    ----------
    status : str
        missing_file, unreadable or changed_file.
    detail : str
        The reason in words.
    path : str
        Of the file.
    """

    def __init__(self, status: str, detail: str, path: str) -> None:
        super().__init__(status, detail)
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.detail, self.path)


@dataclass(frozen=True)
class HashedFile:
    """An image's file.

    Parameters
    ----------
    path : str
    sha256 : str
        Of the bytes that it had in stage manifest, in hex.
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, rows: pd.DataFrame) -> list[HashedFile]:
        """The files of rows of the manifest, with `path` and `sha256`."""
        return [cls(path, sha256) for path, sha256 in zip(rows["path"], rows["sha256"], strict=True)]

    def read(self) -> bytes:
        """The bytes that were hashed.

        Hashed again, at 1 to 3 ms per MB: a file can be replaced without a change of its size and its time.

        Raises
        ------
        ChangedFile
            With the status missing_file, unreadable or changed_file.
        """
        try:
            data = read_bytes(self.path)
        except BadImage as gone:
            raise ChangedFile(gone.status, gone.detail, self.path) from None
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ChangedFile(
                "changed_file",
                f"{self.path} has other bytes than in stage manifest; run `dvc repro` again, which looks at it anew",
                self.path,
            )
        return data

    def decode(self, *, max_pixels: int) -> NDArray[np.uint8]:
        """Pixels, uint8 (H, W, 3), RGB, of the bytes that were hashed.

        Raises
        ------
        ChangedFile
            As of `read`.
        BadImage
            As of `pipeline.storage.images.decode`: the bytes are right and give no picture.
        """
        return decode(self.read(), max_pixels=max_pixels, where=self.path).pixels
