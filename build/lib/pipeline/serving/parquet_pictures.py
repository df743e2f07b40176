"""Pictures in the rows of a Parquet file: where they are, and the bytes of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.lists import LabelError

_PICTURES = ("image", "img", "jpg", "jpeg", "png", "webp", "bytes")  # columns, the first that is there
_NAMES = ("img_name", "name", "file_name", "__key__", "path")

Place = tuple[int, ...]


@contextmanager
def _as_os_error() -> Iterator[None]:
    """What pyarrow says of a file that it cannot read, as the system says it of others."""
    try:
        yield
    except pa.ArrowException as error:
        raise OSError(str(error)) from None


def places(path: Path) -> list[tuple[str, Place, int, str]]:
    """Where the pictures of a file are, in their order.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of (name, place, size, column)
        Place: its group, and its row in that; size: about as many bytes.

    Raises
    ------
    LabelError
        Where no column holds pictures.
    OSError
        Where it cannot be read.
    """
    with _as_os_error(), pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        column = _column(path, schema)
        names = _names(file, schema, path=path)
        found: list[tuple[str, Place, int, str]] = []
        for group in range(file.num_row_groups):
            facts = file.metadata.row_group(group)
            size = facts.total_byte_size // max(facts.num_rows, 1)
            first = len(found)
            found += [(names[first + row], (group, row), size, column) for row in range(facts.num_rows)]
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


def read(container: str, place: Place, column: str) -> bytes:
    """The bytes of one picture.

    Parameters
    ----------
    container : str
        Path of the file.
    place : tuple of int
    column : str

    Returns
    -------
    bytes
        Empty where the row holds none.

    Raises
    ------
    OSError, IndexError
        Where it is not there any more.
    """
    group, row = place
    with _as_os_error():
        value = _group(container, group, column, os.stat(container).st_mtime_ns)[row].as_py()
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) else b""


@lru_cache(maxsize=1)  # rows are read in their order, and a group may be large
def _group(container: str, group: int, column: str, _: int) -> pa.ChunkedArray:
    return pq.ParquetFile(container).read_row_group(group, columns=[column]).column(column)
