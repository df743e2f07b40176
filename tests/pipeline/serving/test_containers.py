"""Pictures in tar and Parquet files: the bytes that went in, in their order, and one line for what is none."""

import io
import pickle
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dataset.lists import LabelError
from pipeline.serving.command_line import inputs
from pipeline.serving.containers import pictures_in
from pipeline.serving.inputs import named_files
from pipeline.storage.images import BadImage

PICTURES = {"a/0001.jpg": b"first", "a/0002.png": b"second" * 100, "b.JPG": b""}


def tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def test_a_tar_file_gives_its_pictures_and_nothing_else(tmp_path):
    path = tar(tmp_path / "s.tar", PICTURES | {"a/0001.json": b"{}", "a/0001.cls": b"1"})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = pictures_in(path)
    assert {name: pickle.loads(pickle.dumps(packed)).read() for name, packed in found} == PICTURES
    assert [name for name, _ in found] == list(PICTURES)


@pytest.mark.parametrize("as_records", [True, False])
def test_a_parquet_file_gives_its_rows(tmp_path, as_records):
    datas = [f"picture {n}".encode() for n in range(7)] + [None]
    cells = [{"bytes": data, "path": None} for data in datas] if as_records else datas
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if as_records else pa.binary()
    columns = {"label": [0] * 8, "image": pa.array(cells, kind)}
    names = [f"{n}.jpg" for n in range(8)]
    pq.write_table(pa.table(columns | {"img_name": names}), tmp_path / "named.parquet", row_group_size=3)
    pq.write_table(pa.table(columns), tmp_path / "plain.parquet", row_group_size=3)
    found = pictures_in(tmp_path / "named.parquet")
    assert [name for name, _ in found] == names
    assert [packed.read() for _, packed in found] == [*datas[:7], b""]
    assert [name for name, _ in pictures_in(tmp_path / "plain.parquet")][:2] == [
        "plain.parquet#1",
        "plain.parquet#2",
    ]


def test_the_command_line_takes_them_beside_files_and_knows_that_they_are_read(tmp_path):
    path = tar(tmp_path / "s.tar", PICTURES)
    (tmp_path / "c.jpg").write_bytes(b"x")
    files = named_files([path, tmp_path / "c.jpg"], None).files
    assert [name for name, _ in files] == [*(f"{path}/{name}" for name in PICTURES), str(tmp_path / "c.jpg")]
    assert [name for name, _ in named_files([path], None).files] == list(PICTURES)
    assert list(inputs(files, bundle=tmp_path)) == [str(path), str(tmp_path / "c.jpg")]


def test_what_holds_no_pictures_is_one_line(tmp_path):
    with pytest.raises(LabelError, match=r"s.tar cannot be read: .*; name an uncompressed tar file"):
        pictures_in(tar(tmp_path / "s.tar", PICTURES, "w:gz"))
    with pytest.raises(LabelError, match=r"e.tar holds no picture; members of these endings"):
        pictures_in(tar(tmp_path / "e.tar", {"a.txt": b""}))
    (tmp_path / "t.parquet").write_bytes(b"text")
    with pytest.raises(LabelError, match=r"t.parquet cannot be read: "):
        pictures_in(tmp_path / "t.parquet")
    pq.write_table(pa.table({"label": [1]}), tmp_path / "n.parquet")
    with pytest.raises(LabelError, match=r"has the columns label; one of image, .* has to hold the bytes"):
        pictures_in(tmp_path / "n.parquet")


def test_a_container_that_goes_away_affects_its_pictures_alone(tmp_path):
    path = tar(tmp_path / "s.tar", PICTURES)
    ((_, packed), *_) = pictures_in(path)
    path.unlink()
    with pytest.raises(BadImage, match="is not there"):
        packed.read()
