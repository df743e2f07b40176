"""One decode for the whole product: any image file becomes uint8 RGB, or a reason why not."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.storage import jpeg_files, pillow_files, png_files, portable_maps
from pipeline.storage.file_names import original
from pipeline.storage.image_headers import BadImage, Header

__all__ = [
    "SUFFIXES",
    "BadImage",
    "DecodedImage",
    "ImageProbe",
    "decode",
    "inspect",
    "probe",
    "read_bytes",
    "read_image",
    "readable",
    "recompress_like",
]

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
    | {".jp2", ".avif", ".heic", ".heif", ".ppm", ".pgm"}
)
READ = "JPEG, PNG, WebP, GIF, BMP, TIFF, JPEG 2000, AVIF, HEIC and PNM"

_MACHINE_ERRORS = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)  # they say nothing about the file


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB, upright
    notes : tuple of str
        What had to be converted, in words.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImageProbe:
    """A cheap look at an image.

    Parameters
    ----------
    width, height : int
        px of the upright image.
    gray : uint8 array, shape (h, w)
        Reduced, upright.
    notes : tuple of str
        As of `DecodedImage`.
    """

    width: int
    height: int
    gray: NDArray[np.uint8]
    notes: tuple[str, ...]


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file, whose name may be in the form of tables; BadImage (missing_file, unreadable) instead of an
    OSError."""
    try:
        with open(path if os.path.exists(path) else original(str(path)), "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise BadImage("missing_file", f"{path} is not there") from None
    except OSError as error:
        if error.errno in _MACHINE_ERRORS:
            raise
        raise BadImage("unreadable", f"{path} cannot be read: {error.strerror}") from None


def read_image(path: str | Path, *, max_pixels: int) -> DecodedImage:
    """Read and decode one file; see `decode`."""
    return decode(read_bytes(path), max_pixels=max_pixels, where=str(path))


def readable() -> str:
    """Formats that are read here, in words: HEIC only where its package is installed."""
    return READ if find_spec("pillow_heif") else READ.replace(" HEIC", " (with pillow-heif) HEIC")


def inspect(data: bytes, *, where: str = "image") -> Header:
    """Header of a file's bytes, whose content alone tells what it is.

    Raises BadImage: empty_file, not_an_image, truncated or unreadable.
    """
    if not data:
        raise BadImage("empty_file", f"{where} is empty (0 bytes)")
    if _is_jpeg(data):
        return jpeg_files.inspect(data, where=where)
    if data.startswith(png_files.SIGNATURE):
        return png_files.inspect(data, where=where)
    if portable_maps.MAGIC.match(data):
        return portable_maps.inspect(data, where=where)
    kind = pillow_files.kind_of(data)
    if kind is None:
        found = "text" if _is_text(data[:512]) else "of no known image format"
        raise BadImage("not_an_image", f"{where} is {found}, whatever its name says; read are {readable()}")
    return pillow_files.inspect(data, kind, where=where)


def decode(data: bytes, *, max_pixels: int, where: str = "image") -> DecodedImage:
    """Decode to upright 8-bit RGB: the first frame, what shows through laid over white. All cached numbers hang on it.

    Parameters
    ----------
    data : bytes
        Of a whole file.
    max_pixels : int
        A larger image is refused by its header, before anything is decoded.
    where : str
        Name for messages.

    Raises
    ------
    BadImage
        With the status empty_file, not_an_image, truncated, too_large or unreadable. A picture cut off by the file's
        end is refused too; a file that only lacks its end mark is not.
    """
    header = _inspect(data, max_pixels=max_pixels, where=where)
    return _read(data, header, where=where)


def _read(data: bytes, header: Header, *, where: str) -> DecodedImage:
    if header.kind == "jpeg":
        pixels, found = jpeg_files.read(data, header, where=where)
    elif header.kind == "ppm":
        pixels, found = portable_maps.read(data, where=where)
    else:
        picture = png_files.picture_alone(data, header) if header.kind == "png" else data
        pixels, found = pillow_files.read(picture, header, where=where)
    return DecodedImage(pixels=pixels, notes=(*header.notes, *found))


def probe(data: bytes, *, max_pixels: int, where: str = "image", shortest: int = 48) -> ImageProbe:
    """Size and a reduced grayscale picture.

    JPEG files are decoded at 1/2, 1/4 or 1/8 scale, which costs a fraction of the full decode.

    Parameters
    ----------
    data, max_pixels, where : bytes, int, str
        As of `decode`.
    shortest : int
        Pixels that the shorter side keeps where it has them.

    Returns
    -------
    ImageProbe

    Raises
    ------
    BadImage
        As of `decode`.
    """
    header = _inspect(data, max_pixels=max_pixels, where=where)
    if header.kind == "jpeg":
        factor = _reduction(min(header.width, header.height), shortest=shortest)
        gray, found = jpeg_files.read_gray(data, header, factor=factor, where=where)
        return ImageProbe(header.width, header.height, gray, notes=(*header.notes, *found))
    picture = _read(data, header, where=where)
    height, width = picture.pixels.shape[:2]
    whole = np.asarray(cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return ImageProbe(width=width, height=height, gray=whole, notes=picture.notes)


def recompress_like(pixels: NDArray[np.uint8], data: bytes) -> NDArray[np.uint8]:
    """What would come back if `pixels` had been saved as the file `data` was.

    Of a JPEG, its quantisation tables and chroma sub-sampling are used; other kinds of file do not tell their
    quality, and `pixels` come back as they are.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB, of any size
    data : bytes
        Of a whole file.

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    coding = jpeg_files.coding(data, jpeg_files.inspect(data, where="image")) if _is_jpeg(data) else None
    if coding is None:
        return pixels
    file = io.BytesIO()
    known = (
        coding.subsampling if coding.subsampling >= 0 else "4:2:0"
    )  # of gray and CMYK files Pillow says -1
    tables = coding.tables[:3]
    coarse = max(map(max, tables)) > 255  # libjpeg prints a line for each baseline file with such tables
    Image.fromarray(pixels).save(file, "JPEG", qtables=tables, subsampling=known, progressive=coarse)
    return np.asarray(cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def _is_jpeg(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff"


def _is_text(sample: bytes) -> bool:
    return all(byte >= 0x80 or byte in b"\t\n\r\f" or 0x20 <= byte < 0x7F for byte in sample)


def _inspect(data: bytes, *, max_pixels: int, where: str) -> Header:
    """`inspect`, and BadImage (too_large) for more pixels than are allowed."""
    header = inspect(data, where=where)
    refuse_large(header.width, header.height, max_pixels=max_pixels, where=where)
    return header


def refuse_large(width: int, height: int, *, max_pixels: int, where: str) -> None:
    """Raise BadImage (too_large) for more pixels than are allowed."""
    if width * height > max_pixels:
        raise BadImage(
            "too_large",
            f"{where} has {width} x {height} = {width * height:,} pixels, allowed are "
            f"{max_pixels:,} (manifest.max_pixels)",
        )


def _reduction(side: int, *, shortest: int) -> int:
    """The strongest reduction that keeps at least `shortest` px of a side."""
    return next((factor for factor in (8, 4, 2) if side >= factor * shortest), 1)
