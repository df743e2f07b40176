"""Pictures inside tar and Parquet files, as they are kept where many small files are too slow.

A tar file holds pictures as members (the WebDataset layout; its other members are left out). A Parquet file holds them in a
column of bytes, or of records with a field `bytes` (the layout of Hugging Face data sets). Neither is unpacked: a picture is
read when it is scored.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.lists import LabelError
from pipeline.storage.images import SUFFIXES, BadImage

CONTAINERS = frozenset({".tar", ".parquet"})
_PICTURES = ("image", "img", "jpg", "jpeg", "png", "webp", "bytes")  # columns, the first that is there
_NAMES = ("img_name", "name", "file_name", "__key__", "path")


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
        except (OSError, pa.ArrowException, IndexError) as error:
            raise BadImage("unreadable", f"{self.container} cannot be read: {_line(error)}") from None

    def _from_tar(self) -> bytes:
        with open(self.container, "rb") as file:
            file.seek(self.place[0])
            return file.read(self.size)

    def _from_parquet(self) -> bytes:
        group, row = self.place
        facts = os.stat(self.container)
        value = _group(self.container, group, self.column, facts.st_mtime_ns)[row].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        return data if isinstance(data, bytes) else b""


@lru_cache(maxsize=1)  # rows are read in their order, and a group may be large
def _group(container: str, group: int, column: str, _: int) -> pa.ChunkedArray:
    return pq.ParquetFile(container).read_row_group(group, columns=[column]).column(column)


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
    except (tarfile.TarError, pa.ArrowException, OSError, EOFError) as error:
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
    container = os.path.abspath(path)
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        column = _column(path, schema)
        names = _names(file, schema, path=path)
        found: list[tuple[str, Packed]] = []
        for group in range(file.num_row_groups):
            facts = file.metadata.row_group(group)
            size = facts.total_byte_size // max(facts.num_rows, 1)
            places = [Packed(container, (group, row), size, column) for row in range(facts.num_rows)]
            found += zip(names[len(found) :], places)
    return found


def _column(path: Path, schema: pa.Schema) -> str:
    for name in _PICTURES:
        if name in schema.names:
            kind: Any = schema.field(name).type
            inner = (
                kind.field("bytes").type
                if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
                else kind
            )
            if pa.types.is_binary(inner) or pa.types.is_large_binary(inner):
                return name
    raise LabelError(
        f"{path} has the columns {', '.join(schema.names)[:200]}; one of {', '.join(_PICTURES)} has to hold the bytes of "
        "pictures, or records with a field bytes"
    )


def _names(file: pq.ParquetFile, schema: pa.Schema, *, path: Path) -> list[str]:
    for name in _NAMES:
        if name in schema.names and pa.types.is_string(schema.field(name).type):
            column = file.read(columns=[name]).column(name).to_pylist()
            return [text or f"{path.name}#{row}" for row, text in enumerate(column, start=1)]
    return [f"{path.name}#{row}" for row in range(1, file.metadata.num_rows + 1)]


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
