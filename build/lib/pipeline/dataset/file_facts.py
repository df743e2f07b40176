"""What a file gives away without a look at the face: its history, bytes, trivial pixel cues."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.storage import jpeg_files
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.image_headers import Header
from pipeline.storage.images import BadImage, decode, inspect

KINDS = ("jpeg", "png", "webp", "gif", "bmp", "tiff", "jpeg2000", "avif", "ppm", "heif")
FACT_GROUPS = {
    "history": (
        "kind",
        "width",
        "height",
        "aspect",
        "tables",
        "table_hash",
        "quality",
        "chroma_quality",
        "subsampling",
        "progressive",
        "header_bytes",
        "exif",
        "profile",
        "orientation",
        "converted",
    ),
    "bytes": ("bytes", "bytes_per_pixel"),
    "pixels": ("red", "green", "blue", "contrast", "sharpness", "saturation"),
}
COLUMNS = tuple(name for group in FACT_GROUPS.values() for name in group)
STANDARD_SUMS = (3688.0, 5766.0)  # of the luminance and chrominance tables of ITU-T T.81, annex K


def facts(file: HashedFile, *, max_pixels: int) -> tuple[float, ...] | None:
    """Facts of one file.

    Parameters
    ----------
    file : HashedFile
        An image's.
    max_pixels : int
        A larger image is not decoded, px.

    Returns
    -------
    tuple of float or None
        Values of `COLUMNS`, NaN where a fact does not apply; None when the file gives no picture.

    Raises
    ------
    ChangedFile
        It is not the file that stage manifest saw.

    References
    ----------
    ITU-T Recommendation T.81 (1992), annex K: the tables that the IJG quality scales.
    """
    data = file.read()
    try:
        header = inspect(data, where=file.path)
        picture = decode(data, max_pixels=max_pixels, where=file.path)
    except BadImage:
        return None
    values = {**_layout(data, header), **_codec(data, header), **_cues(picture.pixels)}
    values["converted"] = float(len(picture.notes))
    values["bytes"] = float(len(data))
    values["bytes_per_pixel"] = len(data) / (header.width * header.height)
    return tuple(values[name] for name in COLUMNS)


def _layout(data: bytes, header: Header) -> dict[str, float]:
    """What the order and the bytes of the file's segments tell."""
    tables = b"".join(data[start:end] for name, start, end in header.segments if name == "DB")
    body = next((start for name, start, _ in header.segments if name in ("DA", "IDAT")), 0)
    return {
        "kind": float(KINDS.index(header.kind)) if header.kind in KINDS else -1.0,
        "width": float(header.width),
        "height": float(header.height),
        "aspect": header.width / header.height,
        "table_hash": float(zlib.crc32(tables) & 0xFFFFFF),
        "header_bytes": float(body),
        "orientation": float(header.orientation),
    }


def _codec(data: bytes, header: Header) -> dict[str, float]:
    """How the encoder was set and what it attached; NaN where the file does not tell."""
    coding = jpeg_files.coding(data, header) if header.kind == "jpeg" else None
    # a component without a table of its own tells nothing
    sums = [float(sum(table)) for table in coding.tables[: min(coding.n_tables, 2)]] if coding else []
    horizontal, vertical = coding.sampling[0] if coding else (0, 0)
    return {
        "tables": float(coding.n_tables) if coding else np.nan if header.kind == "jpeg" else 0.0,
        "quality": _quality(sums, 0),
        "chroma_quality": _quality(sums, 1),
        "subsampling": float(horizontal * 16 + vertical) if coding else np.nan,
        "progressive": float(any(name in jpeg_files.PROGRESSIVE for name, _, _ in header.segments)),
        "exif": float(header.exif),
        "profile": float(header.profile),
    }


def _quality(sums: list[float], which: int) -> float:
    """IJG quality (1..100) whose scaled standard table has this sum; NaN without that table."""
    if len(sums) <= which:
        return float("nan")
    scale = 100.0 * sums[which] / STANDARD_SUMS[which]
    return float(100.0 - scale / 2 if scale <= 100 else 5000.0 / scale)


def _cues(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Means by channel, spread, Laplacian energy and saturation of the whole picture."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    red, green, blue, _ = cv2.mean(pixels)
    channels = cv2.split(pixels)
    highest = cv2.max(cv2.max(channels[0], channels[1]), channels[2])
    lowest = cv2.min(cv2.min(channels[0], channels[1]), channels[2])
    return {
        "red": red,
        "green": green,
        "blue": blue,
        "contrast": float(cv2.meanStdDev(gray)[1][0, 0]),
        "sharpness": float(np.log1p(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0] ** 2)),
        "saturation": float(cv2.mean(cv2.subtract(highest, lowest))[0]),
    }
