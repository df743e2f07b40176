"""score() and score_many(): one number for one picture, from threads and after a fork, and errors that say what."""

import io
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.bundle_files import files_of, read_info, read_record, write_info
from models.bundle_info import BundleError
from pipeline.predict import BadImage, score, score_many
from pipeline.serving import trial
from pipeline.serving.bundles import load_bundle

FORKS = """
import multiprocessing, sys, warnings
from pathlib import Path
from pipeline.predict import score, score_many
warnings.simplefilter("ignore")  # Python's own, that a process with threads forks
files = sorted(Path(sys.argv[1]).iterdir())[:4]
bundle = sys.argv[2]
def one(file):
    return score(file, bundle=bundle)
before = score_many(files, bundle=bundle)
with multiprocessing.get_context("fork").Pool(4) as pool:
    after = pool.map(one, files * 2, chunksize=1)
assert after == before * 2, (before, after)
assert one(files[0]) == before[0]
"""


@pytest.fixture
def model(finished):
    return finished / "cache/model"


@pytest.fixture
def images(finished):
    return sorted((finished / "demo/testset").iterdir())[:3]


def test_the_number_is_that_of_the_picture_however_it_is_handed_over(model, images):
    path = images[0]
    number = score(path, bundle=model)
    data = path.read_bytes()
    for same in (str(path), data, io.BytesIO(data), Image.open(path), np.asarray(Image.open(path))):
        assert score(same, bundle=str(model)) == number
    assert score_many(images, bundle=model) == [score(image, bundle=model) for image in images]
    assert score_many([], bundle=model) == []


def test_eight_threads_give_the_numbers_of_one(model, images):
    expected = score_many(images, bundle=model)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda image: score(image, bundle=model), images * 4)) == expected * 4


def test_a_forked_pool_gives_the_numbers_of_its_parent(finished, model):
    """With the threads that torch, OpenCV and LightGBM take by default, of which a fork keeps one."""
    ended = subprocess.run(
        [sys.executable, "-c", FORKS, str(finished / "demo/testset"), str(model)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_what_is_no_picture_is_a_type_error_whatever_is_asked(model):
    for strange in (None, 3, ["a.jpg"], object()):
        with pytest.raises(TypeError, match="an image is .*; allowed are a path, bytes"):
            score(strange, bundle=model, on_error="prior")
    with pytest.raises(TypeError, match=r"shape \(4, 4\)"):
        score(np.zeros((4, 4), np.uint8), bundle=model, on_error="prior")
    for one in ("a.jpg", b"", Path("a.jpg"), np.zeros((4, 4, 3), np.uint8), Image.new("RGB", (4, 4))):
        with pytest.raises(TypeError, match="score_many takes several images, this is one"):
            score_many(one, bundle=model)
    with pytest.raises(ValueError, match="on_error is 'ignore', allowed are 'raise' and 'prior'"):
        score("a.jpg", bundle=model, on_error="ignore")


def test_what_cannot_be_read_is_an_error_or_the_prior_on_request(model, tmp_path, images):
    (tmp_path / "text.jpg").write_text("hello")
    for image, error, message in (
        (tmp_path / "gone.jpg", FileNotFoundError, "gone.jpg is not there; on_error='prior'"),
        ("http://example.org/a.jpg", FileNotFoundError, "is not there"),
        (tmp_path / "text.jpg", BadImage, "text.jpg"),
        (tmp_path, BadImage, "is no plain file; name one image file"),
        (b"hello", BadImage, "the bytes"),
    ):
        with pytest.raises(error, match=message):
            score(image, bundle=model)
        with pytest.warns(UserWarning, match="scored with the training prior"):
            assert score(image, bundle=model, on_error="prior") == load_bundle(model, "cpu").prior
    with pytest.warns(UserWarning, match="gone.jpg is not there"):
        scores = score_many([images[0], tmp_path / "gone.jpg"], bundle=model, on_error="prior")
    assert scores == [score(images[0], bundle=model), load_bundle(model, "cpu").prior]


def test_a_strangers_bundle_is_refused_by_its_child_and_damage_without_one(model, tmp_path, monkeypatch):
    """An author can hash what he likes: a loop in a tree, and a net that asks the network, both under right hashes."""
    stranger = tmp_path / "model"
    shutil.copytree(model, stranger)
    tree = stranger / "stacker_labelled_fold0.txt"
    lines = tree.read_text().split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("left_child=") and " " in line)
    lines[place] = f"left_child=0{lines[place].removeprefix('left_child=')[1:]}"
    tree.write_text("\n".join(lines))
    with pytest.raises(BundleError, match="stacker_labelled_fold0.txt is damaged or was altered"):
        load_bundle(stranger, "cpu")
    info = read_info(model)
    write_info(stranger, info.model_copy(update={"files": files_of(stranger)}))
    with pytest.raises(
        BundleError, match="stacker_labelled_fold0.txt is no booster that can be used: .* make no tree"
    ):
        load_bundle(stranger, "cpu")


def test_a_whole_bundle_passes_its_first_use_and_is_remembered(model, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    record = read_record(model)
    trial.require(model, record, read_info(model))
    assert len(list((tmp_path / "faketrace/bundles").iterdir())) == 1
    monkeypatch.setattr(trial, "_CHILD", "import sys; sys.exit(5)")
    trial.require(model, record, read_info(model))


@pytest.mark.parametrize("seed", range(3))
def test_no_edit_of_a_bundle_gives_another_number(model, images, tmp_path, seed):
    """Fifty edits each of a part or of the record: refused in one line. Nothing but the hashes has to know them."""
    rng = np.random.default_rng(seed)
    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    parts = sorted(path for path in copy.rglob("*") if path.is_file())
    for _ in range(50):
        path = parts[int(rng.integers(len(parts)))]
        whole = path.read_bytes()
        place, length = int(rng.integers(len(whole))), int(rng.integers(1, 2000))
        changed = [
            whole[:place] + bytes([whole[place] ^ (1 << int(rng.integers(8)))]) + whole[place + 1 :],
            whole[:place],
            whole[:place] + whole[place + length :],
            whole[:place] + rng.bytes(length) + whole[place + length :],
            whole + whole[place:],
        ][int(rng.integers(5))]
        path.write_bytes(changed)
        if changed == whole:
            continue
        with pytest.raises(BundleError) as error:
            load_bundle(copy, "cpu")
        assert "\n" not in str(error.value)
        path.write_bytes(whole)
    assert score(images[0], bundle=copy) == score(images[0], bundle=model)
