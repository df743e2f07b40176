"""Files appear whole or not at all; links are the same file."""

import json
import os

import pytest

from pipeline.storage import files
from pipeline.storage.files import appearing, link_or_copy, write_json


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


def test_json_comes_back(tmp_path):
    write_json(tmp_path / "a.json", {"人": [1, None]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"人": [1, None]}


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
