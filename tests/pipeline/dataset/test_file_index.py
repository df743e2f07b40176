"""Each file is read once per change, and a killed run keeps what it had."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset import file_index
from pipeline.dataset.file_index import FileTable
from pipeline.runtime.engine import Engine
from tests.pipeline.dataset.pictures import draw


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for pictures, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def update(images: Path, table: FileTable, *, workers: int = 1) -> int:
    files = []
    for path in sorted((images).iterdir()):
        facts = path.stat()
        files.append((str(path), facts.st_size, facts.st_mtime_ns))
    return table.update(files, engine=Engine(workers=workers))


def test_only_new_and_changed_files_are_read_again(images: Path) -> None:
    for i in range(5):
        draw(images / f"{i}.jpg", i)
    folder = Path("cache/files")
    assert update(images, FileTable(folder, 10**6).load()) == 5
    assert update(images, FileTable(folder, 10**6).load()) == 0
    draw(images / "1.jpg", 99)
    draw(images / "new.jpg", 98)
    (images / "4.jpg").unlink()
    table = FileTable(folder, 10**6).load()
    assert update(images, table) == 2
    fresh = FileTable(Path("other"), 10**6)
    assert update(images, fresh) == 5
    assert FileTable(folder, 10**6).load().rows == fresh.rows == table.rows


def test_another_pixel_limit_or_a_damaged_table_starts_again(images: Path) -> None:
    draw(images / "a.jpg", 1)
    folder = Path("cache/files")
    update(images, FileTable(folder, 10**6))
    assert update(images, FileTable(folder, 9000).load()) == 1
    assert next(iter(FileTable(folder, 9000).load().rows.values()))[7] == "too_large"
    (folder / "files.parquet").write_bytes(b"half a file")
    assert update(images, FileTable(folder, 9000).load()) == 1


def test_a_killed_run_keeps_what_it_had(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        draw(images / f"{i}.jpg", i)
    monkeypatch.setattr(file_index, "FILES_PER_TASK", 2)
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr(file_index.time, "monotonic", lambda: float(next(clock)))
    whole, calls = file_index.describe_all, []

    def dies(files: list, *, max_pixels: int) -> list:
        calls.append(files)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(files, max_pixels=max_pixels)

    monkeypatch.setattr(file_index, "describe_all", dies)
    folder = Path("cache/files")
    with pytest.raises(KeyboardInterrupt):
        update(images, FileTable(folder, 10**6).load())
    monkeypatch.setattr(file_index, "describe_all", whole)
    assert update(images, FileTable(folder, 10**6).load()) == 4  # saved after the first chunk of two
    assert [p.name for p in folder.iterdir()] == ["files.parquet"]


def test_the_table_does_not_depend_on_the_workers(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(12):
        draw(images / f"{i}.jpg", i)
    monkeypatch.setattr(file_index, "FILES_PER_TASK", 1)
    for workers, name in ((1, "one"), (2, "two")):
        assert update(images, FileTable(Path(name), 10**6), workers=workers) == 12
    assert Path("one/files.parquet").read_bytes() == Path("two/files.parquet").read_bytes()


def test_a_file_that_vanished_while_it_was_read_is_tried_again(images: Path) -> None:
    path = images / "a.jpg"
    draw(path, 1)
    key = (str(path), path.stat().st_size, path.stat().st_mtime_ns)
    hidden = path.rename(path.with_suffix(".hidden"))
    table = FileTable(Path("cache/files"), 10**6)
    assert table.update([key], engine=Engine(workers=1)) == 1
    assert table.rows[key][7] == "missing_file"
    hidden.rename(path)
    again = FileTable(Path("cache/files"), 10**6).load()
    assert again.update([key], engine=Engine(workers=1)) == 1
    assert again.rows[key][7] == "ok"


def test_a_file_that_is_no_picture_has_its_reason(images: Path) -> None:
    (images / "a.jpg").write_text("hello")
    row = file_index.describe((str(images / "a.jpg"), 5, 0), max_pixels=10**6)
    assert row[7] == "not_an_image"
    assert "is text" in row[8]
    assert len(row) == len(file_index.COLUMNS)
