"""Without a GPU one line; in a rehearsal all of it, with the CPU in the place of the device."""

import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.gpu import agreement
from benchmarks.gpu.__main__ import NO_GPU, main, steps
from benchmarks.gpu.record import Record
from benchmarks.gpu.workload import REHEARSAL, Workload, spec_of

pytestmark = pytest.mark.xdist_group("small run")  # made once, in one process


@pytest.fixture
def work(finished, tmp_path):
    """What a rehearsal works on, with the faces and the bundle of the small run instead of its own."""
    made = Workload(tmp_path, "cpu", REHEARSAL, cores=1)
    shutil.copytree(finished / "demo", tmp_path / "demo")
    vars(made).update(
        files=sorted((tmp_path / "demo").glob("*set/*.jpg"))[:12], bundle=finished / "cache/model"
    )
    return made


def test_without_a_gpu_it_says_so_in_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["--out", str(tmp_path / "gpu.json")]) == 0
    assert capsys.readouterr().out == NO_GPU + "\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("default")
def test_a_rehearsal_runs_every_step_and_every_check_holds(work, tmp_path):
    record = Record({"device": "none"}, tmp_path / "gpu.json")
    record.run(steps(work), limit=3000, begun=time.monotonic())
    assert record.holds, record.table()
    told = json.loads(record.file.read_text())
    assert list(told["seconds"]) == [step.name for step in steps(work)]
    same = {c["name"]: c["value"] for c in told["checks"] if not c["measure"].startswith("change")}
    assert all(abs(value) < 1e-6 for value in same.values()), same  # the CPU beside itself
    assert {"boxes", "spectral numbers", "scores of predict"} <= set(same)
    assert sum(rate["name"].startswith("whole path") for rate in told["rates"]) == 2
    assert all(rate["per_second"] > 0 for rate in told["rates"])


def test_another_box_is_off(monkeypatch, work):
    found = agreement._faces(work, "cpu")
    moved = [replace(face, box=face.box + np.float32(0.1)) for face in found]
    both = iter((found, moved))
    monkeypatch.setattr(agreement, "_faces", lambda *_: next(both))
    off = [check.name for check in agreement.detection(work) if not check.holds]
    assert off == ["boxes"]


def test_the_recipe_and_the_shipped_nets_are_compared_each_make_once():
    full = Workload(None, "cpu", replace(REHEARSAL, overlay={}), cores=1)
    makes = agreement.entries(full)
    assert len(makes) == 4
    assert spec_of(list(makes.values())[-1]).model == agreement.LARGEST_ON_CPU
