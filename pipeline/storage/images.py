"""One decode for the whole product: any image file becomes uint8 RGB, or a reason why not."""

from __future__ import annotations

import errno
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from pipeline.storage import image_headers
from pipeline.storage.image_headers import BadImage, Header

__all__ = [
    "SUFFIXES",
    "BadImage",
    "DecodedImage",
    "ImageProbe",
    "decode",
    "probe",
    "read_bytes",
    "read_image",
    "recompress_like",
]

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
    | {".jp2", ".avif", ".ppm", ".pgm"}
)

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
    """The bytes of a file; BadImage (missing_file, unreadable) instead of an OSError."""
    try:
        with open(path, "rb") as file:
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


def decode(data: bytes, *, max_pixels: int, where: str = "image") -> DecodedImage:
    """Decode to upright 8-bit RGB: the first frame, without alpha.

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
        end is refused too.
    """
    header = image_headers.inspect(data, where=where)
    _refuse_large(header.width, header.height, max_pixels=max_pixels, where=where)
    return DecodedImage(pixels=to_rgb(data, header, where=where), notes=header.notes)


def to_rgb(data: bytes, header: Header, *, where: str) -> NDArray[np.uint8]:
    """The pixels of a file: what every cached number hangs on.

    Parameters
    ----------
    data : bytes of a whole file
    header : Header
        What `image_headers.inspect` found in it.
    where : str, name for messages

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB, upright

    Raises
    ------
    BadImage
        With the status truncated or unreadable.
    """
    pixels = _decode_cv2(data, header, cv2.IMREAD_COLOR_RGB)
    return _decode_pillow(data, where=where) if pixels is None else pixels


def probe(data: bytes, *, max_pixels: int, where: str = "image") -> ImageProbe:
    """Size and a reduced grayscale picture.

    JPEG files are decoded at 1/2, 1/4 or 1/8 scale, which costs a fraction of the full decode.

    Parameters
    ----------
    data, max_pixels, where : bytes, int, str
        As of `decode`.

    Returns
    -------
    ImageProbe

    Raises
    ------
    BadImage
        As of `decode`.
    """
    header = image_headers.inspect(data, where=where)
    _refuse_large(header.width, header.height, max_pixels=max_pixels, where=where)
    if header.kind == "jpeg":
        gray = _decode_cv2(data, header, _reduced_flag(min(header.width, header.height)))
        if gray is not None:
            turned = header.orientation >= 5
            width, height = (header.height, header.width) if turned else (header.width, header.height)
            return ImageProbe(width=width, height=height, gray=gray, notes=header.notes)
    picture = decode(data, max_pixels=max_pixels, where=where)
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
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
            tables, sampling = image.quantization, JpegImagePlugin.get_sampling(image)
    except SyntaxError:  # Pillow's word for another kind of file
        return pixels
    file = io.BytesIO()
    known = sampling if sampling >= 0 else "4:2:0"  # of gray and CMYK files Pillow says -1
    Image.fromarray(pixels).save(file, "JPEG", qtables=tables, subsampling=known)
    return np.asarray(cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def _refuse_large(width: int, height: int, *, max_pixels: int, where: str) -> None:
    if width * height > max_pixels:
        raise BadImage(
            "too_large",
            f"{where} has {width} x {height} = {width * height:,} pixels, allowed are "
            f"{max_pixels:,} (manifest.max_pixels)",
        )


def _reduced_flag(side: int) -> int:
    """The smallest scale that keeps at least 48 px on the shorter side."""
    if side >= 8 * 48:
        return cv2.IMREAD_REDUCED_GRAYSCALE_8
    if side >= 4 * 48:
        return cv2.IMREAD_REDUCED_GRAYSCALE_4
    if side >= 2 * 48:
        return cv2.IMREAD_REDUCED_GRAYSCALE_2
    return cv2.IMREAD_GRAYSCALE


def _decode_cv2(data: bytes, header: Header, flag: int) -> NDArray[np.uint8] | None:
    buffer = np.frombuffer(image_headers.without_colour_profile(data, header), np.uint8)
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # the reason goes into the row's status, not to stderr
    try:
        pixels = cv2.imdecode(buffer, flag)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"OpenCV has no memory for an image of {len(data):,} bytes") from None
        return None  # Pillow has the last word on formats that OpenCV cannot read
    finally:
        cv2.utils.logging.setLogLevel(level)
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _decode_pillow(data: bytes, *, where: str) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                # Pillow would clip these few scientific formats at 255
                if image.mode in ("F", "I"):
                    return _stretch(np.asarray(image, np.float64))
                turned = image_headers.upright(image)
                return np.array(turned.convert("RGB"), np.uint8)
    except UnidentifiedImageError:
        raise BadImage("unreadable", f"{where} has an image's header but cannot be decoded") from None
    except MemoryError:
        raise  # of the machine, not of the file
    except Exception as error:  # Pillow's plugins raise anything on damaged files; it becomes a status
        if str(error).startswith("out of memory"):  # Pillow's words where a decoder's own allocation failed
            raise MemoryError(f"{where}: {error}") from None
        status = "truncated" if "truncated" in str(error).lower() else "unreadable"
        raise BadImage(status, f"{where} cannot be decoded: {error}") from None


def _stretch(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / (high - low) if high > low else 0.0)
    return np.repeat(np.rint(scaled).astype(np.uint8)[..., None], 3, axis=2)
