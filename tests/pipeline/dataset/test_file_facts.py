"""File facts are those that the encoder was given."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.dataset import file_facts
from pipeline.storage import jpeg_files
from pipeline.storage.hashed_files import ChangedFile, HashedFile
from tests.pipeline.dataset.pictures import noise
from tests.pipeline.hashed import hashed


def facts_of(path: Path) -> dict[str, float]:
    values = file_facts.facts(hashed(path), max_pixels=10**6)
    assert values is not None
    return dict(zip(file_facts.COLUMNS, values, strict=True))


def saved(path: Path, mode: str = "RGB", **options: object) -> dict[str, float]:
    """Facts of a picture saved with these options."""
    Image.fromarray(noise(0)).convert(mode).save(path, **options)
    return facts_of(path)


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 97])
def test_jpeg_quality_is_read_from_the_tables(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(0)).save(path, quality=quality, subsampling=2)
    values = facts_of(path)
    assert values["quality"] == pytest.approx(quality, abs=1.0)
    assert values["tables"] == 2
    assert values["subsampling"] == 0x22
    assert values["kind"] == 0


def test_file_facts_see_container_exif_and_profile(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "seen"
    image = Image.fromarray(noise(0))
    buffers = {}
    for kind in ("JPEG", "PNG"):
        buffer = io.BytesIO()
        image.save(buffer, kind, exif=exif)
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(buffer.getvalue())
        buffers[kind] = facts_of(path)
    assert buffers["JPEG"]["exif"] == buffers["PNG"]["exif"] == 1
    assert buffers["JPEG"]["kind"] != buffers["PNG"]["kind"]
    assert np.isnan(buffers["PNG"]["quality"])
    (tmp_path / "text.jpg").write_text("no picture")
    assert file_facts.facts(hashed(tmp_path / "text.jpg"), max_pixels=10**6) is None
    with pytest.raises(ChangedFile, match="is not there"):
        file_facts.facts(HashedFile(str(tmp_path / "none.jpg"), ""), max_pixels=10**6)


@pytest.mark.parametrize(("subsampling", "byte"), [(0, 0x11), (1, 0x21), (2, 0x22)])
@pytest.mark.parametrize("progressive", [False, True])
def test_sub_sampling_and_progressive_files(
    tmp_path: Path, subsampling: int, byte: int, progressive: bool
) -> None:
    values = saved(tmp_path / "a.jpg", subsampling=subsampling, progressive=progressive)
    assert (values["subsampling"], values["progressive"]) == (byte, progressive)


def test_gray_and_cmyk_files(tmp_path: Path) -> None:
    gray, cmyk = (saved(tmp_path / f"{mode}.jpg", mode, quality=80) for mode in ("L", "CMYK"))
    assert (gray["tables"], gray["subsampling"], gray["converted"]) == (1, 0x11, 1)
    assert gray["quality"] == pytest.approx(80, abs=1)
    assert np.isnan(gray["chroma_quality"])
    assert (cmyk["subsampling"], cmyk["converted"]) == (0x11, 1)


def test_tables_need_not_be_numbered_from_zero(tmp_path: Path) -> None:
    expected = saved(tmp_path / "a.jpg", quality=80)
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    data[data.index(b"\xff\xdb") + 4] = 2  # number of the first table, and the luminance's use of it
    data[data.index(b"\xff\xc0") + 12] = 2
    (tmp_path / "b.jpg").write_bytes(bytes(data))
    changed = {name for name, value in facts_of(tmp_path / "b.jpg").items() if value != expected[name]}
    assert changed == {"table_hash"}


def test_a_single_wide_table(tmp_path: Path) -> None:
    values = saved(tmp_path / "a.jpg", qtables=[[300] * 64])
    assert values["tables"] == 1
    assert values["quality"] == pytest.approx(5000 / (100 * 300 * 64 / 3688))


def test_what_has_no_tables_says_so(tmp_path: Path) -> None:
    for suffix in ("png", "webp", "bmp"):
        values = saved(tmp_path / f"a.{suffix}")
        assert values["tables"] == values["exif"] == values["profile"] == values["progressive"] == 0
        assert np.isnan([values[name] for name in ("quality", "chroma_quality", "subsampling")]).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_colour_profile_is_seen(tmp_path: Path, suffix: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert saved(tmp_path / f"a.{suffix}", icc_profile=profile)["profile"] == 1


def test_what_cannot_be_read_is_unknown_and_the_row_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = saved(tmp_path / "a.jpg")
    monkeypatch.setattr(jpeg_files, "coding", lambda *_: None)
    values = facts_of(tmp_path / "a.jpg")
    assert np.isnan([values["quality"], values["tables"], values["subsampling"]]).all()
    assert (values["width"], values["red"]) == (expected["width"], expected["red"])


def test_tables_are_those_of_the_components_in_whatever_order_they_stand(tmp_path: Path) -> None:
    expected = saved(tmp_path / "a.jpg", quality=80)
    data = (tmp_path / "a.jpg").read_bytes()
    at = data.index(b"\xff\xdb")
    luma, chroma = data[at : at + 69], data[at + 69 : at + 138]
    (tmp_path / "b.jpg").write_bytes(data[:at] + chroma + luma + data[at + 138 :])
    changed = {name for name, value in facts_of(tmp_path / "b.jpg").items() if value != expected[name]}
    assert changed == {"table_hash"}
