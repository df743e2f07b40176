"""Netpbm's files: bitmaps, gray and colour pictures with any maximum, and float pictures."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.storage.image_headers import BadImage, Header, cut_off, undecodable

MAGIC = re.compile(rb"P([1-6fF])[\s#]")
_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*+([^\s#]+)")
_CHANNELS = {"1": 1, "2": 1, "3": 3, "4": 1, "5": 1, "6": 3, "f": 1, "F": 3}
_BITMAPS, _FLOATS = "14", "fF"


def inspect(data: bytes, *, where: str) -> Header:
    """Header of a Netpbm file; BadImage (truncated, unreadable) without one.

    References
    ----------
    https://netpbm.sourceforge.net/doc/ (pbm, pgm, ppm, pfm)
    """
    sort, width, height, maximum, _ = _head(data, where=where)
    notes = []
    if sort in _FLOATS:
        notes.append("stretched to 8 bit")
    elif maximum > 255:
        notes.append("16-bit reduced to 8")
    if _CHANNELS[sort] == 1 and sort not in _FLOATS:
        notes.append("converted from gray")
    return Header("ppm", width, height, notes=tuple(notes))


def _head(data: bytes, *, where: str) -> tuple[str, int, int, float, int]:
    """Sort, width, height, maximum (a float picture's scale) and where the pixels begin."""
    sort, position, tokens = data[1:2].decode(), 2, []
    for _ in range(2 if sort in _BITMAPS else 3):
        found = _TOKEN.match(data, position)
        if found is None:
            raise cut_off(where, "it ends inside its header")
        tokens.append(found[1])
        position = found.end()
    try:
        width, height = int(tokens[0][:20]), int(tokens[1][:20])
        maximum = 1.0 if sort in _BITMAPS else float(tokens[2][:20])
    except ValueError:
        raise BadImage(
            "unreadable", f"{where} has a damaged header: no numbers where its size stands"
        ) from None
    fits = 0 < abs(maximum) < np.inf if sort in _FLOATS else 0 < maximum < 65536 and maximum == int(maximum)
    if width < 1 or height < 1 or not fits:
        raise BadImage(
            "unreadable", f"{where} states the size {width} x {height} and the maximum {maximum:g}"
        )
    return sort, width, height, maximum, position + 1


def read(data: bytes, *, where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Pixels of a Netpbm file.

    Parameters
    ----------
    data : bytes of a whole file
    where : str, name for messages

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
        Values as a share of the file's maximum; float pictures from their least to their greatest value.
    tuple of str
        What was wrong with it.

    Raises
    ------
    BadImage
        With the status truncated or unreadable.
    """
    sort, width, height, maximum, start = _head(data, where=where)
    shape = (height, width, _CHANNELS[sort])
    if sort in _FLOATS:
        order = "<f4" if maximum < 0 else ">f4"
        try:
            values = stretch(_binary(data, np.dtype(order), start, math.prod(shape), where=where))
        except ValueError as error:
            raise undecodable(where, error) from None
        return _three_channels(values.reshape(shape)[::-1]), ()  # they begin at the bottom
    if sort in _BITMAPS:
        return _three_channels(_bits(data[start:], sort, shape, where=where) * np.uint8(255)), ()
    top = int(maximum)
    if sort in "56":
        kind = np.dtype("u1" if top < 256 else ">u2")
        numbers = _binary(data, kind, start, math.prod(shape), where=where)
    else:
        numbers = _plain(data[start:], math.prod(shape), where=where)
    notes = ("values above the stated maximum",) if numbers.max() > top else ()
    if top != 255:
        numbers = (np.minimum(numbers, top).astype(np.uint32) * 255 + top // 2) // top
    return _three_channels(numbers.astype(np.uint8).reshape(shape)), notes


def _three_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _bits(body: bytes, sort: str, shape: tuple[int, int, int], *, where: str) -> NDArray[np.uint8]:
    """Pixels of a bitmap, 1 for white; digits need no space between them."""
    height, width, _ = shape
    if sort == "4":
        packed = _binary(body, np.dtype("u1"), 0, -(-width // 8) * height, where=where)
        return 1 - np.unpackbits(packed.reshape(height, -1), axis=1)[:, :width].reshape(shape)
    digits = np.frombuffer(_without_comments(body), np.uint8)
    digits = digits[(digits == ord("0")) | (digits == ord("1"))]
    return (_enough(digits, height * width, where=where) == ord("0")).astype(np.uint8).reshape(shape)


def _binary(data: bytes, kind: np.dtype[Any], start: int, count: int, *, where: str) -> NDArray[Any]:
    needed, there = count * kind.itemsize, max(len(data) - start, 0)
    if there < needed:
        raise cut_off(where, f"{there:,} bytes of pixels of the {needed:,} that its header states")
    return np.frombuffer(data, kind, count, start)


def _plain(body: bytes, count: int, *, where: str) -> NDArray[Any]:
    """Numbers written in digits."""
    text = _without_comments(body)
    if re.search(rb"[^0-9\s]", text):
        raise BadImage("unreadable", f"{where} cannot be decoded: its pixels are no numbers")
    numbers = np.fromstring(text.decode("ascii"), np.float32, sep=" ")
    return _enough(np.clip(numbers, 0, 65535).astype(np.uint16), count, where=where)


def _without_comments(body: bytes) -> bytes:
    return re.sub(rb"#[^\n\r]*", b"", body) if b"#" in body else body


def _enough(values: NDArray[Any], count: int, *, where: str) -> NDArray[Any]:
    if len(values) < count:
        raise cut_off(where, f"{len(values):,} values of the {count:,} that its header states")
    return values[:count]


def stretch(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Numbers of no known range, from the least at 0 to the greatest at 255; ValueError where one is not finite."""
    with np.errstate(invalid="ignore"):  # signalling NaN
        values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    low, high = float(values.min()), float(values.max())
    return np.rint((values - low) * (255.0 / (high - low) if high > low else 0.0)).astype(np.uint8)
