"""What an image file says of itself before it is decoded: kind, size, frames, whether it ends."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass, field

from PIL import Image, ImageOps, UnidentifiedImageError

ORIENTATION, BITS_PER_SAMPLE = 0x0112, 0x0102
JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class BadImage(ValueError):
    """A file that gives no picture.

    Parameters
    ----------
    status : str
        A code of the manifest.
    detail : str
        The reason in words.
    """

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def __reduce__(self) -> tuple[type[BadImage], tuple[str, str]]:
        return type(self), (self.status, self.detail)


@dataclass(frozen=True)
class Header:
    """What a header says.

    Parameters
    ----------
    kind : str
        Format, as Pillow names it, in lower case.
    width, height : int
        px as stored.
    orientation : int
        EXIF's, 1 to 8.
    notes : tuple of str
        What decoding has to convert, in words.
    segments : tuple of (str, int, int)
        Layout of JPEG markers and PNG chunks: name, start and end of the payload in bytes.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    notes: tuple[str, ...] = ()
    segments: tuple[tuple[str, int, int], ...] = field(default=(), repr=False)


def inspect(data: bytes, *, where: str = "image") -> Header:
    """Header of a file's bytes.

    Raises BadImage: empty_file, not_an_image, truncated, too_large or unreadable.
    """
    if not data:
        raise BadImage("empty_file", f"{where} is empty (0 bytes)")
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data, where=where)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data, where=where)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        stated = int.from_bytes(data[4:8], "little") + 8
        if len(data) < stated:
            raise _cut(where, f"{len(data):,} bytes of the {stated:,} that its header states")
    return _other(data, where=where)


def without_colour_profile(data: bytes, header: Header) -> bytes:
    """The bytes without a PNG's iCCP chunk: OpenCV ignores it, and libpng warns of many."""
    for name, start, end in header.segments:
        if name == "iCCP":
            return data[: start - 8] + data[end + 4 :]
    return data


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says."""
    turned = ImageOps.exif_transpose(image)
    return image if turned is None else turned


def _cut(where: str, what: str) -> BadImage:
    return BadImage("truncated", f"{where} is cut off: {what}; copy it again from its origin")


def _turned(orientation: int) -> tuple[str, ...]:
    return ("rotated by EXIF",) if 2 <= orientation <= 8 else ()


def _jpeg(data: bytes, *, where: str) -> Header:
    segments: list[tuple[str, int, int]] = []
    width = height = channels = 0
    orientation = 1
    position = 2
    while True:
        marker_at = data.find(b"\xff", position)
        while marker_at >= 0 and data[marker_at + 1 : marker_at + 2] == b"\xff":
            marker_at += 1  # fill bytes
        if marker_at < 0 or marker_at + 4 > len(data):
            raise _cut(where, "it ends before its picture data")
        marker = data[marker_at + 1]
        start, end = (
            marker_at + 4,
            marker_at + 2 + int.from_bytes(data[marker_at + 2 : marker_at + 4], "big"),
        )
        if end < start or end > len(data):
            raise _cut(where, "it ends inside its header")
        segments.append((f"{marker:02X}", start, end))
        if marker in JPEG_SIZE_MARKERS and end - start >= 6:
            height, width, channels = struct.unpack(">HHB", data[start + 1 : start + 6])
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            orientation = _orientation(data[start + 6 : end])
        elif marker == 0xDA:
            break
        position = end
    if data.find(b"\xff\xd9", end) < 0:
        raise _cut(where, "a JPEG without its end marker")
    if width == 0 or height == 0:
        raise BadImage("unreadable", f"{where} is a JPEG that states no size")
    converted = {1: ("converted from gray",), 4: ("converted from CMYK",)}.get(channels, ())
    notes = (*converted, *_turned(orientation))
    return Header("jpeg", width, height, orientation, notes, tuple(segments))


def _orientation(tiff: bytes) -> int:
    """Orientation tag of IFD0 of a TIFF-structured EXIF payload, 1 when absent or malformed."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (at,) = struct.unpack(f"{order}I", tiff[4:8])
    if at + 2 > len(tiff):
        return 1
    (count,) = struct.unpack(f"{order}H", tiff[at : at + 2])
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = struct.unpack(f"{order}HHIH", tiff[entry : entry + 10])
        if tag == ORIENTATION:
            return value if 1 <= value <= 8 else 1
    return 1


def _png(data: bytes, *, where: str) -> Header:
    segments: list[tuple[str, int, int]] = []
    position = 8
    while not segments or segments[-1][0] != "IEND":
        start = position + 8
        end = start + int.from_bytes(data[position : position + 4], "big")
        if start > len(data) or end + 4 > len(data):
            raise _cut(where, "a PNG without its end chunk")
        segments.append((data[position + 4 : start].decode("latin-1"), start, end))
        position = end + 4
    name, start, end = segments[0]
    if name != "IHDR" or end - start < 13:
        raise BadImage("unreadable", f"{where} is a PNG whose header chunk is damaged")
    width, height, depth, colour = struct.unpack(">IIBB", data[start : start + 10])
    chunks = {name: (start, end) for name, start, end in segments}
    notes = []
    if depth == 16:
        notes.append("16-bit reduced to 8")
    if colour in (0, 4):
        notes.append("converted from gray")
    if colour == 3:
        notes.append("converted from palette")
    if colour in (4, 6) or "tRNS" in chunks:
        notes.append("alpha dropped")
    if "acTL" in chunks:
        frames = int.from_bytes(data[chunks["acTL"][0] : chunks["acTL"][0] + 4], "big")
        notes += [f"first of {frames} frames"] if frames > 1 else []
    orientation = _orientation(data[slice(*chunks["eXIf"])]) if "eXIf" in chunks else 1
    return Header("png", width, height, orientation, (*notes, *_turned(orientation)), tuple(segments))


def _other(data: bytes, *, where: str) -> Header:
    """Every other format, by Pillow, which reads the header only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                orientation = int(image.getexif().get(ORIENTATION, 1))
                notes = (*_mode_notes(image), *_turned(orientation))
                return Header(str(image.format).lower(), *image.size, orientation, notes)
    except Image.DecompressionBombError as error:
        raise BadImage("too_large", f"{where}: {error}") from None
    except UnidentifiedImageError:
        kind = "text" if _is_text(data[:512]) else "of no known image format"
        raise BadImage("not_an_image", f"{where} is {kind}, whatever its name says") from None
    except MemoryError:
        raise  # of the machine, not of the file
    except Exception as error:  # Pillow's plugins raise anything on damaged files; it becomes a status
        status = "truncated" if "truncated" in str(error).lower() else "unreadable"
        raise BadImage(status, f"{where} has a damaged header: {error}") from None


def _mode_notes(image: Image.Image) -> list[str]:
    notes = []
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))  # Pillow calls 16-bit RGB TIFF "RGB"
    if image.mode.startswith("I;16") or (image.mode == "RGB" and max(bits) > 8):
        notes.append("16-bit reduced to 8")
    if image.mode in ("F", "I"):
        notes.append("stretched to 8 bit")
    if image.mode in ("CMYK", "YCCK"):
        notes.append("converted from CMYK")
    if image.mode in ("1", "L", "LA") or image.mode.startswith("I;16"):
        notes.append("converted from gray")
    if image.mode in ("P", "PA"):
        notes.append("converted from palette")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        notes.append("alpha dropped")
    frames = getattr(image, "n_frames", 1)
    return [*notes, f"first of {frames} frames"] if frames > 1 else notes


def _is_text(sample: bytes) -> bool:
    return all(byte >= 0x80 or byte in b"\t\n\r\f" or 0x20 <= byte < 0x7F for byte in sample)
