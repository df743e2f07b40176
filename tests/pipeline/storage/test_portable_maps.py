"""Netpbm's files: a value is a share of the maximum that the file states."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.storage.images import BadImage, decode, probe

LIMIT = 100_000


def pixels(data: bytes) -> list:
    found = decode(data, max_pixels=LIMIT)
    assert (found.pixels[..., 0] == found.pixels[..., 2]).all()
    assert probe(data, max_pixels=LIMIT).notes == found.notes
    return found.pixels[..., 0].tolist()


@pytest.mark.parametrize("maximum", [1, 15, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_maximum_is_white_and_the_middle_gray(maximum: int, channels: int) -> None:
    values = np.array([[0, maximum // 2, maximum]]).repeat(channels, axis=1)
    expected = [[0, round(maximum // 2 / maximum * 255), 255]]
    kind = np.uint8 if maximum < 256 else np.dtype(">u2")
    binary, plain = (b"P5", b"P2") if channels == 1 else (b"P6", b"P3")
    head = b" # a comment\n3 1\n%d\n" % maximum
    assert pixels(binary + head + values.astype(kind).tobytes()) == expected
    assert pixels(plain + head + " ".join(map(str, values.ravel())).encode()) == expected


def test_bitmaps_are_black_where_the_bit_is_set() -> None:
    assert pixels(b"P1 3 2\n101\n0 1 0") == [[0, 255, 0], [255, 0, 255]]
    assert pixels(b"P4\n3 2\n\xa0\x40") == [[0, 255, 0], [255, 0, 255]]


@pytest.mark.parametrize(("order", "scale"), [("<f4", b"-1.0"), (">f4", b"1.0")])
@pytest.mark.parametrize("magic", [b"Pf", b"PF"])
def test_float_pictures_have_three_channels_and_begin_at_the_bottom(
    order: str, scale: bytes, magic: bytes
) -> None:
    values = np.array([[0.0, 0.5], [1.0, 2.0]]).repeat(3 if magic == b"PF" else 1, axis=1)
    data = magic + b"\n2 2\n" + scale + b"\n" + values.astype(order).tobytes()
    found = decode(data, max_pixels=LIMIT)
    assert found.pixels.shape == (2, 2, 3)
    assert found.pixels[..., 1].tolist() == [[128, 255], [0, 64]]
    assert found.notes == ("stretched to 8 bit",)


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"P5 3 1 255\nab", "truncated", "2 bytes of pixels of the 3"),
        (b"P2 3 1 255\n1 2", "truncated", "2 values of the 3"),
        (b"P5 3", "truncated", "inside its header"),
        pytest.param(b"P5" + b" " * 10**6, "truncated", "inside its header", id="spaces"),
        (b"P5 0 1 255\n", "unreadable", "states the size 0 x 1"),
        (b"P5 3 1 70000\nabc", "unreadable", "maximum 70000"),
        (b"P5 3 x 255\nabc", "unreadable", "no numbers where its size stands"),
        (b"P2 3 1 255\n1 b 2", "unreadable", "its pixels are no numbers"),
        (b"Pf 1 1 -1\n" + np.float32(np.nan).tobytes(), "unreadable", "not finite"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, status: str, says: str) -> None:
    with pytest.raises(BadImage, match=says) as caught:
        decode(data, max_pixels=LIMIT)
    assert caught.value.status == status


def test_values_above_the_maximum_are_cut_and_said() -> None:
    data = b"P5 2 1 100\n\x32\xff"
    assert pixels(data) == [[128, 255]]
    assert "values above the stated maximum" in decode(data, max_pixels=LIMIT).notes
