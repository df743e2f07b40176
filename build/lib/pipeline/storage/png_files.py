"""PNG files: their header, and the same picture without anything that is not picture."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

from pipeline.storage.exif import read_orientation, upright_size
from pipeline.storage.image_headers import BadImage, Header, cut_off

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NO_END = "a PNG without its end chunk"
MAX_CHUNKS = 200_000  # encoders write one for 8 kB or more
_PICTURE = ("IHDR", "PLTE", "tRNS", "IDAT")


def inspect(data: bytes, *, where: str) -> Header:
    """Header of a PNG; BadImage (truncated, unreadable) without one."""
    segments, seen, ends = _chunks(data, where=where)
    if not segments:
        raise cut_off(where, "a PNG without picture data")
    name, start, end = segments[0]
    if name != "IHDR" or end - start < 13 or end + 4 > len(data) or not _is_whole(data, "IHDR", start, end):
        raise BadImage("unreadable", f"{where} is a PNG whose header chunk is damaged")
    if not any(name == "IDAT" for name, _, _ in segments):
        raise (
            cut_off(where, "a PNG without picture data")
            if not ends
            else BadImage("unreadable", f"{where} is a PNG without picture data")
        )
    width, height, depth, colour = struct.unpack_from(">IIBB", data, start)
    notes = [] if ends else [NO_END]
    notes += ["16-bit reduced to 8"] if depth == 16 else []
    notes += {0: ["converted from gray"], 4: ["converted from gray"], 3: ["converted from palette"]}.get(
        colour, []
    )
    notes += _damage(data, segments)
    if "acTL" in seen:
        frames = int.from_bytes(data[seen["acTL"][0] : seen["acTL"][0] + 4], "big")
        notes += [f"first of {frames} frames"] if frames > 1 else []
    orientation, turned = read_orientation(data[slice(*seen["eXIf"])]) if "eXIf" in seen else (1, ())
    size = upright_size(width, height, orientation)
    header = Header("png", *size, orientation, (*notes, *turned), tuple(segments))
    return replace(header, ends=ends, exif="eXIf" in seen, profile="iCCP" in seen)


def _chunks(
    data: bytes, *, where: str
) -> tuple[list[tuple[str, int, int]], dict[str, tuple[int, int]], bool]:
    """Chunks of the picture, the last one perhaps cut; the first of each other name; whether the end chunk is there."""
    segments: list[tuple[str, int, int]] = []
    seen: dict[str, tuple[int, int]] = {}
    position = len(SIGNATURE)
    while position + 8 <= len(data):
        name = data[position + 4 : position + 8].decode("latin-1")
        start = position + 8
        end = start + int.from_bytes(data[position : position + 4], "big")
        position = end + 4
        if name == "IEND":
            return segments, seen, True
        if name in _PICTURE:
            segments.append((name, start, min(end, len(data))))
            if len(segments) > MAX_CHUNKS:
                raise BadImage("unreadable", f"{where} is a PNG of over {MAX_CHUNKS:,} chunks")
        elif position <= len(data) and name in ("acTL", "eXIf", "iCCP"):
            seen.setdefault(name, (start, end))
    return segments, seen, False


def _is_whole(data: bytes, name: str, start: int, end: int) -> bool:
    return zlib.crc32(data[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big")


def _damage(data: bytes, segments: list[tuple[str, int, int]]) -> list[str]:
    broken = {
        name
        for name, start, end in segments
        if end + 4 <= len(data) and not _is_whole(data, name, start, end)
    }
    return [f"damaged: the checksum of {name} is wrong" for name in _PICTURE if name in broken]


def picture_alone(data: bytes, header: Header) -> bytes:
    """A PNG of the same pixels without text, profile, EXIF and further frames, with an end.

    What a decoder does not see can neither stop it nor make it print.
    """
    start = header.segments[0][1]
    depth, colour = data[start + 8], data[start + 9]
    whole = []
    for name, start, end in header.segments:
        payload = data[start:end]
        if name == "IDAT" and end + 4 <= len(
            data
        ):  # as it is: `inspect` has read its checksum, Pillow does not
            whole.append(data[start - 8 : end + 4])
            continue
        if name == "tRNS" and colour in (0, 2):
            payload = _as_decoded(payload, depth=depth, colour=colour)
        whole.append(_chunk(name.encode(), payload))
    return b"".join([SIGNATURE, *whole, _chunk(b"IEND", b"")])


def _as_decoded(clear: bytes, *, depth: int, colour: int) -> bytes:
    """The transparent value as Pillow compares it: with gray of 2 and 4 bit widened, and colours of 16 bit narrowed."""
    values = [clear[i] * 256 + clear[i + 1] for i in range(0, len(clear) - 1, 2)]
    if colour == 0 and depth in (2, 4):
        values = [(value & 15) * 255 // (2**depth - 1) for value in values]
    elif colour == 2 and depth == 16:
        values = [value >> 8 for value in values]
    return struct.pack(f">{len(values)}H", *values)


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
