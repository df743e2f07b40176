"""Whatever a caller has of a picture, as the pixels that its file would give."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.serving.content_credentials import ContentCredentials, read_credentials
from pipeline.storage.image_headers import undecodable
from pipeline.storage.images import BadImage, decode, read_bytes, refuse_large

ALLOWED = "a path, bytes, a binary file object, a PIL image or a uint8 array of shape (H, W, 3), RGB"
_AS_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})  # modes that PNG keeps bit for bit
_ALPHA = {
    "La": "LA",
    "RGBa": "RGBA",
    "PA": "RGBA",
}  # modes of alpha that PNG has not, and the ones that it has


class BinaryFile(Protocol):
    """What is read from where it stands."""

    def read(self) -> bytes:
        """All that is left."""
        ...


Picture = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile | Image.Image | NDArray[Any]


@dataclass(frozen=True)
class ReadPicture:
    """A picture as it is scored, and what its file says of itself.

    Attributes
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB, upright
    notes : tuple of str
        What had to be converted, in words.
    credentials : ContentCredentials or None
        None where there is no file (an array, a PIL image), or nothing to read them with.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]
    credentials: ContentCredentials | None = None


def is_picture(value: object) -> TypeGuard[Picture]:
    """Whether `read_picture` can be asked for it, be it readable or not."""
    kinds = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray)
    return isinstance(value, kinds) or callable(getattr(value, "read", None))


def name_of(picture: Picture) -> str:
    """How messages call a picture: its path where it has one, else what it is."""
    if isinstance(picture, str | os.PathLike):
        return os.fsdecode(picture)
    return f"the {type(picture).__name__}"


def read_picture(picture: Picture, *, max_pixels: int) -> ReadPicture:
    """The upright RGB pixels of a picture, by the one way of decoding.

    A PIL image is written to a lossless file in memory and read back, so that alpha, palette, depth and orientation are
    treated as in a file; an array is taken as it is.

    Parameters
    ----------
    picture : path, bytes, file object, PIL image or uint8 array, shape (H, W, 3), RGB
    max_pixels : int
        A larger one is refused.

    Returns
    -------
    ReadPicture

    Raises
    ------
    TypeError
        For anything else.
    BadImage
        Where it cannot be read; its `status` says how.
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture, max_pixels=max_pixels)
    where = name_of(picture) if is_picture(picture) else ""
    if isinstance(picture, str | os.PathLike):
        data = _from_path(Path(where))
    elif isinstance(picture, bytes | bytearray | memoryview):
        data = bytes(picture)
    elif isinstance(picture, Image.Image):
        refuse_large(picture.width, picture.height, max_pixels=max_pixels, where=where)
        made = decode(_from_pillow(picture, where=where), max_pixels=max_pixels, where=where)
        return ReadPicture(made.pixels, made.notes)
    elif callable(getattr(picture, "read", None)):
        data = picture.read()
        if not isinstance(data, bytes):
            raise TypeError(
                f"a file object gave {type(data).__name__}; open it in binary mode: open(path, 'rb')"
            )
    else:
        raise TypeError(f"a picture is {type(picture).__name__}; allowed are {ALLOWED}")
    decoded = decode(data, max_pixels=max_pixels, where=where)
    return ReadPicture(decoded.pixels, decoded.notes, read_credentials(data))


def _from_path(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe or a device would be read for ever
        raise BadImage("unreadable", f"{path} is no plain file; name one image file")
    return read_bytes(path)


def _from_array(pixels: NDArray[Any], *, max_pixels: int) -> ReadPicture:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise TypeError(
            f"an array has shape {pixels.shape} and type {pixels.dtype}; allowed is (H, W, 3), uint8, RGB"
        )
    refuse_large(pixels.shape[1], pixels.shape[0], max_pixels=max_pixels, where="the array")
    return ReadPicture(pixels=np.ascontiguousarray(pixels), notes=())


def _from_pillow(image: Image.Image, *, where: str) -> bytes:
    """A file in memory that holds what the image holds, and its EXIF."""
    file = io.BytesIO()
    try:
        image.load()
        if image.mode in ("F", "I"):
            image.save(file, "TIFF")
        else:
            exif = image.info.get("exif")
            options = {"exif": exif} if isinstance(exif, bytes) else {}
            _plain(image).save(file, "PNG", compress_level=1, **options)
    except Exception as error:  # Pillow's plugins raise anything on damaged files; it becomes a status
        raise undecodable(where, error) from None
    return file.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """The same picture in a mode that PNG has."""
    if image.mode in _AS_PNG:
        return image
    if image.mode.startswith("I;16"):  # of another byte order; Pillow would clip at 255
        return Image.fromarray(np.asarray(image).astype(np.uint16))
    return image.convert(_ALPHA.get(image.mode, "RGB"))
