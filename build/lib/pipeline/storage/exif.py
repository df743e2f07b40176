"""Which way up a picture is shown: the orientation of its EXIF, read once for size, remark and pixels."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

ORIENTATION = 0x0112
ROTATED = "rotated by EXIF"
UNREADABLE = "EXIF cannot be read"
NO_ORIENTATION = "EXIF orientation is no whole number from 1 to 8, not rotated"
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
# "TIFF readers should accept BYTE, SHORT, or LONG values for any unsigned integer field" (TIFF 6.0, section 2)
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I"}


def read_orientation(payload: bytes) -> tuple[int, tuple[str, ...]]:
    """Orientation of IFD0 of an EXIF payload.

    Parameters
    ----------
    payload : bytes
        A TIFF structure, with or without the prefix `Exif`, a zero and a padding byte.

    Returns
    -------
    int
        1 to 8; 1 where it is absent or malformed.
    tuple of str
        What there is to say of it, in words.

    References
    ----------
    CIPA DC-008 (EXIF 2.32), 4.6.4; TIFF 6.0, section 2.
    """
    tiff = payload[6:] if payload[:5] == b"Exif\0" else payload
    order = _BYTE_ORDERS.get(tiff[:2])
    if order is None:
        return 1, (UNREADABLE,)
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(f"{order}HHI", tiff, entry)
            if tag == ORIENTATION:
                return checked(_first_value(tiff, order, kind, values, entry + 8))
    except struct.error:
        return 1, (UNREADABLE,)
    return 1, ()


def _first_value(tiff: bytes, order: str, kind: int, count: int, at: int) -> int | None:
    """First number of an entry, which stands at `at`, or where `at` points to if all of them need over 4 bytes."""
    form = _WHOLE_NUMBERS.get(kind)
    if form is None or count == 0:
        return None
    if struct.calcsize(form) * count > 4:
        (at,) = struct.unpack_from(f"{order}I", tiff, at)
    return int(struct.unpack_from(order + form, tiff, at)[0])


def checked(value: object) -> tuple[int, tuple[str, ...]]:
    """A stated orientation and its remark, as of `read_orientation`."""
    if value in range(1, 9):
        return int(str(value)), (ROTATED,) if value != 1 else ()
    return 1, (NO_ORIENTATION,)


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height after `turn`."""
    return (height, width) if orientation >= 5 else (width, height)


def turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Stored pixels, shape (H, W) or (H, W, 3), as they are to be shown."""
    if orientation == 2:
        return np.asarray(cv2.flip(pixels, 1), np.uint8)
    if orientation == 3:
        return np.asarray(cv2.flip(pixels, -1), np.uint8)
    if orientation == 4:
        return np.asarray(cv2.flip(pixels, 0), np.uint8)
    if orientation == 5:
        return np.asarray(cv2.transpose(pixels), np.uint8)
    if orientation == 6:
        return np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), np.uint8)
    if orientation == 7:
        return np.asarray(cv2.flip(cv2.transpose(pixels), -1), np.uint8)
    if orientation == 8:
        return np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8)
    return pixels
