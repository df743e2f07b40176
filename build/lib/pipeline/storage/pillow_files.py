"""The files that Pillow decodes: GIF, BMP, TIFF, WebP, JPEG 2000, AVIF and HEIC, told by their first bytes.

Each goes to its own plugin and to no other, so that nothing else that Pillow knows is ever opened.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pipeline.storage import tiff_messages
from pipeline.storage.exif import ORIENTATION, checked, read_orientation, turn, upright_size
from pipeline.storage.gif_frames import first_frame
from pipeline.storage.image_headers import BadImage, Header, cut_off, undecodable
from pipeline.storage.portable_maps import stretch

_MAGIC = (
    ("gif", re.compile(rb"GIF8[79]a")),
    ("bmp", re.compile(rb"BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL)),
    ("tiff", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    ("jpeg2000", re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51")),
    ("avif", re.compile(rb".{4}ftyp(.{4})*?avi[fs]", re.DOTALL)),
    ("heif", re.compile(rb".{4}ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL)),
)
_PLUGINS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "jpeg2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "png": PngImagePlugin.PngImageFile,
}
_BOXED = ("avif", "heif")
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_BITS_PER_SAMPLE = 0x0102
_STRIP_PIXELS = 1 << 20


def kind_of(data: bytes) -> str | None:
    """Format of a file by its first bytes; None for what is not read here."""
    head = data[:64]
    return next((kind for kind, magic in _MAGIC if magic.match(head)), None)


def inspect(data: bytes, kind: str, *, where: str) -> Header:
    """Header of a file of this kind; BadImage (truncated, too_large, unreadable) without one."""
    if kind == "tiff" and data[2:3] + data[1:2] != b"+" and _first_directory(data) >= len(data):
        raise cut_off(where, "it ends before its directory")
    data, notes = _picture_alone(data, kind, where=where)
    with _quiet():
        try:
            with _open(data, kind, where=where) as image:
                orientation, turned = _orientation(image, kind)
                size = upright_size(
                    *image.size, 1 if kind == "tiff" else orientation
                )  # Pillow turns TIFF itself
                return Header(
                    kind,
                    *size,
                    orientation,
                    (*_mode_notes(image), *notes, *turned),
                    exif="exif" in image.info or (kind in _BOXED and bool(_EXIF_ITEM.search(data))),
                    profile="icc_profile" in image.info,
                )
        except BadImage:
            raise
        except Exception as error:  # Pillow's plugins raise anything on damaged files; it becomes a status
            raise undecodable(where, error) from None


def read(data: bytes, header: Header, *, where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Pixels of a file: the first frame, what shows through laid over white.

    Parameters
    ----------
    data : bytes of a whole file
    header : Header
        What `inspect` found in it; of a PNG, what `png_files.inspect` found.
    where : str, name for messages

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB, upright
    tuple of str
        What became of alpha, and what the decoder complains of.

    Raises
    ------
    BadImage
        With the status truncated or unreadable.
    """
    data, _ = _picture_alone(data, header.kind, where=where)
    with _quiet(), tiff_messages.collected() as messages:
        try:
            with _open(data, header.kind, where=where) as image:
                image.load()
                pixels, notes = _flatten(image)
        except BadImage:
            raise
        except Exception as error:  # Pillow's plugins raise anything on damaged files; it becomes a status
            raise undecodable(where, _with(messages, error)) from None
    damage = (f"damaged: {'; '.join(messages)}",) if messages else ()
    return turn(pixels, 1 if header.kind == "tiff" else header.orientation), (*notes, *damage)


def _picture_alone(data: bytes, kind: str, *, where: str) -> tuple[bytes, tuple[str, ...]]:
    """The file without what follows its picture, and what was found there."""
    if kind == "gif":
        return first_frame(data, where=where)
    if kind == "webp":
        return _whole_chunks(data, where=where)
    return data, ()


def _whole_chunks(data: bytes, *, where: str) -> tuple[bytes, tuple[str, ...]]:
    """A WebP without the chunk in which the file ends: profile, EXIF or a further frame are not missed."""
    stated = int.from_bytes(data[4:8], "little") + 8
    if len(data) >= stated:
        return data, ()
    position, has_picture = 12, False
    while position + 8 <= len(data):
        end = position + 8 + int.from_bytes(data[position + 4 : position + 8], "little")
        if end > len(data):
            break
        has_picture = has_picture or data[position : position + 4] in (b"VP8 ", b"VP8L", b"ANMF")
        position = end + end % 2
    if not has_picture:
        raise cut_off(where, f"{len(data):,} bytes of the {stated:,} that its header states")
    body = data[8:position].ljust(position - 8, b"\0")
    return b"RIFF" + len(body).to_bytes(4, "little") + body, ("a WebP cut off behind its picture",)


def _first_directory(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little" if data[:1] == b"I" else "big")


def _quiet() -> warnings.catch_warnings:
    """What Pillow warns of and logs is in its exceptions too; none of it is printed."""
    _keep_log_from_terminal()
    return warnings.catch_warnings(action="ignore")


@cache
def _keep_log_from_terminal() -> None:
    """Records go to whoever configured logging, no longer to stderr where nobody did."""
    logging.getLogger("PIL").addHandler(logging.NullHandler())


def _with(messages: list[str], error: Exception) -> Exception:
    if isinstance(error, MemoryError) or not messages:
        return error
    return OSError(f"{error} ({'; '.join(messages)})")


def _open(data: bytes, kind: str, *, where: str) -> Image.Image:
    """Pillow's picture, of which only the header is read."""
    if kind == "heif":
        return _open_heic(data, where=where)
    if kind == "avif":
        data = _EXIF_ITEM.sub(
            rb"\1skip", data, count=1
        )  # libavif's own rotation counts, and bad EXIF would stop it
    return _PLUGINS[kind](io.BytesIO(data))


def _open_heic(data: bytes, *, where: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise BadImage(
            "unreadable",
            f"{where} is a HEIC picture, which needs the package pillow-heif: pip install -e '.[heic]'",
        ) from None
    return cast(Image.Image, HeifImageFile(io.BytesIO(_EXIF_ITEM.sub(rb"\1skip", data, count=1))))


def _orientation(image: Image.Image, kind: str) -> tuple[int, tuple[str, ...]]:
    """How the stored pixels are turned. Pillow turns TIFF by its tag, and libheif HEIC by its own boxes."""
    if kind == "tiff":
        stated = cast(TiffImagePlugin.TiffImageFile, image).tag_v2.get(ORIENTATION)
        return checked(stated) if stated is not None else (1, ())
    payload = image.info.get("exif") if kind in ("webp", "avif") else None
    orientation, notes = read_orientation(payload) if payload is not None else (1, ())
    return orientation, ("rotated by irot or imir",) if kind == "avif" and orientation > 1 else notes


def _mode_notes(image: Image.Image) -> list[str]:
    notes = []
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))  # Pillow calls 16-bit RGB TIFF "RGB"
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
    if image.format == "TIFF":  # counting them would read every directory
        return [*notes, "first of several frames"] if getattr(image, "is_animated", False) else notes
    frames = getattr(image, "n_frames", 1) if image.format != "GIF" else 1
    return [*notes, f"first of {frames} frames"] if frames > 1 else notes


def _flatten(image: Image.Image) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """8-bit RGB, shape (H, W, 3), and what became of alpha."""
    clear = image.info.get("transparency")
    if image.mode in ("F", "I"):
        return np.repeat(stretch(np.asarray(image))[..., None], 3, axis=2), ()
    if image.mode.startswith("I;16"):
        deep = np.asarray(image)
        gray = (deep >> 8).astype(np.uint8)  # Pillow would clip at 255
        if clear is not None:
            gray = np.where(deep == clear, np.uint8(255), gray)
        notes = () if clear is None else _laid_over_white(bool((deep == clear).any()))
        return np.repeat(gray[..., None], 3, axis=2), notes
    if image.mode not in _ALPHA and clear is None:
        return _array(image if image.mode == "RGB" else image.convert("RGB")), ()
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    opaque = rgba.getchannel("A").getextrema() == (255, 255)
    if not opaque:
        ground = Image.new("RGBA", rgba.size, "white")
        ground.alpha_composite(rgba)
        rgba = ground
    return _array(rgba.convert("RGB")), _laid_over_white(not opaque)


def _array(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels of an RGB picture; in strips, because at once Pillow would hold a large one twice more."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // max(width, 1))
    if rows >= height:
        return np.array(image, np.uint8)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        end = min(top + rows, height)
        pixels[top:end] = np.asarray(image.crop((0, top, width, end)))
    return pixels


def _laid_over_white(is_seen: bool) -> tuple[str, ...]:
    return ("alpha laid over white",) if is_seen else ("opaque alpha dropped",)
