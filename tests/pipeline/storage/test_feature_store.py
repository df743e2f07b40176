"""The feature store: shards are whole or absent, rows come back as asked, versions never mix."""

import numpy as np
import pytest

from pipeline.storage import feature_store, files
from pipeline.storage.feature_store import (
    SkippedError,
    Store,
    mark_skipped,
    open_current,
    publish,
    version_of,
)
from pipeline.storage.files import NotMadeError


@pytest.fixture
def made(tmp_path):
    return Store(tmp_path / "block", "v1", ("block.a", "block.b"), "spectral")


def rows(keys):
    return np.array([[len(k), ord(k[-1])] for k in keys], dtype=np.float32)


def test_rows_come_back_in_the_order_asked_and_repeated(made):
    made.write(["a", "b"], rows(["a", "b"]), ["", "odd"])
    made.write(["c"], rows(["c"]), [""])
    values, detail = made.read(["c", "b", "b", "a"])
    np.testing.assert_array_equal(values, rows(["c", "b", "b", "a"]))
    assert detail == ["", "odd", "odd", ""]
    assert made.keys() == {"a", "b", "c"}


def test_nan_survives(made):
    made.write(["a"], np.array([[np.nan, 1]], np.float32), [""])
    np.testing.assert_array_equal(made.read(["a"])[0], [[np.nan, 1]])


def test_missing_rows_are_counted(made):
    made.write(["a"], rows(["a"]), [""])
    with pytest.raises(KeyError, match="2 of 3 rows are missing; run `dvc repro`"):
        made.read(["a", "x", "y"])


def test_wrong_shape_is_refused(made):
    with pytest.raises(ValueError, match=r"shape \(1, 3\), expected \(1, 2\)"):
        made.write(["a"], np.zeros((1, 3), np.float32), [""])


def test_a_shard_that_fails_half_way_is_not_visible(made, monkeypatch):
    def fail(table, path, **_):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(feature_store.pq, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        made.write(["a"], rows(["a"]), [""])
    assert made.keys() == set()
    assert not list(made.folder.iterdir())


def test_the_same_rows_make_the_same_file(made, tmp_path):
    other = Store(tmp_path / "other", "v1", made.columns, made.sort)
    for each in (made, other):
        each.write(["a", "b"], rows(["a", "b"]), ["", ""])
    first, second = made.shards()[0], other.shards()[0]
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_versions_do_not_mix_and_old_ones_go(made):
    made.write(["a"], rows(["a"]), [""])
    newer = Store(made.root, "v2", made.columns, made.sort)
    assert newer.keys() == set()
    newer.prune()
    assert made.keys() == set()


def test_index_names_the_current_version_or_why_there_is_none(made):
    with pytest.raises(NotMadeError, match=r"block.json is not here; run `dvc repro` first"):
        open_current(made.root)
    publish(made)
    assert open_current(made.root) == made
    mark_skipped(made.root, reason="no weights")
    with pytest.raises(SkippedError, match="no weights"):
        open_current(made.root)


def test_small_shards_are_joined_and_no_row_changes(made):
    keys = [f"k{i}" for i in range(40)]
    for key in keys:
        made.write([key, key + "x"], rows([key, key + "x"]), ["", f"odd {key}"])
    both = [k + end for k in keys for end in ("", "x")]
    before = made.read(both)
    publish(made)
    assert len(made.shards()) == feature_store.MAX_SHARDS // 2
    after = made.read(both)
    np.testing.assert_array_equal(after[0], before[0])
    assert after[1] == before[1]
    assert made.keys() == set(both)
    names = [path.name for path in made.shards()]
    publish(made)
    assert [path.name for path in made.shards()] == names, "few files stay as they are"


def test_joining_does_not_depend_on_the_order_of_writing(made, tmp_path):
    other = Store(tmp_path / "other", "v1", made.columns, made.sort)
    keys = [f"k{i}" for i in range(9)]
    for each, order in ((made, keys), (other, keys[::-1])):
        for key in order:
            each.write([key], rows([key]), [""])
        each.join(max_shards=4)
    assert [p.read_bytes() for p in made.shards()] == [p.read_bytes() for p in other.shards()]


def test_a_kill_while_joining_loses_nothing(made, monkeypatch):
    for key in "abcdef":
        made.write([key], rows([key]), [""])

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        made.join(max_shards=2)
    monkeypatch.undo()
    np.testing.assert_array_equal(made.read(list("abcdef"))[0], rows(list("abcdef")))
    made.prune()
    made.join(max_shards=2)
    assert len(made.shards()) == 1
    np.testing.assert_array_equal(made.read(list("abcdef"))[0], rows(list("abcdef")))


def test_version_depends_on_facts_not_on_their_order():
    assert version_of({"a": 1, "b": [2]}) == version_of({"b": [2], "a": 1})
    assert version_of({"a": 1}) != version_of({"a": 2})


def test_an_unmade_row_has_its_reason_and_no_number(tmp_path):
    store = Store(tmp_path / "radial", "v1", ("radial.x",), "spectral")
    store.write(["a"], np.ones((1, 1), np.float32), [""])
    publish(store, {"b": "missing_file: caf\udce9.jpg is not there"})
    opened = open_current(store.root)
    values, reasons = opened.read(["b", "a"])
    np.testing.assert_array_equal(values, [[np.nan], [1]])
    assert reasons == ["missing_file: caf\\udce9.jpg is not there", ""]
    assert opened.keys() == {"a"}, "so that it is asked for again"
    with pytest.raises(KeyError, match="1 of 2 rows are missing"):
        opened.read(["b", "c"])
    store.write(["b"], np.full((1, 1), 2, np.float32), [""])
    assert opened.read(["b"])[0] == 2, "a row that is there counts more than an old reason"
