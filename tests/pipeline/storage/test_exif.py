"""One reading of the orientation: size, remark and pixels agree, whatever the EXIF looks like."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.storage.exif import NO_ORIENTATION, ROTATED, UNREADABLE, read_orientation
from pipeline.storage.images import decode, probe
from tests.pipeline.storage.test_images import RGB, picture, saved

LIMIT = 100_000


def exif(kind: int = 3, count: int = 1, value: bytes = b"\x06\0\0\0", order: str = "<") -> bytes:
    """EXIF with one orientation entry of this TIFF type."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHI", 0x0112, kind, count) + value
    return mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


FORMS = {
    "short": (exif(), 6, ROTATED),
    "short, big-endian": (exif(value=b"\0\x06\0\0", order=">"), 6, ROTATED),
    "long": (exif(4), 6, ROTATED),
    "long, big-endian": (exif(4, value=b"\0\0\0\x06", order=">"), 6, ROTATED),
    "byte": (exif(1), 6, ROTATED),
    "byte, big-endian": (exif(1, value=b"\x06\0\0\0", order=">"), 6, ROTATED),
    "rational": (exif(5, value=b"\x1a\0\0\0") + struct.pack("<II", 6, 1), 1, NO_ORIENTATION),
    "ascii": (exif(2, 2, b"6\0\0\0"), 1, NO_ORIENTATION),
    "two shorts": (exif(3, 2, b"\x06\0\x01\0"), 6, ROTATED),
    "two longs": (exif(4, 2, b"\x1a\0\0\0") + struct.pack("<II", 6, 1), 6, ROTATED),
    "no short": (exif(3, 0), 1, NO_ORIENTATION),
    "zero": (exif(value=bytes(4)), 1, NO_ORIENTATION),
    "nine": (exif(value=b"\x09\0\0\0"), 1, NO_ORIENTATION),
    "garbage": (b"garbage" * 3, 1, UNREADABLE),
    "directory behind the end": (b"II*\0\xff\0\0\0", 1, UNREADABLE),
    "cut": (exif()[:14], 1, UNREADABLE),
    "empty": (b"", 1, UNREADABLE),
}


def segment(payload: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


def in_jpeg(payload: bytes) -> bytes:
    data = saved(RGB, "JPEG")
    return data[:2] + segment(b"Exif\0\0" + payload) + data[2:]


def in_webp(payload: bytes) -> bytes:
    return saved(RGB, "WEBP", lossless=True, exif=payload or b"\0")


def in_png(payload: bytes) -> bytes:
    data = saved(RGB, "PNG")
    at, checksum = data.index(b"IDAT") - 4, struct.pack(">I", zlib.crc32(b"eXIf" + payload))
    return data[:at] + struct.pack(">I", len(payload)) + b"eXIf" + payload + checksum + data[at:]


@pytest.mark.parametrize("holder", [in_jpeg, in_webp, in_png])
@pytest.mark.parametrize("form", FORMS)
def test_size_remark_and_pixels_agree(form: str, holder, capfd: pytest.CaptureFixture[str]) -> None:
    payload, orientation, note = FORMS[form]
    data = holder(payload)
    found, look = decode(data, max_pixels=LIMIT), probe(data, max_pixels=LIMIT)
    assert found.notes == look.notes == (note,)
    turned = orientation == 6
    assert found.pixels.shape == ((96, 64, 3) if turned else (64, 96, 3))
    assert (look.width, look.height) == found.pixels.shape[1::-1]
    assert (look.gray.shape[0] > look.gray.shape[1]) == turned
    expected = np.rot90(picture(), -1) if turned else picture()
    assert np.abs(found.pixels.astype(int) - expected).mean() < 6
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_the_one_of_pillow(orientation: int) -> None:
    payload = exif(value=bytes([orientation, 0, 0, 0]))
    assert read_orientation(payload)[0] == orientation
    for data in (in_png(payload), saved(RGB, "TIFF", tiffinfo={0x0112: orientation}), in_jpeg(payload)):
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        found = decode(data, max_pixels=LIMIT)
        assert np.array_equal(found.pixels, expected)
        assert (ROTATED in found.notes) == (orientation > 1)
    look = probe(in_jpeg(payload), max_pixels=LIMIT)
    whole = found.pixels.mean(axis=2)
    assert np.abs(look.gray.astype(float) - whole).mean() < 30


def test_of_two_exif_segments_the_first_counts() -> None:
    data = in_jpeg(exif())
    second = data[:2] + segment(b"Exif\0\0" + exif(value=b"\x03\0\0\0")) + data[2:]
    found = decode(second, max_pixels=LIMIT)
    assert found.notes == ("several EXIF segments, the first is read", ROTATED)
    assert np.array_equal(found.pixels, np.rot90(decode(saved(RGB, "JPEG"), max_pixels=LIMIT).pixels, 2))


def test_the_padding_byte_of_the_prefix_may_be_anything() -> None:
    assert read_orientation(b"Exif\0\xff" + exif()) == (6, (ROTATED,))


def test_avif_is_turned_by_its_container_and_bad_exif_is_no_hindrance() -> None:
    turned = saved(RGB, "AVIF", quality=95, exif=_with_orientation(6))
    found = decode(turned, max_pixels=LIMIT)
    assert found.notes == ("rotated by irot or imir",)
    assert np.abs(found.pixels.astype(int) - np.rot90(picture(), -1)).mean() < 6
    plain = saved(RGB, "AVIF", quality=95, exif=_with_orientation(1))
    assert plain.count(b"MM\0*\0\0\0\x08") == 1
    broken = plain.replace(b"MM\0*\0\0\0\x08", b"\xee" * 8)
    assert np.array_equal(decode(broken, max_pixels=LIMIT).pixels, decode(plain, max_pixels=LIMIT).pixels)


def _with_orientation(value: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112], made[0x010E] = value, "a picture"
    return made
