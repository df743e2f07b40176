"""Every missing row is made once, bad files affect only themselves, and a resumed run makes only what is missing."""

from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.runtime.params import Compute
from pipeline.samples.shards import fill, shard_size_for, write_shard
from pipeline.storage.feature_store import Store
from pipeline.storage.images import BadImage


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
    assert write_shard(items, extractor=Squares(), stores=stores) == 8
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
