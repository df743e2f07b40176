"""Kept memory: a large block that was freed costs few page faults when it is asked for again."""

import ctypes
import subprocess
import sys

import pytest
import torch

from pipeline.runtime import process
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import DeviceError, gpu_processes, pick_device
from pipeline.runtime.sections import Compute

SCRIPT = """
import resource, sys
import numpy as np
from pipeline.runtime.process import tune_malloc
if sys.argv[1] != "plain":
    tune_malloc(tensors=sys.argv[1] == "tensors")
size = int(sys.argv[2])
for _ in range(3):
    np.ones(size, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(size, np.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how, size):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, str(size)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_tensors_that_were_freed_are_used_again():
    assert faults("tensors", 16_000_000) * 4 < faults("plain", 16_000_000)


def test_a_photo_is_given_back():
    """The pixels of 48 megapixels, between blocks that are kept."""
    script = """
import numpy as np
from pipeline.runtime.process import tune_malloc
tune_malloc()
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
before, kept = held(), []
for _ in range(3):
    photo = np.ones((6000, 8000, 3), np.uint8)
    kept.append(np.ones(1 << 20, np.uint8))
    assert held() > before + 130
    del photo
assert held() < before + 20, held()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == "cpu"
    with pytest.raises(DeviceError, match="compute.device is 'cuda'"):
        pick_device("cuda")


def test_convolutions_on_cuda_are_not_rounded(monkeypatch):
    monkeypatch.setattr(process, "_has_gpu_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert pick_device("cpu") == "cpu"
    assert torch.backends.cudnn.allow_tf32
    assert pick_device("auto") == "cuda"
    assert not torch.backends.cudnn.allow_tf32


def test_without_a_driver_torch_is_not_asked(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    monkeypatch.setattr(process.os.path, "exists", lambda path: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("torch was asked"))
    assert pick_device("auto") == "cpu"


def test_where_torch_is_not_installed_a_driver_is_of_no_use(monkeypatch):
    monkeypatch.setattr(process, "_has_gpu_driver", lambda: True)
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("torch was asked"))
    assert pick_device("auto") == "cpu"


NETS = """
import sys
import lightgbm  # its threads are those that torch would take over
from pipeline.runtime.process import limit_threads
limit_threads(int(sys.argv[1]))
print("torch" in sys.modules)
import torch
print(torch.get_num_threads())
limit_threads(3 - torch.get_num_threads())
print(torch.get_num_threads())
"""


@pytest.mark.parametrize(("before", "threads"), [(0, ["2", "1"]), (1, ["1", "2"])])
def test_torchs_threads_are_limited_before_it_is_loaded_and_after(before, threads):
    command = [sys.executable, "-c", NETS, str(before)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"OMP_NUM_THREADS": "2"})
    assert done.stdout.split() == ["False", *threads]


BLAS = """
import numpy
from pipeline.runtime.process import limit_threads
from threadpoolctl import threadpool_info
limit_threads(THREADS)
print(*(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"))
"""


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_blas_has_one_thread_whatever_the_rest_has(threads):
    command = [sys.executable, "-c", BLAS.replace("THREADS", str(threads))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"OPENBLAS_NUM_THREADS": "2"}
    )
    assert set(done.stdout.split()) == {"1"}


@pytest.mark.parametrize(
    ("free", "wanted", "processes"), [(80, 0, 16), (80, 4, 4), (11, 0, 3), (1, 0, 1), (1, 5, 1)]
)
def test_a_gpu_is_shared_by_as_many_processes_as_it_holds(free, wanted, processes, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free << 30, 80 << 30))
    monkeypatch.setattr("pipeline.runtime.process.cpu_count", lambda: 16)
    assert gpu_processes(wanted) == processes


def test_a_gpu_is_fed_by_several_processes_and_the_cpu_by_all_that_are_wanted(monkeypatch):
    monkeypatch.setattr("pipeline.runtime.sections.gpu_processes", lambda wanted: 5)
    for device, nets, workers in (("cuda", True, 5), ("cuda", False, 7), ("cpu", True, 7)):
        monkeypatch.setattr("pipeline.runtime.sections.pick_device", lambda _, device=device: device)
        assert Compute(workers=7).engine(nets=nets) == Engine(workers=workers)
    monkeypatch.setattr("pipeline.runtime.sections.pick_device", lambda _: "cuda")
    assert Compute(backend="sequential").engine(nets=True).backend == "sequential"


def test_nets_are_trained_at_once_but_on_a_gpu(monkeypatch):
    cluster = Compute(backend="dask", scheduler="tcp://here:8786")
    for device in ("cuda", "cpu"):
        monkeypatch.setattr("pipeline.runtime.sections.pick_device", lambda _, device=device: device)
        assert cluster.training_engine(3) == cluster.engine()
    assert Compute().training_engine(3) == Engine(workers=3, lasting=False)
    assert Compute(workers=2).training_engine(3) == Engine(workers=2, lasting=False)
    assert Compute(backend="sequential").training_engine(3).backend == "sequential"
    monkeypatch.setattr("pipeline.runtime.sections.pick_device", lambda _: "cuda")
    assert Compute(workers=2).training_engine(3).backend == "sequential"
