"""Every missing row is made once, bad files affect only themselves, and a resumed run makes only what is missing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.runtime.params import Compute
from pipeline.samples.shards import Shard, fill, finish, shard_size_for, write_shard
from pipeline.storage.feature_store import Store, open_current
from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.images import BadImage
from pipeline.storage.unmade import FilesGoneError


@dataclass(frozen=True)
class Numbered:
    row: str
    value: float
    log: str = ""


@dataclass(frozen=True)
class Squares:
    """Two blocks of a number; negative ones cannot be read."""

    images_per_batch: int = 3

    def start(self):
        pass

    def read(self, item):
        if item.log:
            with open(item.log, "a") as stream:
                stream.write(f"{item.row}\n")
        if item.value < 0:
            raise BadImage("truncated", "it is cut off")
        return item.value

    def compute(self, inputs, blocks):
        powers = {"one": 1, "two": 2}
        return {name: np.array([[value ** powers[name]] for value in inputs], np.float32) for name in blocks}


@pytest.fixture
def stores(tmp_path):
    return {name: Store(tmp_path / name, "v1", (f"{name}.x",), "spectral") for name in ("one", "two")}


def run(items, stores, **compute):
    fill(
        items,
        Squares(),
        stores,
        describe="test",
        compute=Compute(**{"backend": "sequential", **compute}),
        nets=False,
    )


def test_rows_of_both_blocks_and_the_reason_of_a_bad_file(stores):
    items = [Numbered(f"k{i}", i if i != 4 else -1) for i in range(8)]
    assert write_shard(items, extractor=Squares(), stores=stores) == Shard(8)
    for name, power in (("one", 1), ("two", 2)):
        values, reasons = stores[name].read([item.row for item in items])
        expected = [float("nan") if i == 4 else i**power for i in range(8)]
        np.testing.assert_array_equal(values[:, 0], np.float32(expected))
        assert reasons == ["truncated: it is cut off" if i == 4 else "" for i in range(8)]


@pytest.mark.parametrize("compute", [{}, {"backend": "loky", "workers": 2}])
def test_each_item_is_read_once_and_never_again(stores, tmp_path, compute):
    log = tmp_path / "log"
    items = [Numbered(f"k{i}", i, str(log)) for i in range(25)]
    run(items, stores, shard_size=8, **compute)
    assert sorted(log.read_text().split()) == sorted(item.row for item in items)
    log.unlink()
    run([*items, Numbered("new", 5, str(log))], stores, shard_size=8, **compute)
    assert log.read_text().split() == ["new"]


def test_a_block_that_a_killed_run_lacks_is_made_alone(stores, tmp_path):
    items = [Numbered(f"k{i}", i) for i in range(5)]
    write_shard(items[:3], extractor=Squares(), stores={"one": stores["one"]})
    before = stores["one"].shards()[0].stat().st_mtime_ns
    run(items, stores)
    assert stores["one"].keys() == stores["two"].keys() == {item.row for item in items}
    assert before in {shard.stat().st_mtime_ns for shard in stores["one"].shards()}
    np.testing.assert_array_equal(stores["two"].read(["k2"])[0], [[4]])


def test_other_versions_go(stores):
    old = Store(stores["one"].root, "v0", ("one.x",), "spectral")
    old.write(["a"], np.ones((1, 1), np.float32), [""])
    run([Numbered("a", 2)], stores)
    assert not old.folder.exists()


@pytest.mark.parametrize(("n", "size"), [(0, 200), (130, 200), (400, 200), (4_000, 500), (1_000_000, 640)])
def test_shard_size_follows_the_number_of_images(n, size):
    assert shard_size_for(n, shard_size=640) == size


@dataclass(frozen=True)
class Changing(Squares):
    """Numbers in files: a file with another number than the item's is another file."""

    def read(self, item):
        if not Path(item.log).is_file():
            raise ChangedFile("missing_file", f"{item.log} is not there", item.log)
        if float(Path(item.log).read_text()) != item.value:
            raise ChangedFile("changed_file", f"{item.log} has other bytes", item.log)
        return item.value


@pytest.mark.parametrize("compute", [{"backend": "sequential"}, {"backend": "loky", "workers": 2}])
def test_nothing_is_stored_of_a_changed_file_and_it_is_right_when_it_is_back(
    stores, tmp_path, monkeypatch, capsys, compute
):
    monkeypatch.chdir(tmp_path)
    items = [Numbered(f"k{i:02}", i, str(tmp_path / f"{i}.txt")) for i in range(20)]
    for item in items:
        Path(item.log).write_text(str(item.value))
    Path(items[3].log).unlink()
    Path(items[7].log).write_text("8")

    def make():
        unmade = fill(
            items, Changing(), stores, describe="test", compute=Compute(**compute, shard_size=8), nets=False
        )
        finish("numbers", stores.values(), unmade, rows=len(items))
        return unmade

    assert [(item.row, item.status) for item in make()] == [("k03", "missing_file"), ("k07", "changed_file")]
    assert "2 files are not what stage manifest saw" in capsys.readouterr().err
    assert len(Path("cache/issues/numbers.csv").read_text().splitlines()) == 3
    for name, store in stores.items():
        assert store.keys() == {item.row for item in items} - {"k03", "k07"}
        assert open_current(tmp_path / name).read(["k03"])[1] == [
            f"missing_file: {items[3].log} is not there"
        ]
    for place in (3, 7):
        Path(items[place].log).write_text(str(place))
    assert make() == []
    assert Path("cache/issues/numbers.csv").read_text() == "path,status,detail\n"
    np.testing.assert_array_equal(open_current(tmp_path / "two").read(["k03", "k07"])[0], [[9], [49]])


def test_a_stage_of_which_most_files_are_gone_ends(stores, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    items = [Numbered(f"k{i}", i, str(tmp_path / f"{i}.txt")) for i in range(4)]
    Path(items[0].log).write_text("0")
    unmade = fill(
        items, Changing(), stores, describe="test", compute=Compute(backend="sequential"), nets=False
    )
    with pytest.raises(FilesGoneError, match="stage numbers: 3 of 4 rows could not be made"):
        finish("numbers", stores.values(), unmade, rows=len(items))
    assert stores["one"].keys() == {"k0"}, "what was made is kept"
