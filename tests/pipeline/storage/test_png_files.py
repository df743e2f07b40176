"""PNG files: only the picture's own chunks reach the decoder."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.storage import png_files
from pipeline.storage.images import BadImage, decode, probe
from tests.pipeline.storage.test_images import RGB, picture, saved

LIMIT = 100_000


def chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png(width: int, depth: int, colour: int, row: bytes, *extra: bytes) -> bytes:
    """A PNG of one row."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"".join([png_files.SIGNATURE, head, *extra, body, chunk(b"IEND", b"")])


def test_a_picture_without_end_chunk_is_scored_with_the_remark() -> None:
    data = saved(RGB, "PNG")
    for cut in (data[:-12], data[:-5], data[:-16]):  # the last one without the checksum of IDAT too
        found = decode(cut, max_pixels=LIMIT)
        assert found.notes == ("a PNG without its end chunk",)
        assert np.array_equal(found.pixels, picture())
    with pytest.raises(BadImage, match="cut off") as caught:
        decode(data[:-400], max_pixels=LIMIT)
    assert caught.value.status == "truncated"


@pytest.mark.parametrize(
    "name", [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"pHYs", b"tIME", b"fcTL", b"acTL", b"gAMA"]
)
def test_metadata_never_decides_over_pixels(name: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    data = saved(RGB, "PNG")
    at = data.index(b"IDAT") - 4
    for bad in (
        chunk(name, b"\xff" * 5),
        chunk(name, b"")[:-4] + b"bad!",
        chunk(name, b"x\0\0" + bytes(300)),
    ):
        found = decode(data[:at] + bad + data[at:], max_pixels=LIMIT)
        assert np.array_equal(found.pixels, picture())
    assert capfd.readouterr().err == ""


def test_a_wrong_checksum_is_said_and_a_broken_stream_refused() -> None:
    data = bytearray(saved(RGB, "PNG"))
    data[-13] ^= 1  # of IDAT's checksum
    found = decode(bytes(data), max_pixels=LIMIT)
    assert found.notes == ("damaged: the checksum of IDAT is wrong",)
    assert np.array_equal(found.pixels, picture())
    data[data.index(b"IDAT") + 400] ^= 1
    with pytest.raises(BadImage, match="cannot be decoded"):
        decode(bytes(data), max_pixels=LIMIT)
    data = bytearray(saved(RGB, "PNG"))
    data[19] ^= 1  # its width
    with pytest.raises(BadImage, match="header chunk is damaged"):
        decode(bytes(data), max_pixels=LIMIT)


CLEAR = {
    "gray": (png(2, 8, 0, b"\x90\x10", chunk(b"tRNS", b"\0\x10")), [0x90, 255]),
    "gray of 1 bit": (png(2, 1, 0, b"\x80", chunk(b"tRNS", b"\0\0")), [255, 255]),
    "gray of 2 bit": (png(2, 2, 0, b"\x90", chunk(b"tRNS", b"\0\1")), [170, 255]),
    "gray of 16 bit": (png(2, 16, 0, b"\x40\0\x01\x2c", chunk(b"tRNS", b"\x01\x2c")), [64, 255]),
    "gray and alpha": (png(2, 8, 4, b"\x40\xff\x77\x00"), [64, 255]),
    "half": (png(2, 8, 4, b"\x40\xff\x00\x80"), [64, 127]),
    "palette": (
        png(2, 8, 3, b"\0\1", chunk(b"PLTE", b"\x40\x40\x40\x99\x99\x99"), chunk(b"tRNS", b"\xff\0")),
        [64, 255],
    ),
    "colour of 16 bit": (
        png(2, 16, 2, b"\x40\0\x40\0\x40\0" + b"\x99\1\x88\2\x77\3", chunk(b"tRNS", b"\x99\1\x88\2\x77\3")),
        [64, 255],
    ),
}


@pytest.mark.parametrize("kind", CLEAR)
def test_what_is_hidden_under_alpha_does_not_count(kind: str) -> None:
    data, expected = CLEAR[kind]
    found = decode(data, max_pixels=LIMIT)
    assert found.pixels[0, :, 0].tolist() == expected
    assert "alpha laid over white" in found.notes
    assert probe(data, max_pixels=LIMIT).notes == found.notes


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "GIF", "JPEG2000"])
def test_the_same_visible_picture_gives_the_same_pixels(kind: str) -> None:
    shown = np.dstack([picture(), np.full((64, 96), 255, np.uint8)])
    pictures = []
    for hidden in ((255, 0, 255), (0, 90, 10)):
        shown[10:30, 20:60] = (*hidden, 0)
        options = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100}}.get(kind, {})
        pictures.append(decode(saved(Image.fromarray(shown), kind, **options), max_pixels=LIMIT))
    assert "alpha laid over white" in pictures[0].notes
    assert (pictures[0].pixels[14:26, 24:56] == 255).all()
    if kind in ("PNG", "WEBP", "TIFF", "JPEG2000"):
        assert np.array_equal(pictures[0].pixels, pictures[1].pixels)


def test_the_number_of_chunks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_files, "MAX_CHUNKS", 3)
    data = png_files.SIGNATURE + saved(RGB, "PNG")[8:33] + chunk(b"IDAT", b"") * 4
    with pytest.raises(BadImage, match="over 3 chunks"):
        decode(data, max_pixels=LIMIT)
