"""Files appear whole or not at all; links are the same file."""

import errno
import json
import os

import pandas as pd
import pytest

from models.unfinished import part_of
from pipeline.storage import files
from pipeline.storage.file_names import storable
from pipeline.storage.files import appearing, link_or_copy, write_csv, write_json


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "deep/a.txt"
    with appearing(path) as part:
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted():
        with appearing(path) as part:
            part.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_says_of_which_file(tmp_path):
    path = tmp_path / "a.txt"

    def full():
        with appearing(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device: '.*a.txt'"):
        full()
    assert list(tmp_path.iterdir()) == []


def test_two_who_write_the_same_file_have_parts_of_their_own(tmp_path):
    assert part_of(tmp_path / "a.txt") != part_of(tmp_path / "a.txt")
    with appearing(tmp_path / "a.txt") as first, appearing(tmp_path / "a.txt") as second:
        first.write_text("one, whole")
        second.write_text("two")
    assert (tmp_path / "a.txt").read_text() == "one, whole"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_table_has_its_names_byte_for_byte(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": [storable("\udcb0,\n人"), "b"], "n": [1, 2]}))
    assert (tmp_path / "a.csv").read_bytes() == b'name,n\n"\xb0,\n\xe4\xba\xba",1\nb,2\n'


@pytest.mark.parametrize("content", [{"人": [1, None]}, {"\udcb0.jpg": "\\udcb0"}])
def test_json_comes_back(tmp_path, content):
    write_json(tmp_path / "a.json", content)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == content


def test_a_link_is_the_same_file(tmp_path):
    (tmp_path / "a").write_bytes(b"weights")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert os.path.samefile(tmp_path / "a", tmp_path / "b")


def test_without_links_it_is_a_copy(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError("no links here")

    monkeypatch.setattr(files.os, "link", refuse)
    (tmp_path / "a").write_bytes(b"weights")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"weights"
    assert not os.path.samefile(tmp_path / "a", tmp_path / "b")
