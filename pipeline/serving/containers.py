"""Pictures inside tar and Parquet files, as they are kept where many small files are too slow.

A tar file holds pictures as members (the WebDataset layout; its other members are left out). A Parquet file holds them in a
column of bytes, or of records with a field `bytes` (the layout of Hugging Face data sets). Neither is unpacked: a picture is
read when it is scored.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.dataset.lists import LabelError
from pipeline.storage.images import SUFFIXES, BadImage

CONTAINERS = frozenset({".tar", ".parquet"})


@dataclass(frozen=True)
class Packed:
    """A picture inside a container.

    Attributes
    ----------
    container : str
        Path of the file, absolute.
    place : tuple of int
        Of a tar member the first byte; of a Parquet row its group, and its place in that.
    size : int
        Bytes; of a Parquet row about as many.
    column : str
        Of a Parquet file; empty for tar.
    """

    container: str
    place: tuple[int, ...]
    size: int
    column: str = ""

    def read(self) -> bytes:
        """The bytes of the picture. Raises BadImage where they are not there any more."""
        try:
            return self._from_parquet() if self.column else self._from_tar()
        except FileNotFoundError:
            raise BadImage("missing_file", f"{self.container} is not there") from None
        except (OSError, IndexError) as error:
            raise BadImage("unreadable", f"{self.container} cannot be read: {_line(error)}") from None

    def _from_tar(self) -> bytes:
        with open(self.container, "rb") as file:
            file.seek(self.place[0])
            return file.read(self.size)

    def _from_parquet(self) -> bytes:
        from pipeline.serving import parquet_pictures

        return parquet_pictures.read(self.container, self.place, self.column)


def is_container(path: Path) -> bool:
    """Whether a file is taken as a container, by its ending."""
    return path.suffix.lower() in CONTAINERS


def pictures_in(path: Path) -> list[tuple[str, Packed]]:
    """Names and places of the pictures in a container, in their order.

    Raises
    ------
    LabelError
        Where it cannot be read, is compressed, or holds no picture.
    """
    try:
        found = _in_tar(path) if path.suffix.lower() == ".tar" else _in_parquet(path)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise LabelError(
            f"{path} cannot be read: {_line(error)}; name an uncompressed tar file, or a Parquet file with pictures"
        ) from None
    if not found:
        raise LabelError(
            f"{path} holds no picture; members of these endings are read: {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _in_tar(path: Path) -> list[tuple[str, Packed]]:
    container = os.path.abspath(path)
    with tarfile.open(path, "r:") as archive:
        return [
            (member.name, Packed(container, (member.offset_data,), member.size))
            for member in archive
            if member.isreg() and member.sparse is None and Path(member.name).suffix.lower() in SUFFIXES
        ]


def _in_parquet(path: Path) -> list[tuple[str, Packed]]:
    from pipeline.serving import parquet_pictures

    container = os.path.abspath(path)
    return [
        (name, Packed(container, place, size, column))
        for name, place, size, column in parquet_pictures.places(path)
    ]


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
