"""Pieces of work: the same results wherever they are done, and none lost with a worker."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from pipeline.runtime.engine import ClusterError, Engine, WorkerError
from tests.pipeline.runtime.pieces import dies_once, fails, grows, killed, pid, place, square, starved

distributed = pytest.importorskip("distributed")
ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.xdist_group("dask"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def scheduler():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["sequential", "loky", "dask"])
def engine(request):
    address = request.getfixturevalue("scheduler") if request.param == "dask" else None
    return Engine(request.param, 2, address)


def test_results_come_in_order(engine):
    assert list(engine.map(square, range(20))) == [n * n for n in range(20)]


def test_unordered_results_are_all_there(engine):
    assert sorted(engine.map(square, range(20), ordered=False)) == [n * n for n in range(20)]


def test_nothing_to_do_is_done(engine):
    assert list(engine.map(square, [])) == []


def test_an_error_of_a_piece_is_raised_here(engine):
    with pytest.raises(ValueError, match="is bad"):
        list(engine.map(fails, [1, 2, 3]))


def test_pieces_find_the_runs_folder(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(engine.map(place, range(6))) == {str(tmp_path)}


def test_few_pieces_start_no_process():
    assert set(Engine("loky", 2).map(pid, range(7), min_pieces_per_worker=4)) == {os.getpid()}
    assert os.getpid() not in set(Engine("loky", 2).map(pid, range(8), min_pieces_per_worker=4))


def test_a_piece_whose_worker_dies_is_done_by_another(scheduler, tmp_path):
    engine = Engine("dask", scheduler=scheduler)
    work = partial(dies_once, folder=str(tmp_path))
    assert list(engine.map(work, range(8))) == list(range(8))


def test_a_worker_that_grows_is_replaced_and_nothing_is_lost():
    assert list(Engine("loky", 2).map(grows, range(5))) == list(range(5))


def test_without_a_cluster_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setattr("pipeline.runtime.engine.CLUSTER_TIMEOUT_S", 1)
    with pytest.raises(ClusterError, match="start `dask scheduler` and `dask worker"):
        list(Engine("dask", scheduler="tcp://127.0.0.1:9").map(square, [1]))


def test_a_killed_worker_ends_in_one_line_that_says_what_to_do():
    with pytest.raises(
        WorkerError,
        match=r"one of 2 worker processes was ended from outside \(SIGKILL\(-9\)\).*use fewer of them \(compute.workers",
    ) as error:
        list(Engine("loky", 2).map(killed, range(8)))
    assert "\n" not in str(error.value)
    assert list(Engine("loky", 2).map(square, range(4))) == [0, 1, 4, 9], "the next pieces have new workers"


@pytest.mark.parametrize("backend", ["sequential", "loky"])
@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_memory_that_runs_out_ends_in_one_line(backend, error):
    with pytest.raises(
        WorkerError, match=r"memory has run out in one of \d process.*lower manifest.max_pixels"
    ):
        list(Engine(backend, 2).map(partial(starved, error=error), range(8)))


ORPHANS = """
import sys
from pipeline.runtime.engine import Engine
from tests.pipeline.runtime.pieces import lingers

list(Engine("loky", 2).map(lingers, [sys.argv[1]] * 8))
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_are_gone_within_seconds_when_their_parent_is(tmp_path, how):
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANS, str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )
    try:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        parent.send_signal(how)
        parent.wait(30)
        deadline = time.monotonic() + 10
        while any(map(is_running, workers)):
            assert time.monotonic() < deadline, "workers outlive their parent"
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_processes_that_are_not_to_last_end_with_their_work():
    workers = set(Engine(workers=2, lasting=False).map(pid, range(8)))
    assert os.getpid() not in workers
    deadline = time.monotonic() + 60
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline, "they keep the memory of their work"
        time.sleep(0.05)
