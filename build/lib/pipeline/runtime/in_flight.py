"""How many decoded pictures a process holds at a time: bounded by their pixels, not by their number alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from models.cpu_engine import give_back

Key = TypeVar("Key")
BYTES_IN_FLIGHT = (
    3 << 24
)  # 16 megapixels of RGB: 32 pictures of 700 px by side, or one photo of 48 megapixels

FEW = 8  # a batch that is full with so many times fewer pictures than it may have is one of large photos


def batches(
    pictures: Iterable[tuple[Key, Any]], *, images: int, limit: int = BYTES_IN_FLIGHT
) -> Iterator[list[tuple[Key, Any]]]:
    """Consecutive pictures, taken one by one until there are enough of them.

    A process holds `limit` bytes and one more picture at most, if whoever takes a batch lets go of it before the next.

    Parameters
    ----------
    pictures : iterable of (key, array)
        Made as they are asked for. What is no array counts nothing.
    images : int
        Of a batch at most.
    limit : int
        Bytes with which a batch is full.

    Yields
    ------
    list of (key, array)
        Not empty, in the order of `pictures`.
    """
    batch: list[tuple[Key, Any]] = []
    held = 0
    for key, picture in pictures:
        batch.append((key, picture))
        held += getattr(picture, "nbytes", 0)
        del picture  # or this name would hold it while the next is made
        if len(batch) == images or held >= limit:
            yield batch
            few, batch, held = len(batch) * FEW <= images, [], 0
            if few:
                give_back()  # or the holes that large photos leave would stay beside what the next one needs
    if batch:
        yield batch
