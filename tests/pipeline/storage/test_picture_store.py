"""Pictures made once: lossless, complete or absent, found by key; a reason is kept where there is none."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from zipfile import ZipFile

import numpy as np
import pytest

from pipeline.storage.feature_store import SkippedError
from pipeline.storage.files import NotMadeError
from pipeline.storage.image_headers import BadImage
from pipeline.storage.picture_store import PictureStore, mark_skipped, open_current, publish

RNG = np.random.default_rng(0)
PICTURES = {f"k{i}-restoration0": RNG.integers(0, 256, (9 + i, 17, 3), dtype=np.uint8) for i in range(12)}


@pytest.fixture
def store(tmp_path):
    store = PictureStore(tmp_path / "restoration", "v1")
    entries = list(PICTURES.items())
    store.write(entries[:5], name="a")
    store.write([*entries[5:], ("bad-restoration0", BadImage("truncated", "x.jpg ends early"))], name="b")
    return store


def test_every_pixel_comes_back(store):
    for key, picture in PICTURES.items():
        np.testing.assert_array_equal(store.read(key), picture)


def test_several_threads_and_processes_may_read(store):
    again = pickle.loads(pickle.dumps(store))
    with ThreadPoolExecutor(8) as pool:
        for picture, expected in zip(pool.map(again.read, list(PICTURES) * 5), list(PICTURES.values()) * 5):
            np.testing.assert_array_equal(picture, expected)


def test_keys_are_what_needs_no_second_try(store):
    assert store.keys() == {*PICTURES, "bad-restoration0"}


def test_why_there_is_none(store):
    with pytest.raises(BadImage, match="ends early") as error:
        store.read("bad-restoration0")
    assert error.value.status == "truncated"
    with pytest.raises(KeyError, match="picture k99-restoration0 is missing; run `dvc repro`"):
        store.read("k99-restoration0")


def test_a_shard_appears_whole_or_not_at_all(store):
    def broken():
        yield "k50-restoration0", PICTURES["k1-restoration0"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(broken(), name="c")
    assert not store.keys() - {*PICTURES, "bad-restoration0"}
    assert len(store.shards()) == 2


def test_a_person_can_open_a_shard(store):
    with ZipFile(store.shards()[0]) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "k0-restoration0.png"


def test_other_versions_go(store):
    other = PictureStore(store.root, "v2")
    other.prune()
    assert not store.folder.exists()


def test_which_is_current(store, tmp_path):
    with pytest.raises(NotMadeError, match="pictures.json is not here; run `dvc repro` first"):
        open_current(store.root)
    publish(store)
    assert open_current(store.root) == PictureStore(store.root.absolute(), "v1")
    mark_skipped(store.root, reason="no weights")
    with pytest.raises(SkippedError, match="no weights"):
        open_current(store.root)
    assert not store.folder.exists()
