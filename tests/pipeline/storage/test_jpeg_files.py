"""JPEG files: damage is told, a missing end mark is not damage, and any numbering of tables will do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.storage import jpeg_files
from pipeline.storage.images import BadImage, decode, probe, recompress_like
from tests.pipeline.storage.test_images import RGB, picture, saved

LIMIT = 1_000_000
RNG = np.random.default_rng(5)
NOISY = np.clip(picture(200, 160) + RNG.normal(0, 9, (200, 160, 3)), 0, 255).astype(np.uint8)
KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 2},
    "4:2:2": {"subsampling": 1},
    "4:4:4": {"subsampling": 0, "quality": 95},
}


def scan(data: bytes) -> tuple[int, int]:
    """Where the entropy-coded data of a file begin and end."""
    return data.index(b"\xff\xda") + 14, len(data) - 2


def by_opencv(data: bytes, flag: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_give_the_pixels_of_opencv_bit_by_bit(kind: str, mode: str) -> None:
    for size in ((160, 200), (101, 67), (7, 9), (1, 1)):
        image = RGB.resize(size).convert(mode)
        data = saved(image, "JPEG", **KINDS[kind])
        found, look = decode(data, max_pixels=LIMIT), probe(data, max_pixels=LIMIT)
        if (
            "unusual chroma sampling, damage would not be noticed" in found.notes
        ):  # four inks, sub-sampled: by Pillow
            assert np.abs(found.pixels.astype(int) - by_opencv(data)).max() <= 1
            continue
        assert np.array_equal(found.pixels, by_opencv(data))
        assert np.array_equal(look.gray, by_opencv(data, _flag(size)))


def _flag(size: tuple[int, int]) -> int:
    return cv2.IMREAD_REDUCED_GRAYSCALE_2 if min(size) >= 96 else cv2.IMREAD_GRAYSCALE


DAMAGE = {
    "cut": lambda d, a, b: d[: (a + b) // 2] + d[b:],
    "zeroed": lambda d, a, b: d[: (a + b) // 2] + bytes(b - (a + b) // 2) + d[b:],
    "dropped": lambda d, a, b: d[: a + (b - a) // 3] + d[a + (b - a) // 2 :],
    "overwritten": lambda d, a, b: d[: a + (b - a) // 3] + b"\x5a" * 400 + d[a + (b - a) // 3 + 400 :],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["baseline", "restarts"])
def test_damage_inside_becomes_a_remark(kind: str, damage: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = saved(NOISY, "JPEG", **KINDS[kind])
    assert decode(data, max_pixels=LIMIT).notes == ()
    damaged = DAMAGE[damage](data, *scan(data))
    found = decode(damaged, max_pixels=LIMIT)
    assert any("damaged: Corrupt JPEG data" in note for note in found.notes)
    assert probe(damaged, max_pixels=LIMIT).notes == found.notes
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_picture_without_its_end_mark_is_scored_with_the_remark(kind: str) -> None:
    data = saved(NOISY, "JPEG", **KINDS[kind])
    for cut in (data[:-2], data[:-1]):
        found = decode(cut, max_pixels=LIMIT)
        assert found.notes == ("a JPEG without its end marker",)
        assert np.array_equal(found.pixels, decode(data, max_pixels=LIMIT).pixels)
    with pytest.raises(BadImage, match="without its end marker, and pixels are missing") as caught:
        decode(data[:-20], max_pixels=LIMIT)
    assert caught.value.status == "truncated"


def test_a_progressive_file_cut_between_two_scans_is_cut() -> None:
    data = saved(NOISY, "JPEG", progressive=True)
    for scans in (2, 4):
        at = -1
        for _ in range(scans):
            at = data.index(b"\xff\xda", at + 1)
        tables = data.rfind(b"\xff\xc4", 0, at)
        with pytest.raises(BadImage, match="scans are missing"):
            decode(data[: tables if tables > data.rfind(b"\xff\xda", 0, at) else at], max_pixels=LIMIT)


def renumbered(data: bytes) -> bytes:
    """The same JPEG with its tables 0 and 1 called 2 and 3."""
    changed, at = bytearray(data), data.index(b"\xff\xdb")
    changed[at + 4], changed[at + 69 + 4] = 2, 3
    frame = data.index(b"\xff\xc0")
    for component, table in enumerate((2, 3, 3)):
        changed[frame + 12 + 3 * component] = table
    return bytes(changed)


def test_tables_need_not_be_numbered_from_zero(capfd: pytest.CaptureFixture[str]) -> None:
    data = saved(NOISY, "JPEG", quality=60)
    other = renumbered(data)
    assert np.array_equal(decode(other, max_pixels=LIMIT).pixels, decode(data, max_pixels=LIMIT).pixels)
    np.testing.assert_array_equal(recompress_like(picture(), other), recompress_like(picture(), data))
    coarse = saved(NOISY, "JPEG", qtables=[[700] * 64])  # 16-bit tables
    capfd.readouterr()
    assert not np.array_equal(recompress_like(picture(), coarse), picture())
    assert capfd.readouterr().err == ""


def test_metadata_do_not_stand_between_a_file_and_its_tables() -> None:
    data = saved(NOISY, "JPEG", quality=60)
    bad = b"".join(b"\xff" + marker + b"\x00\x0aExif\0\0MM" for marker in (b"\xe1", b"\xe2", b"\xed"))
    found = recompress_like(picture(), data[:2] + bad + data[2:])
    np.testing.assert_array_equal(found, recompress_like(picture(), data))


def test_chroma_planes_of_different_sizes_are_read_and_said() -> None:
    data = bytearray(saved(RGB, "JPEG", subsampling=0))
    data[data.index(b"\xff\xc0") + 14] = 0x21  # of the first chroma component
    data[data.index(b"\xff\xc0") + 11] = 0x21
    found = decode(bytes(data), max_pixels=LIMIT)
    assert found.pixels.shape == (64, 96, 3)
    assert "unusual chroma sampling, damage would not be noticed" in found.notes
    assert probe(bytes(data), max_pixels=LIMIT).notes == found.notes


def test_work_is_bounded_by_the_header() -> None:
    data = saved(RGB, "JPEG", progressive=True)
    at = data.rfind(b"\xff\xda")
    many = data[:at] + data[at:-2] * 120 + data[-2:]
    with pytest.raises(BadImage, match=r"JPEG of \d+ scans, allowed are 100"):
        decode(many, max_pixels=LIMIT)
    comments = data[:2] + b"\xff\xfe\x00\x02" * (jpeg_files.MAX_SEGMENTS + 1) + data[2:]
    with pytest.raises(BadImage, match="over 10,000 header segments"):
        decode(comments, max_pixels=LIMIT)


def test_running_out_of_memory_is_not_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object, **__: object) -> None:
        raise ValueError("Insufficient memory (case 4)")

    monkeypatch.setattr(jpeg_files.simplejpeg, "decode_jpeg", ended)
    with pytest.raises(MemoryError, match="memory ended"):
        decode(saved(RGB, "JPEG"), max_pixels=LIMIT)
