"""Every kind of image file, whole and damaged, through the one decode."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.storage.images import BadImage, decode, probe, read_image, recompress_like

LIMIT = 10_000


def picture(height: int = 64, width: int = 96) -> np.ndarray:
    """A smooth colour pattern without symmetry: dark at the top left, so that rotations show."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [255 * x / width, 255 * y / height, 127 + 60 * np.sin(x / 9 + y / 5)]
    return np.stack(planes, axis=2).astype(np.uint8)


def saved(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned() -> Image.Exif:
    """EXIF that says: shown after a quarter turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


RGB = Image.fromarray(picture())
PALETTE = RGB.quantize(32)
FRAMES = [Image.fromarray(np.roll(picture(), 9 * i, axis=1)) for i in range(3)]
ANIMATED = {"save_all": True, "append_images": FRAMES[1:]}
DEEP = picture()[..., ::-1].astype(np.uint16) * 257
CASES = {
    "gray jpeg": (saved(RGB.convert("L"), "JPEG"), ("converted from gray",)),
    "cmyk": (saved(RGB.convert("CMYK"), "JPEG"), ("converted from CMYK",)),
    "rgba": (saved(RGB.convert("RGBA"), "PNG"), ("opaque alpha dropped",)),
    "palette": (saved(PALETTE, "PNG"), ("converted from palette",)),
    "palette alpha": (
        saved(PALETTE, "PNG", transparency=3),
        ("converted from palette", "alpha laid over white"),
    ),
    "16-bit": (cv2.imencode(".png", DEEP)[1].tobytes(), ("16-bit reduced to 8",)),
    "16-bit tiff": (cv2.imencode(".tiff", DEEP)[1].tobytes(), ("16-bit reduced to 8",)),
    "gif": (
        saved(FRAMES[0], "GIF", **ANIMATED),
        ("converted from palette", "first of several frames"),
    ),
    "apng": (saved(FRAMES[0], "PNG", **ANIMATED), ("first of 3 frames",)),
    "webp": (saved(FRAMES[0], "WEBP", lossless=True, **ANIMATED), ("first of 3 frames",)),
    "bmp": (saved(RGB, "BMP"), ()),
    "jpeg": (saved(RGB, "JPEG", quality=95), ()),
    "progressive": (saved(RGB, "JPEG", quality=95, progressive=True), ()),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_becomes_upright_rgb_with_its_notes(name: str) -> None:
    data, notes = CASES[name]
    found = decode(data, max_pixels=LIMIT)
    assert found.notes == notes
    assert found.pixels.dtype == np.uint8
    assert found.pixels.shape == (64, 96, 3)
    expected = picture()
    if "gray" in name:
        assert np.array_equal(found.pixels[..., 0], found.pixels[..., 2])
        expected = np.repeat(np.asarray(RGB.convert("L"))[..., None], 3, axis=2)
    if "palette" in name:
        expected = np.array(PALETTE.convert("RGB"))
        expected[(np.asarray(PALETTE) == 3) & ("alpha" in name)] = 255
        assert np.array_equal(found.pixels, expected)
    assert np.abs(found.pixels.astype(int) - expected).mean() < 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_honoured(kind: str) -> None:
    data = saved(RGB, kind, exif=turned())
    found = decode(data, max_pixels=LIMIT)
    assert found.notes == ("rotated by EXIF",)
    assert np.abs(found.pixels.astype(int) - np.rot90(picture(), -1)).mean() < 6
    look = probe(data, max_pixels=LIMIT)
    assert (look.width, look.height) == (64, 96)
    assert look.gray.shape[0] > look.gray.shape[1]


def test_lossless_files_keep_every_value() -> None:
    for kind in ("PNG", "BMP"):
        assert np.array_equal(decode(saved(RGB, kind), max_pixels=LIMIT).pixels, picture())


def test_float_tiff_is_stretched() -> None:
    ramp = np.linspace(-3.0, 5.0, 96, dtype=np.float32)[None].repeat(64, axis=0)
    found = decode(saved(Image.fromarray(ramp), "TIFF"), max_pixels=LIMIT)
    assert found.notes == ("stretched to 8 bit",)
    assert found.pixels[0, 0, 0] == 0
    assert found.pixels[0, -1, 0] == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_one_pixel_is_a_picture(kind: str) -> None:
    data = saved(RGB.resize((1, 1)), kind)
    assert decode(data, max_pixels=LIMIT).pixels.shape == (1, 1, 3)
    assert probe(data, max_pixels=LIMIT).gray.shape == (1, 1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_cut_files_are_refused_never_half_decoded(kind: str, share: float) -> None:
    whole = saved(picture(240, 320), kind)
    data = whole[: int(len(whole) * share)]
    for look in (decode, probe):
        with pytest.raises(BadImage) as caught:
            look(data, max_pixels=100_000, where="a.jpg")
        assert caught.value.status == "truncated"
        assert "a.jpg" in caught.value.detail


def test_a_jpeg_cut_behind_a_whole_thumbnail_is_still_cut() -> None:
    """The end marker of an embedded thumbnail does not stand in for that of the picture."""
    thumbnail = saved(RGB.resize((8, 8)), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    data = saved(RGB, "JPEG", exif=exif)
    assert decode(data, max_pixels=LIMIT).pixels.shape == (64, 96, 3)
    with pytest.raises(BadImage, match="without its end marker"):
        decode(data[:-40], max_pixels=LIMIT)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_bytes_behind_the_end_do_not_matter(kind: str) -> None:
    data = saved(RGB, kind)
    plain = decode(data, max_pixels=LIMIT).pixels
    assert np.array_equal(decode(data + b"trailing" * 99, max_pixels=LIMIT).pixels, plain)


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"", "empty_file", "is empty"),
        (b"no picture\n" * 9, "not_an_image", "is text"),
        (bytes(99), "not_an_image", "of no known image format"),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x04ab\xff\xd9", "unreadable", "states no size"),
    ],
)
def test_what_is_no_image_says_so(data: bytes, status: str, says: str) -> None:
    with pytest.raises(BadImage, match=says) as caught:
        decode(data, max_pixels=LIMIT, where="x.jpg")
    assert caught.value.status == status


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_size_is_refused_by_the_header_alone(kind: str) -> None:
    data = saved(Image.new("L", (3000, 2000)), kind)
    with pytest.raises(BadImage, match=r"3000 x 2000 = 6,000,000 pixels, allowed are 10,000"):
        decode(data, max_pixels=LIMIT)
    assert decode(data, max_pixels=6_000_000).pixels.shape == (2000, 3000, 3)


def test_a_header_that_states_a_huge_size_is_refused_before_decoding() -> None:
    data = bytearray(saved(RGB, "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(BadImage, match=r"65535 x 65535"):
        decode(bytes(data), max_pixels=100_000_000)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="is not there") as caught:
        read_image(tmp_path / "no.jpg", max_pixels=LIMIT)
    assert caught.value.status == "missing_file"
    with pytest.raises(BadImage, match="cannot be read") as caught:
        read_image(tmp_path, max_pixels=LIMIT)
    assert caught.value.status == "unreadable"


def test_glance_agrees_with_the_decode() -> None:
    image = picture(600, 800)
    for kind in ("JPEG", "PNG"):
        data = saved(image, kind)
        look = probe(data, max_pixels=10**6)
        assert (look.width, look.height) == (800, 600)
        assert min(look.gray.shape) >= 48
        whole = cv2.cvtColor(decode(data, max_pixels=10**6).pixels, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(whole, look.gray.shape[::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - look.gray).max() <= 4


def test_a_broken_colour_profile_makes_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    data = saved(RGB, "PNG", icc_profile=b"abc" * 40)
    assert np.array_equal(decode(data, max_pixels=LIMIT).pixels, picture())
    assert capfd.readouterr().err == ""


def test_bad_image_travels_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(BadImage("truncated", "cut")))
    assert (copy.status, copy.detail) == ("truncated", "cut")


@pytest.mark.parametrize("quality", [30, 92])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_like_file_is_saving_with_the_files_own_tables(quality: int, subsampling: int) -> None:
    other = picture(40, 72)[::-1].copy()
    data = saved(picture(), "JPEG", quality=quality, subsampling=subsampling)
    again = decode(saved(other, "JPEG", quality=quality, subsampling=subsampling), max_pixels=LIMIT).pixels
    np.testing.assert_array_equal(recompress_like(other, data), again)
    assert (again != other).any()


def test_like_file_of_gray_and_of_four_inks_is_still_a_picture() -> None:
    for mode in ("L", "CMYK"):
        data = saved(Image.fromarray(picture()).convert(mode), "JPEG", quality=40)
        made = recompress_like(picture(), data)
        assert made.shape == picture().shape
        assert 0 < np.abs(made.astype(float) - picture()).mean() < 12


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_like_file_leaves_what_tells_no_quality(kind: str) -> None:
    np.testing.assert_array_equal(recompress_like(picture(), saved(picture(), kind)), picture())
