"""`dvc repro` on a dozen faces: every stage runs, then none, and after `rm -rf cache` the scores are the same.

Its programs are forks of a process that has the libraries loaded; that each stage starts alone too is for
`tests/pipeline/test_stages.py`.
"""

import faulthandler
import re
import shutil
import signal
import subprocess
import time

import pytest

from tests.forks import fork_server
from tests.small_clone import call, environment, make_clone

pytestmark = pytest.mark.xdist_group("dvc repro")  # one clone and one server

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


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    with fork_server(tmp_path_factory.mktemp("bin")) as folder:
        yield folder


@pytest.fixture
def repro(programs):
    return lambda folder: run(folder, programs)


def run(folder, programs):
    """Stages that `dvc repro` ran."""
    said = call(folder, "dvc", "repro", programs=programs)
    return set(re.findall(r"Running stage '([^']+)'", said))


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
def finished(clone, programs):
    """The clone after its first `dvc repro`, and the stages that ran."""
    return clone, run(clone, programs)


def test_every_stage_runs(finished, programs):
    clone, ran = finished
    assert ran == STAGES
    assert call(clone, "git", "status", "--porcelain") == "?? dvc.lock\n"
    assert len(call(clone, "dvc", "metrics", "show", programs=programs).splitlines()) == 2


def test_nothing_changed_and_nothing_runs(finished, repro):
    clone, _ = finished
    assert repro(clone) == {"manifest"}


def test_a_lost_cache_is_made_again_to_the_same_scores(finished, repro):
    """What DVC keeps it gives back; nets lie outside its cache and are trained again."""
    clone, _ = finished
    scores = (clone / "prediction.txt").read_bytes()
    shutil.rmtree(clone / "cache")
    (clone / "prediction.txt").unlink()
    assert {"manifest", "embed@small", "finetune@texture", "predict"} <= repro(clone)
    assert (clone / "prediction.txt").read_bytes() == scores


def test_a_status_and_a_kill_reach_whoever_asked(programs, tmp_path):
    """The server of the forks is no test of its own if it lies about how commands end."""
    (tmp_path / "slow.py").write_text(
        "import time, pathlib as p; p.Path('begun').touch(); time.sleep(1); p.Path('late').touch()"
    )
    (tmp_path / "bad.py").write_text("raise SystemExit(7)")
    variables = environment(programs)
    bad = subprocess.run(["python", "-m", "bad"], cwd=tmp_path, env=variables, check=False)
    assert bad.returncode == 7
    slow = subprocess.Popen(["python", "-m", "slow"], cwd=tmp_path, env=variables)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    slow.send_signal(signal.SIGKILL)
    slow.wait()
    time.sleep(1.5)
    assert not (tmp_path / "late").exists()
