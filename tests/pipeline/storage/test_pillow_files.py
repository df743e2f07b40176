"""Formats are told by content; nothing else is opened, nothing starts, nothing is printed."""

from __future__ import annotations

import io
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset import file_facts
from pipeline.storage import pillow_files
from pipeline.storage.images import BadImage, decode, inspect, probe, recompress_like
from tests.pipeline.hashed import hashed
from tests.pipeline.storage.test_images import RGB, picture, saved

LIMIT = 100_000
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize("program", ["gs", "gswin64c", "dwebp", "djpeg", "ffmpeg", "xdg-open"])
def test_no_program_is_started(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, trace = tmp_path / program, tmp_path / "started"
    fake.write_text(f"#!/bin/sh\ntouch {trace}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name, data in {"a.jpg": EPS, "b.png": b"\xc5\xd0\xd3\xc6" + EPS, "c.jpg": EPS[1:]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadImage, match="whatever its name says") as caught:
            decode(data, max_pixels=LIMIT, where=name)
        assert caught.value.status == "not_an_image"
        assert file_facts.facts(hashed(tmp_path / name), max_pixels=LIMIT) is None
        assert np.array_equal(recompress_like(picture(), data), picture())
    assert not trace.exists()


@pytest.mark.parametrize("kind", ["PCX", "TGA", "ICO", "SGI", "MSP", "DDS", "QOI", "XBM", "PDF", "EPS"])
def test_other_formats_that_pillow_knows_are_refused(kind: str) -> None:
    image = RGB.convert("1") if kind in ("MSP", "XBM") else RGB
    with pytest.raises(BadImage, match="read are JPEG, PNG, WebP") as caught:
        decode(saved(image, kind), max_pixels=LIMIT)
    assert caught.value.status == "not_an_image"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "AVIF", "PPM"])
def test_formats_are_told_by_content(kind: str) -> None:
    data = saved(RGB, kind)
    assert inspect(data).kind == kind.lower()
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decode(data, max_pixels=LIMIT).pixels, np.asarray(image.convert("RGB")))


def test_a_gif_is_its_first_frame_however_much_follows() -> None:
    frame = saved(RGB, "GIF")
    body = frame.index(b",", 13 + 3 * 2 ** ((frame[10] & 7) + 1))
    many = frame[:-1] + frame[body:-1] * 300 + b"!\xfe\x01x\0" * 100_000 + b";"
    comments = frame[:body] + b"!\xfe\x01x\0" * 100_000 + frame[body:]
    for data, notes in ((many, ("first of several frames",)), (comments, ())):
        start = time.process_time()
        found = decode(data, max_pixels=LIMIT)
        assert time.process_time() - start < 2
        assert found.notes == ("converted from palette", *notes)
        assert np.array_equal(found.pixels, decode(frame, max_pixels=LIMIT).pixels)
    assert decode(frame[:-1], max_pixels=LIMIT).notes[1:] == ("a GIF without its end mark",)


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_cut_behind_its_picture_is_scored_with_the_remark(lossless: bool) -> None:
    options = {"lossless": lossless, "exif": Image.Exif(), "xmp": b"x" * 200}
    data = saved(RGB, "WEBP", **options)
    found = decode(data[:-90], max_pixels=LIMIT)
    assert found.notes == ("a WebP cut off behind its picture",)
    assert np.array_equal(found.pixels, decode(data, max_pixels=LIMIT).pixels)
    with pytest.raises(BadImage, match="bytes of the .* that its header states") as caught:
        decode(data[: len(data) - 300], max_pixels=LIMIT)
    assert caught.value.status == "truncated"


def test_a_tiff_is_its_first_directory_however_many_follow() -> None:
    data = bytearray(saved(RGB, "TIFF"))
    (at,) = struct.unpack_from("<I", data, 4)
    link = at + 2 + 12 * struct.unpack_from("<H", data, at)[0]
    data += bytes(len(data) % 2)
    struct.pack_into("<I", data, link, len(data))
    entry = struct.pack(
        "<HHHII", 1, 0x0100, 3, 1, 1
    )  # a directory that states a width, and where the next one is
    first = len(data)
    data += b"".join(entry + struct.pack("<I", first + 18 * (i + 1)) for i in range(100_000))
    data += entry + bytes(4)
    start = time.process_time()
    found = decode(bytes(data), max_pixels=LIMIT)
    assert time.process_time() - start < 0.5
    assert found.notes == ("first of several frames",)
    assert np.array_equal(found.pixels, picture())


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_what_libtiff_says_is_in_the_reason_and_not_on_the_terminal(
    compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(saved(picture(200, 300), "TIFF", compression=compression))
    data[300:340] = b"\xff" * 40
    with pytest.raises(BadImage, match=r"cannot be decoded: .*\(.+\)") as caught:
        decode(bytes(data), max_pixels=LIMIT)
    assert caught.value.status == "unreadable"
    assert capfd.readouterr().err == ""


def test_what_pillow_logs_is_not_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(saved(RGB, "TIFF"))
    at = data.index(struct.pack("<HHI", 0x0115, 3, 1))  # samples per pixel
    data[at + 8 : at + 10] = b"\x02\x88"
    with pytest.raises(BadImage, match="cannot be decoded"):
        decode(bytes(data), max_pixels=LIMIT)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("TIFF", np.uint16),
        ("TIFF", np.int32),
        ("TIFF", np.float32),
        ("PNG", np.uint16),
        ("JPEG2000", np.uint16),
    ],
)
def test_deep_gray_has_three_channels(kind: str, dtype: type) -> None:
    deep = np.linspace(0, 65535, 6144).reshape(64, 96).astype(dtype)
    found = decode(saved(Image.fromarray(deep), kind), max_pixels=LIMIT)
    assert np.abs(found.pixels.astype(int) - (deep[..., None] / 257)).max() <= 1
    assert found.pixels.shape == (64, 96, 3)
    assert not any("alpha" in note for note in found.notes)


def test_heic_says_which_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BadImage, match=r"needs the package pillow-heif: pip install -e '\.\[heic\]'"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), max_pixels=LIMIT)


def test_heic_is_read_upright() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(RGB).save(buffer, quality=95, exif=_quarter_turn())
    found = decode(buffer.getvalue(), max_pixels=LIMIT)
    look = probe(buffer.getvalue(), max_pixels=LIMIT)
    assert found.pixels.shape == (96, 64, 3)
    assert (look.width, look.height) == (64, 96)
    assert np.abs(found.pixels.astype(int) - np.rot90(picture(), -1)).mean() < 6


def _quarter_turn() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_large_picture_is_taken_over_in_strips(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(RGB.convert(mode), "PNG")
    whole = decode(data, max_pixels=LIMIT).pixels
    monkeypatch.setattr(pillow_files, "_STRIP_PIXELS", RGB.width * 3 + 1)
    strips = decode(data, max_pixels=LIMIT).pixels
    assert np.array_equal(strips, whole)
    assert strips.flags.writeable and strips.flags.c_contiguous
