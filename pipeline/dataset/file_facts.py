"""What a file gives away without a look at the face: its history, bytes, trivial pixel cues."""

from __future__ import annotations

import zlib

import cv2
import numpy as np

from pipeline.storage import image_headers
from pipeline.storage.image_headers import Header
from pipeline.storage.images import BadImage, decode, read_bytes

KINDS = ("jpeg", "png", "webp", "gif", "bmp", "tiff", "jpeg2000", "avif", "ppm")
FACT_GROUPS = {
    "history": (
        (
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
        )
    ),
    "bytes": ("bytes", "bytes_per_pixel"),
    "pixels": ("red", "green", "blue", "contrast", "sharpness", "saturation"),
}
COLUMNS = tuple(name for facts_of in FACT_GROUPS.values() for name in facts_of)
STANDARD_SUMS = (3688.0, 5766.0)  # of the luminance and chrominance tables of ITU-T T.81, annex K


def facts(path: str, *, max_pixels: int) -> tuple[float, ...] | None:
    """Values of COLUMNS for one file, NaN where a fact does not apply; None without a picture."""
    try:
        data = read_bytes(path)
        header = image_headers.inspect(data, where=path)
        pixels = decode(data, max_pixels=max_pixels, where=path).pixels
    except BadImage:
        return None
    found = {**_history(data, header), **_cues(pixels)}
    found["bytes"] = float(len(data))
    found["bytes_per_pixel"] = len(data) / (header.width * header.height)
    return tuple(found[name] for name in COLUMNS)


def _history(data: bytes, header: Header) -> dict[str, float]:
    names = [name for name, _, _ in header.segments]
    tables = _tables(data, header)
    raw = b"".join(data[start:end] for name, start, end in header.segments if name == "DB")
    frame = next((s for s in header.segments if s[0] in ("C0", "C1", "C2")), None)
    payload = data[frame[1] : frame[2]] if frame else b""
    body = next((start for name, start, _ in header.segments if name in ("DA", "IDAT")), 0)
    profile = any(data[a : a + 11] == b"ICC_PROFILE" for n, a, _ in header.segments if n == "E2")
    exif = any(data[a : a + 4] == b"Exif" for n, a, _ in header.segments if n == "E1")
    return {
        "kind": float(KINDS.index(header.kind)) if header.kind in KINDS else -1.0,
        "width": float(header.width),
        "height": float(header.height),
        "aspect": header.width / header.height,
        "tables": float(len(tables)),
        "table_hash": float(zlib.crc32(raw) & 0xFFFFFF),
        "quality": _quality(tables, 0),
        "chroma_quality": _quality(tables, 1),
        "subsampling": float(payload[7]) if len(payload) > 7 else np.nan,
        "progressive": float(frame is not None and frame[0] == "C2"),
        "header_bytes": float(body),
        "exif": float(exif or "eXIf" in names),
        "profile": float(profile or "iCCP" in names),
        "orientation": float(header.orientation),
        "converted": float(len(header.notes)),
    }


def _tables(data: bytes, header: Header) -> list[float]:
    """Sums of a JPEG's quantisation tables, in the file's order."""
    sums: list[float] = []
    for name, start, end in header.segments:
        while name == "DB" and start < end:
            wide = data[start] >> 4 > 0
            size = 128 if wide else 64
            values = np.frombuffer(data[start + 1 : min(start + 1 + size, end)], ">u2" if wide else "u1")
            sums.append(float(values.sum()))
            start += 1 + size
    return sums


def _quality(tables: list[float], which: int) -> float:
    """IJG quality (1..100) whose scaled standard table has this sum; NaN without that table."""
    if len(tables) <= which:
        return float("nan")
    scale = 100.0 * tables[which] / STANDARD_SUMS[which]
    return float(100.0 - scale / 2 if scale <= 100 else 5000.0 / scale)


def _cues(pixels: np.ndarray) -> dict[str, float]:
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
