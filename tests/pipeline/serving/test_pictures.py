"""A path, bytes, a file object, a PIL image and an array of one picture are the same pixels."""

import io
import os

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.serving.pictures import is_picture, name_of, read_picture
from pipeline.storage.images import BadImage

SIDE = 24


def drawn(mode="RGB"):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (SIDE, SIDE + 3, 3), dtype=np.uint8)).convert(mode)


def read(picture, *, max_pixels=10**6):
    return read_picture(picture, max_pixels=max_pixels).pixels


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "L", {}),
        ("PNG", "LA", {}),
        ("PNG", "P", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "1", {}),
        ("JPEG", "RGB", {"quality": 80}),
        ("JPEG", "RGB", {"quality": 80, "subsampling": 0}),
        ("JPEG", "L", {}),
        ("TIFF", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}),
    ],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_however_it_is_handed_over_it_is_the_same_picture(tmp_path, kind, mode, options, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.img"
    drawn(mode).save(path, kind, exif=exif, **options)
    data, pixels = path.read_bytes(), read(path)
    for same in (str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), pixels):
        np.testing.assert_array_equal(read(same), pixels)
    with path.open("rb") as stream:
        np.testing.assert_array_equal(read(stream), pixels)
    for image in (Image.open(path), Image.open(path).copy()):
        np.testing.assert_array_equal(read(image), pixels)


def test_an_array_is_taken_as_it_is_whatever_its_layout():
    pixels = np.asarray(drawn())
    np.testing.assert_array_equal(read(pixels[:, ::-1, ::-1]), pixels[:, ::-1, ::-1])
    assert read(pixels[:, ::-1]).flags.c_contiguous


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "F", "I"])
def test_every_mode_of_pil_becomes_rgb(mode):
    pixels = read(drawn(mode))
    assert pixels.shape == (SIDE, SIDE + 3, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 10


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            None,
            "a picture is NoneType; allowed are a path, bytes, a binary file object, a PIL image or a uint8",
        ),
        (3, "a picture is int"),
        ([["a.jpg"]], "a picture is list"),
        (
            np.zeros((4, 4), np.uint8),
            r"an array has shape \(4, 4\) and type uint8; allowed is \(H, W, 3\), uint8, RGB",
        ),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((4, 4, 3)), "type float64"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (io.StringIO("text"), "a file object gave str; open it in binary mode"),
    ],
)
def test_anything_else_is_a_type_error(value, message):
    with pytest.raises(TypeError, match=message):
        read(value)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"", "empty_file"),
        (b"text", "not_an_image"),
        ("/no/such/file.jpg", "missing_file"),
        ("http://example.org/a.jpg", "missing_file"),
        ("/dev/zero", "unreadable"),
        (os.curdir, "unreadable"),
        (np.zeros((2000, 2000, 3), np.uint8), "too_large"),
        (Image.new("RGB", (2000, 2000)), "too_large"),
    ],
)
def test_a_picture_that_cannot_be_read_says_why(value, status):
    with pytest.raises(BadImage) as error:
        read(value)
    assert error.value.status == status
    assert "\n" not in str(error.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(BadImage, match="pipe.jpg is no plain file; name one image file"):
        read(tmp_path / "pipe.jpg")


def test_a_damaged_pil_image_is_one_line(tmp_path):
    drawn().save(tmp_path / "a.png")
    cut = (tmp_path / "a.png").read_bytes()[:300]
    with pytest.raises(BadImage, match="the PngImageFile is cut off: .*; copy it again from its origin"):
        read(Image.open(io.BytesIO(cut)))


@pytest.mark.parametrize("at", ["load", "convert", "save"])
@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")])
def test_memory_that_runs_out_is_not_the_pictures(monkeypatch, at, error):
    def fail(*_, **__):
        raise error

    image = drawn("CMYK")
    monkeypatch.setattr(Image.Image, at, fail)
    with pytest.raises(MemoryError, match="the Image: memory ended while it was decoded"):
        read(image)


@pytest.mark.parametrize(("mode", "plain"), [("RGBa", "RGBA"), ("La", "LA")])
def test_alpha_that_colours_were_multiplied_with_is_laid_over_white_too(mode, plain):
    image = drawn("RGBA")
    image.putalpha(128)
    multiplied = image.convert(plain).convert(mode)
    pixels = read(multiplied)
    np.testing.assert_array_equal(pixels, read(multiplied.convert(plain)))
    assert pixels.min() >= 127


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_16_bit_is_reduced_whatever_its_byte_order(order):
    deep = np.full((SIDE, SIDE), 0x8123, order)
    assert (read(Image.fromarray(deep)) == 0x81).all()


def test_lab_is_a_colour_and_not_alpha():
    colour = Image.new("RGB", (SIDE, SIDE), (200, 100, 50))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(colour, *profiles, outputMode="LAB")
    assert np.abs(read(lab).astype(int) - read(colour)).max() <= 2


def test_messages_call_a_picture_by_its_path_or_its_type(tmp_path):
    assert name_of(tmp_path / "a.jpg") == str(tmp_path / "a.jpg")
    assert name_of(b"") == "the bytes"
    assert [is_picture(v) for v in ("a", b"", np.zeros(1), None, 3, ["a"])] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
