"""What a command line asks for: folders, files and lists, and the order of their rows."""

from pathlib import Path

import pytest

from pipeline.dataset.lists import LabelError
from pipeline.serving.inputs import in_order, named_files
from pipeline.serving.scoring import BY_MODEL, PredictionRow


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "deep/a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_folder_gives_its_images_sorted_and_a_file_its_name(folder):
    files, bad = named_files([folder, folder / "notes.txt"], None)
    assert [name for name, _ in files] == ["b.jpg", "deep/a.png", str(folder / "notes.txt")]
    assert bad == {}


def test_a_list_gives_its_rows_in_order_and_its_bad_rows_their_place(folder):
    (folder / "names.txt").write_text("img_name\nabsent.jpg\nb.jpg\n")
    files, bad = named_files([folder], folder / "names.txt")
    assert [name for name, _ in files] == ["absent.jpg", "b.jpg"]
    assert [(place, row.status) for place, row in bad.items()] == [(0, "missing_file")]
    rows = list(in_order(files, bad, iter([[PredictionRow("b.jpg", 0.9, BY_MODEL, "ok", "")]]), 0.25))
    assert [(row.name, row.score) for row in rows] == [("absent.jpg", 0.25), ("b.jpg", 0.9)]


@pytest.mark.parametrize(
    ("images", "listing", "message"),
    [
        (["deep", "."], "names.txt", "--list needs --images to be the one folder"),
        (["."], "gone.txt", "--list .*gone.txt is not a file"),
        (["empty"], None, "no image in .*empty; files with these endings are read: "),
        (["b.jpg", "typo_folder"], None, "typo_folder is not there; name a folder or image files"),
    ],
)
def test_what_cannot_be_read_is_said(folder, images, listing, message):
    (folder / "empty").mkdir()
    (folder / "names.txt").write_text("img_name\nb.jpg\n")
    with pytest.raises(LabelError, match=message):
        named_files([folder / name for name in images], Path(folder / listing) if listing else None)
