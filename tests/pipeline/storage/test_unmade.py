"""Files that changed under a run are named in a list, and the next manifest takes the list away."""

import pytest

from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.unmade import FilesGoneError, Unmade, refuse_if_most, take_issues, write_issues

GONE = Unmade("k1", "pictures/caf\udce9.jpg", "missing_file", "pictures/caf\udce9.jpg is not there")
OTHER = Unmade("k2", "b.jpg", "changed_file", "b.jpg has other bytes, and a comma")


def test_a_file_is_named_once_however_many_rows_it_has(tmp_path, capsys):
    write_issues(
        tmp_path / "embed_small.csv", [OTHER, GONE, Unmade("k3", OTHER.path, OTHER.status, OTHER.detail)]
    )
    assert (tmp_path / "embed_small.csv").read_bytes().split(b"\n") == [
        b"path,status,detail",
        b'b.jpg,changed_file,"b.jpg has other bytes, and a comma"',
        b"pictures/caf\xe9.jpg,missing_file,pictures/caf\xe9.jpg is not there",
        b"",
    ]
    said = capsys.readouterr().err
    assert "2 files are not what stage manifest saw, and their 3 rows are missing in embed_small" in said
    assert "embed_small.csv names them. The next `dvc repro` asks for them again" in said


def test_lists_that_name_something_are_taken_away_and_empty_ones_stay(tmp_path, capsys):
    assert take_issues(tmp_path / "nowhere") == set()
    write_issues(tmp_path / "faces.csv", [])
    assert capsys.readouterr().err == ""
    write_issues(tmp_path / "spectral.csv", [GONE])
    assert take_issues(tmp_path) == {GONE.path}
    assert [file.name for file in tmp_path.iterdir()] == ["faces.csv"]


def test_a_run_goes_on_without_some_files_and_not_without_most():
    refuse_if_most("faces", [], rows=0)
    refuse_if_most("faces", [OTHER] * 5, rows=10)
    with pytest.raises(
        FilesGoneError, match="stage faces: 6 of 10 rows could not be made, e.g. changed_file: b.jpg"
    ):
        refuse_if_most("faces", [OTHER] * 6, rows=10)


def test_an_unmade_row_names_the_file_that_failed():
    changed = ChangedFile("missing_file", "a.jpg is not there", "a.jpg")
    assert Unmade.by(changed, row="k") == Unmade("k", "a.jpg", "missing_file", "a.jpg is not there")
    assert Unmade.by(changed, row="k").reason == "missing_file: a.jpg is not there"
