"""`dvc repro` on a dozen faces: every stage runs, then none, and after `rm -rf cache` the scores are the same."""

import faulthandler
import re
import shutil

import pytest

from tests.small_clone import call, make_clone

STAGES = {
    *(
        "manifest",
        "audit",
        "faces",
        "generate",
        "spectral",
        "embed@small",
        "finetune@face",
        "finetune@texture",
    ),
    *("train", "evaluate", "report", "predict"),
}


def repro(folder):
    """Stages that `dvc repro` ran."""
    return set(re.findall(r"Running stage '([^']+)'", call(folder, "dvc", "repro")))


@pytest.fixture(scope="module")
def unwatched():
    """The watchdog of pyproject.toml is for tests that hang; a dozen processes on a busy machine may take longer."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _unwatched(unwatched):
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def clone(tmp_path_factory, unwatched):
    folder = tmp_path_factory.mktemp("a clone")  # the space belongs to the test
    make_clone(folder, tmp_path_factory.mktemp("empty"))
    return folder


@pytest.fixture(scope="module")
def finished(clone):
    """The clone after its first `dvc repro`, and the stages that ran."""
    return clone, repro(clone)


@pytest.mark.xdist_group("dvc repro")
def test_every_stage_runs(finished):
    clone, ran = finished
    assert ran == STAGES
    assert call(clone, "git", "status", "--porcelain") == "?? dvc.lock\n"
    assert len(call(clone, "dvc", "metrics", "show").splitlines()) == 2


@pytest.mark.xdist_group("dvc repro")
def test_nothing_changed_and_nothing_runs(finished):
    clone, _ = finished
    assert repro(clone) == {"manifest"}


@pytest.mark.xdist_group("dvc repro")
def test_a_lost_cache_is_made_again_to_the_same_scores(finished):
    """What DVC keeps it gives back; nets lie outside its cache and are trained again."""
    clone, _ = finished
    scores = (clone / "prediction.txt").read_bytes()
    shutil.rmtree(clone / "cache")
    (clone / "prediction.txt").unlink()
    assert {"manifest", "embed@small", "finetune@texture", "predict"} <= repro(clone)
    assert (clone / "prediction.txt").read_bytes() == scores
