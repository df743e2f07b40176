"""The bytes that are decoded are the bytes that were hashed, whatever size and time of the file say."""

import os
import pickle

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.storage.hashed_files import ChangedFile, HashedFile
from tests.pipeline.hashed import hashed


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 256, (9, 8, 3), dtype=np.uint8))
    return hashed(tmp_path / "a.png")


def test_the_file_that_was_hashed_is_read(file):
    assert file.decode(max_pixels=100).shape == (9, 8, 3)


def test_another_file_of_the_same_size_and_time_is_refused_and_the_first_is_right_again(file, tmp_path):
    data, before = (tmp_path / "a.png").read_bytes(), os.stat(file.path)
    expected = file.decode(max_pixels=100)
    other = bytearray(data)
    other[-30] ^= 1
    for content in (bytes(other), (tmp_path / "b.png").read_bytes()):
        (tmp_path / "a.png").write_bytes(content)
        os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(ChangedFile, match=r"a\.png has other bytes than in stage manifest") as changed:
            file.read()
        assert changed.value.status == "changed_file"
    (tmp_path / "a.png").write_bytes(data)
    np.testing.assert_array_equal(file.decode(max_pixels=100), expected)


def test_a_file_that_is_gone_is_no_word_on_the_picture(file):
    os.unlink(file.path)
    with pytest.raises(ChangedFile, match="is not there") as changed:
        file.decode(max_pixels=100)
    assert (changed.value.status, changed.value.path) == ("missing_file", file.path)


def test_a_changed_file_travels_between_processes():
    changed = pickle.loads(pickle.dumps(ChangedFile("changed_file", "a.png has other bytes", "a.png")))
    assert (changed.status, changed.detail, changed.path) == (
        "changed_file",
        "a.png has other bytes",
        "a.png",
    )


def test_rows_of_the_manifest_give_their_files():
    rows = pd.DataFrame({"path": ["a", "b"], "sha256": ["1", "2"]})
    assert HashedFile.of(rows) == [HashedFile("a", "1"), HashedFile("b", "2")]
