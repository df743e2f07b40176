"""Netpbm's files: bitmaps, gray and colour pictures with any maximum, and float pictures."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from pipeline.storage.image_headers import BadImage, Header, cut_off, undecodable

MAGIC = re.compile(rb"P([1-6fF])[\s#]")
_TOKEN = re.compile(rb"(?:\s+|#[^\n\r]*[\n\r])*([^\s#]+)")
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
    channels, notes = _CHANNELS[sort], ()
    count = width * height * channels
    if sort == "4":
        rows = _binary(data, np.uint8, start, -(-width // 8) * height, where=where).reshape(height, -1)
        values = np.unpackbits(rows, axis=1)[:, :width] ^ 1
    elif sort in _FLOATS:
        kind = np.dtype("<f4" if maximum < 0 else ">f4")
        numbers = _binary(data, kind, start, count, where=where)
        try:
            values = stretch(numbers)
        except ValueError as error:
            raise undecodable(where, error) from None
    else:
        if sort in "56":
            kind = np.dtype(np.uint8 if maximum < 256 else ">u2")
            values = _binary(data, kind, start, count, where=where)
        else:
            values = _plain(data[start:], count, is_bitmap=sort == "1", where=where)
        notes = ("values above the stated maximum",) if values.max() > maximum else ()
        values = values ^ 1 if sort == "1" else np.minimum(values, int(maximum))
    if sort not in _FLOATS and maximum != 255:
        top = int(maximum)
        values = (values.astype(np.uint32) * 255 + top // 2) // top
    pixels = values.astype(np.uint8).reshape(height, width, channels)
    pixels = pixels[::-1] if sort in _FLOATS else pixels  # float pictures begin at the bottom
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3))), notes


def _binary(data: bytes, kind: np.dtype | type, start: int, count: int, *, where: str) -> NDArray:
    needed = count * np.dtype(kind).itemsize
    if len(data) - start < needed:
        raise cut_off(
            where, f"{max(len(data) - start, 0):,} bytes of pixels of the {needed:,} that its header states"
        )
    return np.frombuffer(data, kind, count, start)


def _plain(text: bytes, count: int, *, is_bitmap: bool, where: str) -> NDArray[np.uint16]:
    """Numbers written in digits; those of a bitmap need no space between them."""
    text = re.sub(rb"#[^\n\r]*", b"", text) if b"#" in text else text
    if is_bitmap:
        digits = np.frombuffer(text, np.uint8)
        values = (digits[(digits == 48) | (digits == 49)] - 48).astype(np.uint16)
    else:
        if re.search(rb"[^0-9\s]", text):
            raise BadImage("unreadable", f"{where} cannot be decoded: its pixels are no numbers")
        found = np.fromstring(text.decode("ascii"), np.float32, sep=" ")
        values = np.clip(found, 0, 65535).astype(np.uint16)
    if len(values) < count:
        raise cut_off(where, f"{len(values):,} values of the {count:,} that its header states")
    return values[:count]


def stretch(values: NDArray) -> NDArray[np.uint8]:
    """Numbers of no known range, from the least at 0 to the greatest at 255; ValueError where one is not finite."""
    with np.errstate(invalid="ignore"):  # signalling NaN
        values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    low, high = float(values.min()), float(values.max())
    return np.rint((values - low) * (255.0 / (high - low) if high > low else 0.0)).astype(np.uint8)
