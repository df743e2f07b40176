"""JPEG files: their header, their pixels with what libjpeg has to say of them, and how they were coded."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from pipeline.storage.exif import read_orientation, turn, upright_size
from pipeline.storage.image_headers import BadImage, Header, cut_off, undecodable

MAX_SCANS = 100  # encoders write about ten; each costs a pass over all pixels, however few bytes it has
MAX_SEGMENTS = 10_000
NO_END = "a JPEG without its end marker"
_END = b"\xff\xd9"
_FRAMES = {f"{marker:02X}" for marker in range(0xC0, 0xD0)} - {"C4", "C8", "CC"}
_PICTURE = {
    *_FRAMES,
    "C4",
    "DA",
    "DB",
    "DD",
    "E0",
    "EE",
}  # Huffman and quantisation tables, restarts, colour space
PROGRESSIVE = {"C2", "C6", "CA", "CE"}


@dataclass(frozen=True)
class JpegCoding:
    """How a JPEG was coded.

    Parameters
    ----------
    tables : tuple of lists of int
        Quantisation table of each component, 64 numbers, row by row.
    n_tables : int
        How many tables the file holds.
    sampling : tuple of (int, int)
        Horizontal and vertical sampling factor of each component.
    subsampling : int
        Pillow's number of it; -1 where it has none.
    """

    tables: tuple[list[int], ...]
    n_tables: int
    sampling: tuple[tuple[int, int], ...]
    subsampling: int


def inspect(data: bytes, *, where: str) -> Header:
    """Header of a JPEG; BadImage (truncated, unreadable) without one."""
    segments: list[tuple[str, int, int]] = []
    exif: bytes | None = None
    width = height = channels = 0
    notes: tuple[str, ...] = ()
    profile = False
    name, end, count = "", 2, 0
    while name != "DA":
        name, start, end = _segment(data, end, where=where)
        count += 1
        if count > MAX_SEGMENTS:
            raise BadImage("unreadable", f"{where} is a JPEG of over {MAX_SEGMENTS:,} header segments")
        if name in _FRAMES and end - start >= 6:
            height, width, channels = struct.unpack_from(">HHB", data, start + 1)
        if name in _PICTURE:
            segments.append((name, start, end))
        elif name == "E1" and data[start : start + 5] == b"Exif\0":
            if exif is None:
                exif = data[start:end]
            elif data[start:end] != exif:
                notes = ("several EXIF segments, the first is read",)
        elif name == "E2" and data[start : start + 12] == b"ICC_PROFILE\0":
            profile = True
    if width == 0 or height == 0:
        raise BadImage("unreadable", f"{where} is a JPEG that states no size")
    stop = data.find(_END, end)
    _refuse_many_scans(data, segments, end, stop, where=where)
    if stop < 0:
        notes = (NO_END, *notes)
    orientation, turned = read_orientation(exif) if exif is not None else (1, ())
    converted = {1: ("converted from gray",), 4: ("converted from CMYK",)}.get(channels, ())
    size = upright_size(width, height, orientation)
    return Header(
        "jpeg",
        *size,
        orientation,
        (*converted, *notes, *turned),
        tuple(segments),
        ends=stop >= 0,
        exif=exif is not None,
        profile=profile,
    )


def _segment(data: bytes, position: int, *, where: str) -> tuple[str, int, int]:
    """Marker, start and end of the payload of the next segment."""
    at = data.find(b"\xff", position)
    while at >= 0 and data[at + 1 : at + 2] == b"\xff":
        at += 1  # fill bytes
    if at < 0 or at + 4 > len(data):
        raise cut_off(where, "it ends before its picture data")
    start, end = at + 4, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if end < start or end > len(data):
        raise cut_off(where, "it ends inside its header")
    return f"{data[at + 1]:02X}", start, end


def _refuse_many_scans(
    data: bytes, segments: list[tuple[str, int, int]], start: int, stop: int, *, where: str
) -> None:
    if any(name in PROGRESSIVE for name, _, _ in segments):
        scans = 1 + data.count(b"\xff\xda", start, stop if stop >= 0 else len(data))
        if scans > MAX_SCANS:
            raise BadImage("unreadable", f"{where} is a JPEG of {scans} scans, allowed are {MAX_SCANS}")


def read(data: bytes, header: Header, *, where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Pixels of a JPEG.

    Parameters
    ----------
    data : bytes of a whole file
    header : Header
        What `inspect` found in it.
    where : str, name for messages

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB, upright
    tuple of str
        What libjpeg complains of: damage that it decoded over.

    Raises
    ------
    BadImage
        With the status truncated or unreadable.
    """
    pixels, notes = _decode(data, header, "RGB", factor=1, where=where)
    return turn(pixels, header.orientation), notes


def read_gray(
    data: bytes, header: Header, *, factor: int, where: str
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """As `read`, in gray and reduced by 1, 2, 4 or 8: shape (ceil(H / factor), ceil(W / factor))."""
    pixels, notes = _decode(data, header, "GRAY", factor=factor, where=where)
    return turn(pixels[..., 0], header.orientation), notes


def _decode(
    data: bytes, header: Header, colours: str, *, factor: int, where: str
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    whole = data if header.ends else data + _END
    width, height = upright_size(header.width, header.height, header.orientation)  # as stored
    least = {"min_factor": factor, "min_height": -(-height // factor), "min_width": -(-width // factor)}
    try:
        pixels = simplejpeg.decode_jpeg(whole, colours, **least)
    except ValueError as error:
        complaint = error
    else:
        if not header.ends and not _is_complete(data, header):
            raise cut_off(where, f"{NO_END}, scans are missing")
        return np.asarray(pixels, np.uint8), ()
    if "subsampling" in str(complaint):
        return _by_pillow(_without_metadata(data, header), colours, where=where)
    if not header.ends:
        raise cut_off(where, f"{NO_END}, and pixels are missing")
    try:
        pixels = simplejpeg.decode_jpeg(whole, colours, strict=False, **least)
    except ValueError as error:
        raise undecodable(where, error) from None
    return np.asarray(pixels, np.uint8), (f"damaged: {complaint}",)


def _by_pillow(data: bytes, colours: str, *, where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Chroma planes of different sizes: TurboJPEG refuses them, libjpeg does not."""
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
            pixels = np.array(image.convert("RGB" if colours == "RGB" else "L"), np.uint8)
    except Exception as error:  # Pillow's plugins raise anything on damaged files; it becomes a status
        raise undecodable(where, error) from None
    notes = ("unusual chroma sampling, damage would not be noticed",)
    return pixels if colours == "RGB" else pixels[..., None], notes


def _without_metadata(data: bytes, header: Header) -> bytes:
    """The same picture without comments, EXIF and profile, so that none of them can stand in Pillow's way."""
    kept = [data[start - 4 : end] for _, start, end in header.segments]
    return b"".join([b"\xff\xd8", *kept, data[header.segments[-1][2] :], b"" if header.ends else _END])


def _is_complete(data: bytes, header: Header) -> bool:
    """Whether the scans of a file without end marker give every bit of every coefficient."""
    frame = next(((name, start) for name, start, _ in header.segments if name in PROGRESSIVE), None)
    if frame is None:
        return True
    components = data[frame[1] + 5]
    lowest: dict[tuple[int, int], int] = {}
    at = header.segments[-1][1] - 4
    while at >= 0:
        parts = data[at + 4] if at + 4 < len(data) else 0
        script = data[at + 5 : at + 8 + 2 * parts]
        if len(script) == 2 * parts + 3:
            first, last, bits = script[-3:]
            found = {(script[2 * i], k): bits & 15 for i in range(parts) for k in range(first, last + 1)}
            lowest.update(found)
        at = data.find(b"\xff\xda", at + 4)
    return len(lowest) >= 64 * components and not any(lowest.values())


def coding(data: bytes, header: Header) -> JpegCoding | None:
    """Tables and sampling of a JPEG; None where they cannot be read."""
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(_without_metadata(data, header))) as image:
            return JpegCoding(
                tables=tuple(list(image.quantization[table]) for _, _, _, table in image.layer),
                n_tables=len(image.quantization),
                sampling=tuple((horizontal, vertical) for _, horizontal, vertical, _ in image.layer),
                subsampling=JpegImagePlugin.get_sampling(image),
            )
    except (SyntaxError, KeyError, IndexError, OSError, struct.error):
        return None
